//! MultiNicNetwork: one Network, or one for each network of NICs where addresses were the hosts' own.

use ipnet::IpNet;
use serde_json::{Value, json};

use super::{
    Cut, ipam, link,
    state::{Cidr, State, Terms},
    strategy,
};
use crate::{
    foreign::Foreign,
    ours::{Converted, object},
    report::Class,
};

const OWN_KEYS: &[&str] = &["multinic.fms.io", "multi-nic"];

pub(super) fn convert(mut foreign: Foreign, state: &State) -> (Converted, Vec<Cut>) {
    let spec = &mut foreign.spec;
    // What is not a prefix is noted by its reading, and then the network has no subnet that it was meant to have.
    let named = spec.clone().text("subnet");
    let mut terms = Terms { subnet: spec.parsed("subnet", "a prefix like `192.168.0.0/16`"), ..Terms::default() };
    if let (Some(text), None) = (named, terms.subnet) {
        let why = format!("`{text}` is not a prefix; there, the controller hangs on such a network");
        return (foreign.refused("spec.subnet", why, "write a prefix like `192.168.0.0/16`"), Vec::new());
    }
    terms.master_nets = super::state::masters(spec);
    let multi = spec.flag("multiNICIPAM").unwrap_or(false);
    let link = link::read(spec, &foreign.name);
    let strategy = strategy::read(spec);
    let namespaces = spec.texts("namespaces");
    let cidr = state.cidrs.get(&foreign.name);
    let mut plan = ipam::read(spec, terms, multi, cidr, state);
    for part in plan.iter_mut().filter(|part| part.l3) {
        part.l3 = link::is_routed(&link);
        if !part.l3 {
            let meaning = "asked for routes between nodes on a link that answers for its own addresses, so nothing would pass through them; \
                           nobody checked that there; here such a network has none";
            spec.note(
                Class::Changed,
                "ipam.vlanMode",
                meaning,
                "set `link.mode: l3` and `routing: l3` if routes are meant",
            );
        }
    }

    let mut objects = Vec::new();
    let mut cuts = Vec::new();
    for part in plan {
        let name = format!("{}{}", foreign.name, part.suffix);
        let spec = json!({
            "subnets": texts(&part.subnets),
            "masterNets": texts(&part.master_nets),
            "nics": part.nics,
            "link": link,
            "ipam": part.ipam,
            "routes": part.routes,
            "routing": routing(part.l3),
            "strategy": { "nicSelection": strategy.as_ref().map(|strategy| strategy.name) },
            "namespaces": namespaces,
        });
        objects.push(object("Network", foreign.metadata(&name, OWN_KEYS), spec));
        cuts.push(Cut { network: name, scheme: part.scheme, net: part.net, l3: part.l3 });
    }
    let mut converted = foreign.converted(objects, Vec::new());
    converted.strategies = strategy.map(|strategy| strategy.definitions).unwrap_or_default();
    (converted, cuts)
}

/// The network that a CIDR tells of, where its MultiNicNetwork is not at hand. Returned as an object and its notes are the
/// CIDR's.
pub(super) fn of_cidr(cidr: &Cidr) -> (Vec<Value>, Vec<Cut>, Vec<crate::Note>) {
    let Cidr { foreign, plugin, terms, .. } = cidr;
    let mut notes = vec![crate::Note::new(
        Class::Check,
        "spec.config",
        "the MultiNicNetwork is not among the files; its network is made of what the CIDR tells, without link mode, MTU, \
         routes, strategy and namespaces",
        "convert both together",
    )];
    let parts = ipam::of_terms(terms, Some(cidr), &mut notes);
    let link = link::of_type(plugin.as_deref().unwrap_or_default(), &mut notes);
    let mut objects = Vec::new();
    let mut cuts = Vec::new();
    for mut part in parts {
        part.l3 = part.l3 && link::is_routed(&link);
        let name = format!("{}{}", foreign.name, part.suffix);
        let spec = json!({
            "subnets": texts(&part.subnets),
            "masterNets": texts(&part.master_nets),
            "link": link,
            "ipam": part.ipam,
            "routing": routing(part.l3),
        });
        objects.push(object("Network", json!({ "name": name }), spec));
        cuts.push(Cut { network: name, scheme: part.scheme, net: part.net, l3: part.l3 });
    }
    (objects, cuts, notes)
}

fn routing(l3: bool) -> Option<&'static str> {
    l3.then_some("l3")
}

fn texts(nets: &[IpNet]) -> Vec<String> {
    nets.iter().map(IpNet::to_string).collect()
}
