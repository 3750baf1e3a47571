//! An EgressSlice: a part of what one node does about egress. A node has as many as its part needs, each of bounded size, so that
//! one pod's change rewrites one small object; together they are the node's `Share`. Slices of no node are every node's: they say which
//! ranges are the cluster's own.

pub mod spec;

use std::collections::BTreeSet;

use nicety_core::{
    address::Family,
    egress::share::{Endpoint, Exit, Gateway, GatewayId, PodKey, Share, Way},
    finding::Finding,
    hash,
    ids::{InvalidName, NodeName},
};

use ipnet::IpNet;
pub use spec::EgressSliceSpec;
use spec::{SliceEndpoint, SliceExit, SliceGateway, SliceSender, SliceWatch};

/// The label by which a node finds its slices; the value is the node's name, or `label_of` it where that is too long.
pub const NODE_LABEL: &str = "nicety.dev/node";
/// Its value where a slice is every node's. No node is called so, and no digest of a name.
pub const EVERY_NODE: &str = "EVERY";

/// One part, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressSlice {
    pub name: String,
    /// None: every node's.
    pub node: Option<NodeName>,
    /// Whole in itself: every gateway that an exit names is there.
    pub part: Share,
    /// The cluster's own ranges.
    pub cluster: Vec<IpNet>,
}

/// What a node's slice is called: the node's name and a number. No two nodes' slices have one name, since the number has no dash.
pub fn name_of(node: &NodeName, number: u32) -> String {
    const NAME_MAX: usize = 253;
    let name = format!("{node}-{number}");
    if name.len() <= NAME_MAX {
        return name;
    }
    let digest: String = hash::hex(&["egress-slice", node.as_str()]).chars().take(20).collect();
    // A node's name that is this short has the form above.
    format!("{}.{digest}-{number}", "n".repeat(NAME_MAX - 40))
}

/// What slices for every node are called. No node's slice has such a name: there is no number behind its last dash.
pub fn name_of_cluster(number: usize) -> String {
    format!("cluster-ranges.{number}")
}

/// The number in a slice's name.
pub fn number_of(name: &str) -> Option<u32> {
    name.rsplit_once('-')?.1.parse().ok()
}

/// The value of `NODE_LABEL`: a label has 63 bytes at most, a node's name 253.
pub fn label_of(node: &NodeName) -> String {
    const LABEL_MAX: usize = 63;
    if node.as_str().len() <= LABEL_MAX {
        return node.to_string();
    }
    hash::hex(&["node-label", node.as_str()]).chars().take(LABEL_MAX).collect()
}

impl EgressSlice {
    /// Paths of findings are those of the object. What the controller wrote has none; another's hand may have been at it.
    pub fn new(name: String, spec: EgressSliceSpec) -> Result<EgressSlice, Vec<Finding>> {
        let EgressSliceSpec { node, cluster, gateways, endpoints, senders, watches } = spec;
        let mut found = Findings::default();
        let is_everybodys = node.is_empty();
        let node = if is_everybodys { None } else { found.name("spec.node", &node) };
        if is_everybodys && !(gateways.is_empty() && endpoints.is_empty() && senders.is_empty() && watches.is_empty()) {
            found.add("spec.node", "is missing: without it a slice has `cluster` alone");
        }
        let mut part = Share::default();
        for (index, gateway) in gateways.into_iter().enumerate() {
            let path = format!("spec.gateways[{index}]");
            let Some(gateway) = found.gateway(&path, gateway) else { continue };
            let id = gateway.id();
            if part.gateways.insert(id.clone(), gateway).is_some() {
                found.add(path, format!("`{id}` is there twice"));
            }
        }
        for (index, endpoint) in endpoints.into_iter().enumerate() {
            let path = format!("spec.endpoints[{index}]");
            let (key, endpoint) = found.endpoint(&path, endpoint, &part);
            let text = key.to_string();
            if part.endpoints.insert(key, endpoint).is_some() {
                found.add(path, format!("`{text}` is there twice"));
            }
        }
        for (index, SliceSender { node, addresses }) in senders.into_iter().enumerate() {
            let path = format!("spec.senders[{index}]");
            let Some(sender) = found.name(&format!("{path}.node"), &node) else { continue };
            if part.senders.insert(sender, addresses.into_iter().collect()).is_some() {
                found.add(path, format!("`{node}` is there twice"));
            }
        }
        for (index, SliceWatch { node, address }) in watches.into_iter().enumerate() {
            let path = format!("spec.watches[{index}]");
            let Some(watched) = found.name(&format!("{path}.node"), &node) else { continue };
            if part.watches.insert(watched, address).is_some() {
                found.add(path, format!("`{node}` is there twice"));
            }
        }
        if found.0.is_empty() { Ok(EgressSlice { name, node, part, cluster }) } else { Err(found.0) }
    }
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Finding::new(path, message));
    }

    fn name(&mut self, path: &str, text: &str) -> Option<NodeName> {
        text.parse().map_err(|error: InvalidName| self.add(path, error.to_string())).ok()
    }

    fn gateway(&mut self, path: &str, gateway: SliceGateway) -> Option<Gateway> {
        let SliceGateway { node, underlay, interface, egress_ips, float, vni } = gateway;
        let node = self.name(&format!("{path}.node"), &node);
        let way = match (interface, egress_ips.is_empty()) {
            (Some(_), false) => {
                self.add(format!("{path}.interface"), "stands beside `egressIPs`");
                None
            }
            (Some(name), true) => {
                let parsed = name.parse().map(Way::Interface);
                parsed.map_err(|error: InvalidName| self.add(format!("{path}.interface"), error.to_string())).ok()
            }
            (None, false) => {
                let families: BTreeSet<Family> = egress_ips.iter().map(|one| Family::of(*one)).collect();
                if families.len() < egress_ips.len() {
                    self.add(format!("{path}.egressIPs"), "has two addresses of one family");
                }
                Some(Way::Addresses { addresses: egress_ips.into_iter().collect(), floats: float })
            }
            (None, true) => Some(Way::Default),
        };
        Some(Gateway { node: node?, underlay, way: way?, vni })
    }

    fn endpoint(&mut self, path: &str, endpoint: SliceEndpoint, part: &Share) -> (PodKey, Endpoint) {
        let SliceEndpoint { namespace, name, uid, addresses, exits } = endpoint;
        let mut made = Endpoint { addresses: addresses.into_iter().collect(), ..Endpoint::default() };
        for (index, SliceExit { policy, primary, standby, reason }) in exits.into_iter().enumerate() {
            let path = format!("{path}.exits[{index}]");
            let (primary, standby) = (primary.map(GatewayId::from), standby.map(GatewayId::from));
            for (field, id) in [("primary", &primary), ("standby", &standby)] {
                if let Some(id) = id.as_ref().filter(|id| !part.gateways.contains_key(*id)) {
                    self.add(format!("{path}.{field}"), format!("`{id}` is not among `spec.gateways`"));
                }
            }
            if made.exits.insert(policy.clone(), Exit { primary, standby, reason }).is_some() {
                self.add(path, format!("policy `{policy}` is there twice"));
            }
        }
        (PodKey { namespace, name, uid }, made)
    }
}

#[cfg(test)]
mod tests;
