//! An IPBlock: one block of a network, given to one NIC of one node. One object is one block, so that making the object is the
//! claim; what it holds is computed from its network and its two indexes.

use std::net::IpAddr;

use nicety_core::{
    address::Family,
    finding::Finding,
    ids::{IfName, NetworkName, NodeName},
    ipam::{block::last_index, exclude},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    network::{Ipam, Network, NicPool},
    text,
};

/// Which block, and whose. Nothing of it changes but `via`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IpBlockSpec {
    /// Name of the Network. Never changes.
    #[schemars(with = "text::NetworkRef")]
    pub network: String,
    /// Name of the node. Never changes.
    #[schemars(with = "text::Node")]
    pub node: String,
    /// NIC of the node. Never changes. Absent for a `veth-routed` network without NICs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::Interface>")]
    pub interface: Option<String>,
    /// Index of the interface block, from 0. Never changes.
    #[schemars(range(max = 4_294_967_295_u32))]
    pub interface_index: u32,
    /// Index of the host block inside the interface block, from 0. Never changes.
    #[schemars(range(max = 4_294_967_295_u32))]
    pub host_index: u32,
    /// What owns the interface index: the network that the NIC has an address in, like `10.0.1.0/24`, else the NIC's name. Absent
    /// for a network without NICs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub segment: String,
    /// Addresses of the NIC on its own network, at most one per address family: the next hops by which other nodes reach the
    /// block. Empty: other nodes make no route to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<text::Address>", length(max = 2))]
    pub via: Vec<IpAddr>,
    /// Of a network without `subnets`, whose pods have addresses of the nodes' own networks: those that nodes have inside the block.
    /// They are never handed out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<text::Address>", length(max = 1024))]
    pub reserved: Vec<IpAddr>,
}

/// The finalizer of blocks: a block is free only when nothing hands out from it any longer.
pub const FINALIZER: &str = "nicety.dev/leases";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpBlock {
    pub name: String,
    pub network: NetworkName,
    pub node: NodeName,
    pub interface: Option<IfName>,
    pub interface_index: u32,
    pub host_index: u32,
    /// Whose the interface index is. Empty: a network without NICs.
    pub segment: String,
    /// At most one per family, IPv4 first.
    pub via: Vec<IpAddr>,
    /// Never handed out.
    pub reserved: Vec<IpAddr>,
}

/// What the object of a block is called: two claims to one block are two writes to one object, of which the API refuses one.
pub fn name_of(network: &NetworkName, interface_index: u32, host_index: u32) -> String {
    format!("{network}-{interface_index}-{host_index}")
}

impl IpBlock {
    /// The schema has checked all names; what it let through is named all the same.
    pub fn new(name: String, spec: IpBlockSpec) -> Result<IpBlock, Vec<Finding>> {
        let IpBlockSpec { network, node, interface, interface_index, host_index, segment, mut via, reserved } = spec;
        via.sort_by_key(|hop| Family::of(*hop));
        let findings = hops(&via);
        if !findings.is_empty() {
            return Err(findings);
        }
        let wrong = |field: &str, error: nicety_core::ids::InvalidName| vec![Finding::new(field, error.to_string())];
        Ok(IpBlock {
            name,
            network: network.parse().map_err(|error| wrong("spec.network", error))?,
            node: node.parse().map_err(|error| wrong("spec.node", error))?,
            interface: interface
                .map(|name| name.parse())
                .transpose()
                .map_err(|error| wrong("spec.interface", error))?,
            interface_index,
            host_index,
            segment,
            via,
            reserved,
        })
    }

    /// The next hop to the block in this family.
    pub fn next_hop(&self, family: Family) -> Option<IpAddr> {
        self.via.iter().copied().find(|hop| Family::of(*hop) == family)
    }

    /// Whether the network has such a block to give.
    pub fn check(&self, network: &Network) -> Vec<Finding> {
        let Ipam::Blocks { interface_bits, host_bits, excludes } = &network.ipam else {
            let message = format!("network `{}` has no blocks: its `ipam.type` is not `blocks`", network.name);
            return vec![Finding::new("spec.network", message)];
        };
        let mut findings = Vec::new();
        match (&self.interface, &network.nics) {
            (None, NicPool::All | NicPool::MasterNets(_) | NicPool::Selectors(_)) => {
                findings.push(Finding::new("spec.interface", "is missing; hint: name the NIC that the block is for"));
            }
            (Some(_), NicPool::Without) => {
                let message = format!("network `{}` has no NICs; hint: leave the field out", network.name);
                findings.push(Finding::new("spec.interface", message));
            }
            (Some(_), _) | (None, NicPool::Without) => (),
        }
        // Without subnets the segment is the interface block, whatever number it has.
        let interface_bits = if network.subnets.is_empty() { u8::MAX } else { *interface_bits };
        let indexes =
            [("interfaceIndex", self.interface_index, interface_bits), ("hostIndex", self.host_index, *host_bits)];
        for (field, index, bits) in indexes {
            if u128::from(index) > last_index(bits) {
                let message = format!(
                    "`{index}` is past the last index {}: the network has {bits} bits for it",
                    last_index(bits)
                );
                findings.push(Finding::new(format!("spec.{field}"), message));
            }
        }
        if findings.is_empty() {
            findings.extend(self.excluded(network, excludes));
        }
        findings
    }

    fn excluded(&self, network: &Network, excludes: &[ipnet::IpNet]) -> Vec<Finding> {
        let cut = match network.cut(self) {
            Ok(cut) => cut,
            Err(error) => return vec![Finding::new("spec", error.to_string())],
        };
        let gone = cut.iter().filter(|(block, _)| exclude::is_excluded(*block, 0, 0, excludes).unwrap_or(true));
        let message =
            |block| format!("the block `{block}` is taken away by `excludeCIDRs` of network `{}`", network.name);
        gone.map(|(block, _)| Finding::new("spec.hostIndex", message(block))).collect()
    }
}

fn hops(via: &[IpAddr]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, hop) in via.iter().enumerate() {
        let path = format!("spec.via[{index}]");
        if hop.is_unspecified() || hop.is_multicast() || hop.is_loopback() {
            findings.push(Finding::new(path.as_str(), format!("`{hop}` is not an address of a NIC")));
        }
        if via.iter().take(index).any(|before| Family::of(*before) == Family::of(*hop)) {
            findings.push(Finding::new(path, format!("`{hop}` is a second address of its family; hint: name one")));
        }
    }
    findings
}
