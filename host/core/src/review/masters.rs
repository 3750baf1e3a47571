//! Review of what a request names on this node: NICs of the network's own pool, and classes that exist. A name that nobody knows
//! is an error, never "all NICs".

use crate::{
    facts::{
        Request,
        nic_selection::{DeviceClass, Nic},
    },
    finding::Finding,
};

/// `pool`: the network's NICs on this node. `host`: all NICs of this node. A master that this node does not have is passed over so
/// long as another is there, because one annotation serves nodes of several makes.
pub fn masters(request: &Request, pool: &[Nic], host: &[Nic], classes: &[DeviceClass]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let has = |nics: &[Nic], name: &str| nics.iter().any(|nic| nic.name == name);
    for (index, master) in request.masters.iter().enumerate() {
        if has(host, master) && !has(pool, master) {
            let message = format!("`{master}` is outside the network; its NICs on this node are {}", names(pool));
            findings.push(Finding::new(format!("masters[{index}]"), message));
        }
    }
    if !request.masters.is_empty() && !request.masters.iter().any(|master| has(host, master) || has(pool, master)) {
        let asked = quoted(request.masters.iter().map(String::as_str));
        let message = format!("this node has no NIC {asked}; the network's NICs on it are {}", names(pool));
        findings.push(Finding::new("masters", message));
    }
    if let Some(class) = request.class.as_deref().filter(|class| !classes.iter().any(|known| known.name == *class)) {
        let known = quoted(classes.iter().map(|class| class.name.as_str()));
        findings.push(Finding::new("class", format!("`{class}` is no DeviceClass; there are {known}")));
    }
    findings
}

fn names(nics: &[Nic]) -> String {
    quoted(nics.iter().map(|nic| nic.name.as_str()))
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
