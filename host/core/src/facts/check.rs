//! What facts promise to policies beyond their types: indexes that lead somewhere, lists of one length, sorted names. The host's own
//! facts keep these promises by the way they are made; facts that somebody else gives are checked here before any policy sees them.

use std::fmt::Display;

use super::{Attribute, Facts, Label, Node, Pod, attach, gateways, nic_selection};
use crate::{
    facts::gateways::{Cells, NONE},
    facts::registry,
    finding::Finding,
    ids::IfName,
    review::{self, capped::Capped, text},
};

/// So many findings are told in full; facts of gateways may have hundreds of thousands.
pub const TOLD: usize = 1000;

impl Facts {
    /// Every promise that the facts break.
    pub fn check(&self) -> Vec<Finding> {
        match self {
            Facts::Attach(facts) => attach(facts),
            Facts::NicSelection(facts) => nic_selection(facts),
            Facts::GatewayFilter(facts) | Facts::GatewayDistribution(facts) => gateways(facts),
        }
    }
}

/// Of facts of attach.
pub fn attach(facts: &attach::Facts) -> Vec<Finding> {
    let attach::Facts { pod, node, call, networks, attributes } = facts;
    let mut found = Found::default();
    found.pod(pod);
    found.node(node);
    if let Err(refused) = call.ifname.parse::<IfName>() {
        found.add("call.ifname", refused);
    } else if call.ifname == "lo" {
        found.add("call.ifname", "`lo` is the pod's loopback");
    }
    found.attributes("call.attributes", &call.attributes);
    let mut default = None;
    for (index, offer) in networks.iter().enumerate() {
        if offer.name.is_empty() {
            found.add(format!("networks[{index}].name"), "is empty");
        }
        if networks.iter().take(index).any(|earlier| earlier.name == offer.name) {
            found.add(format!("networks[{index}].name"), format!("`{}` stands twice", offer.name));
        }
        if let Some(first) = default.filter(|_| offer.default) {
            let message = format!("networks[{first}] is the default already; a NetConf names one network");
            found.add(format!("networks[{index}].default"), message);
        }
        default = default.or(offer.default.then_some(index));
        found.attributes(&format!("networks[{index}].attributes"), &offer.attributes);
    }
    found.attributes("attributes", attributes);
    found.0.finish()
}

/// Of facts of nic-selection. The names in the request are held against the candidates and classes, as they are held against the
/// node's NICs when a pod is attached: a name that nobody knows is an error, never "all NICs".
pub fn nic_selection(facts: &nic_selection::Facts) -> Vec<Finding> {
    let nic_selection::Facts { pod, node, request, candidates, taken, devices, classes, attributes } = facts;
    let mut found = Found::default();
    found.pod(pod);
    found.node(node);
    let of_request =
        review::request(request).into_iter().chain(review::masters(request, candidates, candidates, classes));
    of_request.for_each(|finding| found.0.push(|| finding.within("request")));
    let names: Vec<&str> = candidates.iter().map(|nic| nic.name.as_str()).collect();
    for (index, nic) in candidates.iter().enumerate() {
        let path = |field: &str| format!("candidates[{index}].{field}");
        if let Err(refused) = nic.name.parse::<IfName>() {
            found.add(path("name"), refused);
        }
        if let Some(functions) = nic.functions.filter(|functions| functions.free > functions.total) {
            let message = format!("{} are free of {} in total", functions.free, functions.total);
            found.add(path("functions.free"), message);
        }
        let users: Vec<(&str, Option<&str>)> =
            nic.users.iter().map(|user| (user.namespace.as_str(), user.tenant.as_deref())).collect();
        found.ascending(&path("users"), &users, |(namespace, _)| format!("`{namespace}`"));
        found.attributes(&path("attributes"), &nic.attributes);
    }
    found.once("candidates", ".name", &names);
    found.ascending("taken", taken, u32::to_string);
    found.indexes("taken", taken, candidates.len(), "candidates", Nowhere::Refused);
    let classes_by_name: Vec<&str> = classes.iter().map(|class| class.name.as_str()).collect();
    found.ascending("classes", &classes_by_name, |name| format!("`{name}`"));
    for (index, class) in classes.iter().enumerate() {
        let path = format!("classes[{index}].members");
        found.ascending(&path, &class.members, u32::to_string);
        found.indexes(&path, &class.members, candidates.len(), "candidates", Nowhere::Refused);
    }
    for (index, device) in devices.iter().enumerate() {
        found.attributes(&format!("devices[{index}].attributes"), &device.attributes);
    }
    found.attributes("attributes", attributes);
    found.0.finish()
}

