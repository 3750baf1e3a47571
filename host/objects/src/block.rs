//! An IPBlock: one block of a network, given to one NIC of one node. One object is one block, so that making the object is the
//! claim; what it holds is computed from its network and its two indexes.

use nicety_core::{
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

/// Which block, and whose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IpBlockSpec {
    #[schemars(with = "text::NetworkRef")]
    pub network: String,
    #[schemars(with = "text::Node")]
    pub node: String,
    /// NIC of the node. Absent for a `veth-routed` network without NICs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::Interface>")]
    pub interface: Option<String>,
    /// Index of the interface block, from 0.
    #[schemars(range(max = 4_294_967_295_u32))]
    pub interface_index: u32,
    /// Index of the host block inside the interface block, from 0.
    #[schemars(range(max = 4_294_967_295_u32))]
    pub host_index: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpBlock {
    pub name: String,
    pub network: NetworkName,
    pub node: NodeName,
    pub interface: Option<IfName>,
    pub interface_index: u32,
    pub host_index: u32,
}

impl IpBlock {
    /// The schema has checked all names; what it let through is named all the same.
    pub fn new(name: String, spec: IpBlockSpec) -> Result<IpBlock, Vec<Finding>> {
        let IpBlockSpec { network, node, interface, interface_index, host_index } = spec;
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
        })
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
        let indexes =
            [("interfaceIndex", self.interface_index, *interface_bits), ("hostIndex", self.host_index, *host_bits)];
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
