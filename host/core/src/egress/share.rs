//! What one node does about egress: the part of the cluster's assignment that concerns it. It says which pods of the node leave by
//! which gateway, which gateways the node is itself, who sends to them, and whom it watches. A node needs nothing else to work, and a
//! gateway knows nothing of pods: what arrives from another node says by the number of its tunnel which address it leaves with.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
};

use serde::{Deserialize, Serialize};

use crate::{
    address::Family,
    hash,
    ids::{IfName, NodeName},
};

/// One node's part. Empty: the node has nothing to do with egress.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// Those that pods of this node leave by or would leave by, and those that this node is itself.
    pub gateways: BTreeMap<GatewayId, Gateway>,
    /// Pods of this node.
    pub endpoints: BTreeMap<PodKey, Endpoint>,
    /// Nodes whose pods leave by gateways of this node, and the addresses that their packets come from: the way back.
    pub senders: BTreeMap<NodeName, BTreeSet<IpAddr>>,
    /// Nodes whose health this node watches, and where each is asked.
    pub watches: BTreeMap<NodeName, IpAddr>,
}

/// A gateway is one node with one way out: a node with two egress addresses of one family is two gateways. As text:
/// `NODE/WAY`, where the way is an address, addresses of both families joined by `+`, an interface, or `default`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GatewayId(String);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gateway {
    pub node: NodeName,
    /// Addresses of the node that tunnels to it end at, best first.
    pub underlay: Vec<IpAddr>,
    pub way: Way,
    /// Number of the tunnel by which packets for this way arrive: 24 bits.
    pub vni: u32,
}

/// What packets leave with. Only the gateway itself looks at interfaces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Way {
    /// The addresses of the interface with the default route.
    Default,
    /// The first addresses of this interface.
    Interface(IfName),
    /// These: at most one per family. Floating ones are put on the node by its daemon, others must be there.
    Addresses { addresses: BTreeSet<IpAddr>, floats: bool },
}

/// A pod, or what stands for one on a machine alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodKey {
    pub namespace: String,
    pub name: String,
    /// Empty: it has none.
    pub uid: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    pub addresses: BTreeSet<IpAddr>,
    /// By policy. A policy that captures the pod and has no entry here drops its packets.
    pub exits: BTreeMap<String, Exit>,
}

/// Where a pod leaves under one policy. Neither: its packets are dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Exit {
    pub primary: Option<GatewayId>,
    /// Taken by the node itself once the primary is dead.
    pub standby: Option<GatewayId>,
    /// Why, in the words of the strategy.
    pub reason: String,
}

impl GatewayId {
    pub fn new(node: &NodeName, way: &Way) -> GatewayId {
        GatewayId(format!("{node}/{way}"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number of its tunnel before collisions are settled: 24 bits, never 0, the same wherever it is computed.
    pub fn preferred_vni(&self) -> u32 {
        const NUMBERS: u64 = (1 << 24) - 1;
        u32::try_from(hash::number(&["egress-vni", &self.0]) % NUMBERS).unwrap_or_default() + 1
    }
}

impl From<String> for GatewayId {
    fn from(text: String) -> GatewayId {
        GatewayId(text)
    }
}

impl fmt::Display for GatewayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Way::Default => f.write_str("default"),
            Way::Interface(name) => write!(f, "{name}"),
            Way::Addresses { addresses, floats: _ } => {
                let texts: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
                f.write_str(&texts.join("+"))
            }
        }
    }
}

impl fmt::Display for PodKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl Way {
    /// The address of this family that packets leave with, where it is known beforehand.
    pub fn address(&self, family: Family) -> Option<IpAddr> {
        match self {
            Way::Addresses { addresses, .. } => addresses.iter().copied().find(|one| Family::of(*one) == family),
            Way::Default | Way::Interface(_) => None,
        }
    }
}

impl Gateway {
    pub fn id(&self) -> GatewayId {
        GatewayId::new(&self.node, &self.way)
    }
}

impl Exit {
    /// The gateway to leave by while the nodes in `dead` do not answer. None: drop.
    pub fn alive<'a>(
        &'a self,
        gateways: &BTreeMap<GatewayId, Gateway>,
        dead: &BTreeSet<NodeName>,
    ) -> Option<&'a GatewayId> {
        let lives = |id: &&GatewayId| gateways.get(*id).is_some_and(|gateway| !dead.contains(&gateway.node));
        self.candidates().find(lives)
    }

    /// Best first.
    pub fn candidates(&self) -> impl Iterator<Item = &GatewayId> {
        [&self.primary, &self.standby].into_iter().flatten()
    }
}

impl Share {
    pub fn is_empty(&self) -> bool {
        *self == Share::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway(node: &str, way: Way) -> Gateway {
        let node: NodeName = node.parse().unwrap();
        let vni = GatewayId::new(&node, &way).preferred_vni();
        Gateway { node, underlay: Vec::new(), way, vni }
    }

    #[test]
    fn a_gateway_is_a_node_and_its_way_out() {
        let both = ["192.0.2.1", "2001:db8::1"].map(|text| text.parse().unwrap());
        let way = Way::Addresses { addresses: both.into(), floats: false };
        assert_eq!(gateway("node-1", way.clone()).id().as_str(), "node-1/192.0.2.1+2001:db8::1");
        assert_eq!(gateway("node-1", Way::Default).id().as_str(), "node-1/default");
        assert_eq!(gateway("node-1", Way::Interface("eth1".parse().unwrap())).id().as_str(), "node-1/eth1");
        assert_eq!(way.address(Family::V6), Some(both[1]));
    }

    #[test]
    fn an_exit_falls_to_its_standby_and_then_to_nothing() {
        let (first, second) = (gateway("a", Way::Default), gateway("b", Way::Default));
        let exit = Exit { primary: Some(first.id()), standby: Some(second.id()), reason: String::new() };
        let gateways = [first, second].map(|gateway| (gateway.id(), gateway)).into();
        let dead = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
        assert_eq!(exit.alive(&gateways, &dead(&[])), exit.primary.as_ref());
        assert_eq!(exit.alive(&gateways, &dead(&["a"])), exit.standby.as_ref());
        assert_eq!(exit.alive(&gateways, &dead(&["a", "b"])), None);
        assert_eq!(exit.alive(&BTreeMap::new(), &dead(&[])), None);
    }

    #[test]
    fn a_tunnel_has_a_number_of_24_bits() {
        for node in 0..1000 {
            let vni = gateway(&format!("node-{node}"), Way::Default).vni;
            assert!((1..1 << 24).contains(&vni));
        }
    }
}