/// Of facts of gateway-filter and gateway-distribution.
pub fn gateways(facts: &gateways::Facts) -> Vec<Finding> {
    let gateways::Facts {
        policy: _,
        nodes,
        namespaces,
        zones,
        zone_region,
        regions,
        gateways,
        endpoints,
        allowed,
        attributes,
    } = facts;
    let mut found = Found::default();
    found.length("zoneRegion", zone_region.len(), zones.len(), "zones");
    found.indexes("zoneRegion", zone_region, regions.len(), "regions", Nowhere::Allowed);
    for (index, gateway) in gateways.iter().enumerate() {
        let path = |field: &str| format!("gateways[{index}].{field}");
        found.indexes_at(|_| path("node"), &[gateway.node], nodes.len(), "nodes", Nowhere::Allowed);
        found.indexes_at(|_| path("zone"), &[gateway.zone], zones.len(), "zones", Nowhere::Allowed);
        found.attributes(&path("attributes"), &gateway.attributes);
    }
    let ids: Vec<&str> = gateways.iter().map(|gateway| gateway.id.as_str()).collect();
    found.once("gateways", ".id", &ids);

    let gateways::Endpoints { identity, uid, namespace, addresses, node, zone, previous, columns } = endpoints;
    let count = identity.len();
    if addresses.len() != count {
        found.add("endpoints.addresses", format!("has {} entries for {count} endpoints", addresses.len()));
    }
    let lists = [
        ("uid", uid.len()),
        ("namespace", namespace.len()),
        ("node", node.len()),
        ("zone", zone.len()),
        ("previous", previous.len()),
    ];
    for (name, length) in lists {
        found.length(&format!("endpoints.{name}"), length, count, "endpoints");
    }
    found.indexes("endpoints.namespace", namespace, namespaces.len(), "namespaces", Nowhere::Refused);
    found.indexes("endpoints.node", node, nodes.len(), "nodes", Nowhere::Allowed);
    found.indexes("endpoints.zone", zone, zones.len(), "zones", Nowhere::Allowed);
    found.indexes("endpoints.previous", previous, gateways.len(), "gateways", Nowhere::Allowed);
    for (index, column) in columns.iter().enumerate() {
        let path = |field: &str| format!("endpoints.columns[{index}].{field}");
        if !registry::is_known(&column.name) {
            found.add(path("name"), format!("`{}` is no registered column; hint: `example.org/name`", column.name));
        }
        let (cells, kind) = match &column.cells {
            Cells::Numbers(numbers) => (numbers.len(), "numbers"),
            Cells::Texts(texts) => (texts.len(), "texts"),
        };
        if cells != count {
            found.add(path("cells.") + kind, format!("has {cells} entries for {count} endpoints"));
        }
    }
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    found.once("endpoints.columns", ".name", &names);
    if !allowed.is_empty() {
        // What is allowed is what a filter may say when all was allowed before.
        let all = gateways::Facts { allowed: Vec::new(), ..shell(facts) };
        review::filter(&all, allowed).into_iter().for_each(|finding| found.0.push(|| finding));
    }
    found.attributes("attributes", attributes);
    found.0.finish()
}

/// As many gateways and endpoints, and their names; nothing else, which may be large.
fn shell(facts: &gateways::Facts) -> gateways::Facts {
    let endpoints = gateways::Endpoints { identity: facts.endpoints.identity.clone(), ..Default::default() };
    gateways::Facts { gateways: facts.gateways.clone(), endpoints, ..Default::default() }
}

/// Whether an index may say that it points nowhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nowhere {
    Allowed,
    Refused,
}

struct Found(Capped);

impl Default for Found {
    fn default() -> Self {
        Found(Capped::at(TOLD))
    }
}

impl Found {
    fn add(&mut self, path: impl Into<String>, message: impl Display) {
        self.0.push(|| Finding::new(path, message.to_string()));
    }

    fn pod(&mut self, pod: &Pod) {
        let Pod {
            namespace: _,
            name: _,
            uid: _,
            service_account: _,
            labels,
            namespace_labels,
            annotations,
            attributes,
        } = pod;
        self.labels("pod.labels", labels.as_deref().unwrap_or_default());
        self.labels("pod.namespaceLabels", namespace_labels.as_deref().unwrap_or_default());
        self.labels("pod.annotations", annotations);
        self.attributes("pod.attributes", attributes);
    }

    fn node(&mut self, node: &Node) {
        self.labels("node.labels", node.labels.as_deref().unwrap_or_default());
        self.attributes("node.attributes", &node.attributes);
    }

    fn labels(&mut self, path: &str, labels: &[Label]) {
        let keys: Vec<&str> = labels.iter().map(|label| label.key.as_str()).collect();
        self.ascending(path, &keys, |key| format!("`{key}`"));
    }

    fn attributes(&mut self, path: &str, attributes: &[Attribute]) {
        text::attributes(path, attributes).into_iter().for_each(|finding| self.0.push(|| finding));
    }

    /// Sorted, and nothing twice.
    fn ascending<T: Ord>(&mut self, path: &str, entries: &[T], told: impl Fn(&T) -> String) {
        for (index, pair) in entries.windows(2).enumerate() {
            if let [one, other] = pair
                && one >= other
            {
                let message =
                    || format!("{} does not come after {}; entries are sorted, each once", told(other), told(one));
                self.0.push(|| Finding::new(format!("{path}[{}]", index + 1), message()));
            }
        }
    }

    /// No name twice, in any order; none empty.
    fn once(&mut self, list: &str, field: &str, names: &[&str]) {
        let mut first = std::collections::BTreeMap::new();
        for (index, name) in names.iter().enumerate() {
            if name.is_empty() {
                self.add(format!("{list}[{index}]{field}"), "is empty");
            } else if let Some(earlier) = first.get(name) {
                self.add(format!("{list}[{index}]{field}"), format!("`{name}` is that of {list}[{earlier}] already"));
            } else {
                first.insert(*name, index);
            }
        }
    }

    /// As long as another list, or empty.
    fn length(&mut self, path: &str, length: usize, wanted: usize, of: &str) {
        if length != wanted && length != 0 {
            self.add(path, format!("has {length} entries for {wanted} {of}; hint: leave it empty if nothing is known"));
        }
    }

    fn indexes(&mut self, path: &str, indexes: &[u32], count: usize, of: &str, nowhere: Nowhere) {
        self.indexes_at(|place| format!("{path}[{place}]"), indexes, count, of, nowhere);
    }

    fn indexes_at(
        &mut self,
        path: impl Fn(usize) -> String,
        indexes: &[u32],
        count: usize,
        of: &str,
        nowhere: Nowhere,
    ) {
        for (place, index) in indexes.iter().enumerate() {
            let exempt = *index == NONE && nowhere == Nowhere::Allowed;
            if !exempt && *index as usize >= count {
                let hint =
                    if nowhere == Nowhere::Allowed { format!("; hint: {NONE} says unknown") } else { String::new() };
                self.0
                    .push(|| Finding::new(path(place), format!("{index} leads nowhere; there are {count} {of}{hint}")));
            }
        }
    }
}

#[cfg(test)]
mod tests;
