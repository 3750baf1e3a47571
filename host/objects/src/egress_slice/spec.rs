//! An EgressSlice as the controller writes it: lists instead of maps, each bounded, since the API knows no others.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;
use nicety_core::{
    egress::share::{Endpoint, Gateway, GatewayId, PodKey, Share, Way},
    ids::NodeName,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text;

/// Pods of one slice.
pub const MAX_ENDPOINTS: usize = 100;
/// Gateways of one slice: those that its pods' exits name, and the node's own.
pub const MAX_GATEWAYS: usize = 254;
/// Nodes that send to the node's gateways, of one slice.
pub const MAX_SENDERS: usize = 500;
/// Nodes that the node watches, of one slice.
pub const MAX_WATCHES: usize = 500;
/// Ranges of one slice.
pub const MAX_CLUSTER: usize = 1000;
/// Policies of one pod: with names and reasons of any length they fit into an object still.
pub const MAX_EXITS: usize = 256;
/// Exits of all pods of one slice: what keeps the object small where many policies capture the same pods. Held by who writes it.
pub const MAX_EXITS_TOGETHER: usize = 800;

/// A part of what one node does about egress. Written by the controller, read by the node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EgressSliceSpec {
    /// Name of the node. Absent: the slice is every node's, and has `cluster` alone.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(with = "Option<text::Node>")]
    pub node: String,
    /// Ranges that are the cluster's own, such as pods' and nodes' addresses: no egress policy captures what goes there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<text::Cidr>", length(max = 1000))]
    pub cluster: Vec<IpNet>,
    /// Gateways that the endpoints of this slice leave by or would leave by, and gateways that the node is itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 254))]
    pub gateways: Vec<SliceGateway>,
    /// Pods of the node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub endpoints: Vec<SliceEndpoint>,
    /// Nodes whose pods leave by gateways of this node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 500))]
    pub senders: Vec<SliceSender>,
    /// Nodes whose health this node watches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 500))]
    pub watches: Vec<SliceWatch>,
}

/// One node with one way out. Without `interface` and `egressIPs`: the addresses of the interface with the default route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SliceGateway {
    /// Name of the node.
    #[schemars(with = "text::Node")]
    pub node: String,
    /// Addresses of the node that tunnels to it end at, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<text::Address>", length(max = 8))]
    pub underlay: Vec<IpAddr>,
    /// Interface whose first addresses packets leave with. Excludes `egressIPs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::Interface>")]
    pub interface: Option<String>,
    /// Addresses that packets leave with, at most one per family. Excludes `interface`.
    #[serde(default, rename = "egressIPs", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<text::Address>", length(max = 2))]
    pub egress_ips: Vec<IpAddr>,
    /// Whether the node puts `egressIPs` on itself. False: they must be there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub float: bool,
    /// Number of the tunnel by which packets for this way arrive.
    #[schemars(range(min = 1, max = 16_777_215))]
    pub vni: u32,
}

/// One pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SliceEndpoint {
    /// Namespace of the pod.
    #[schemars(length(max = 253))]
    pub namespace: String,
    /// Name of the pod.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// UID of the pod. Absent: it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 128))]
    pub uid: String,
    /// Addresses of the pod.
    #[schemars(with = "Vec<text::Address>", length(max = 16))]
    pub addresses: Vec<IpAddr>,
    /// Where it leaves, by policy. A policy that captures the pod and has no exit here drops its packets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub exits: Vec<SliceExit>,
}

/// Where a pod leaves under one policy. With neither gateway its packets are dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SliceExit {
    /// Name of the EgressPolicy.
    #[schemars(with = "text::ObjectName")]
    pub policy: String,
    /// `NODE/WAY` of one of `gateways`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 350))]
    pub primary: Option<String>,
    /// `NODE/WAY` of one of `gateways`: taken by the node itself once the primary is dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 350))]
    pub standby: Option<String>,
    /// Why, in the words of the strategy.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 1024))]
    pub reason: String,
}

/// A node whose pods leave by gateways of this node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SliceSender {
    /// Name of the node.
    #[schemars(with = "text::Node")]
    pub node: String,
    /// Addresses that its packets come from: the way back.
    #[schemars(with = "Vec<text::Address>", length(max = 8))]
    pub addresses: Vec<IpAddr>,
}

/// A node that this node watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SliceWatch {
    /// Name of the node.
    #[schemars(with = "text::Node")]
    pub node: String,
    /// Where it is asked.
    #[schemars(with = "text::Address")]
    pub address: IpAddr,
}

impl EgressSliceSpec {
    /// For every node.
    pub fn of_cluster(ranges: &[IpNet]) -> EgressSliceSpec {
        EgressSliceSpec { cluster: ranges.to_vec(), ..EgressSliceSpec::default() }
    }

    /// The share as it is, however large: who writes it has cut it to size.
    pub fn of(node: &NodeName, part: &Share) -> EgressSliceSpec {
        let Share { gateways, endpoints, senders, watches } = part;
        EgressSliceSpec {
            node: node.to_string(),
            cluster: Vec::new(),
            gateways: gateways.values().map(SliceGateway::from).collect(),
            endpoints: endpoints.iter().map(|(key, endpoint)| SliceEndpoint::of(key, endpoint)).collect(),
            senders: senders.iter().map(|(node, addresses)| SliceSender::of(node, addresses.iter().copied())).collect(),
            watches: watches
                .iter()
                .map(|(node, address)| SliceWatch { node: node.to_string(), address: *address })
                .collect(),
        }
    }
}

impl SliceEndpoint {
    pub fn of(key: &PodKey, endpoint: &Endpoint) -> SliceEndpoint {
        let exits = endpoint.exits.iter().map(|(policy, exit)| SliceExit {
            policy: policy.clone(),
            primary: exit.primary.as_ref().map(GatewayId::to_string),
            standby: exit.standby.as_ref().map(GatewayId::to_string),
            reason: exit.reason.clone(),
        });
        SliceEndpoint {
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            uid: key.uid.clone(),
            addresses: endpoint.addresses.iter().copied().collect(),
            exits: exits.collect(),
        }
    }
}

impl SliceSender {
    /// Each address once, in order.
    pub fn of(node: &NodeName, addresses: impl Iterator<Item = IpAddr>) -> SliceSender {
        let addresses: BTreeSet<IpAddr> = addresses.collect();
        SliceSender { node: node.to_string(), addresses: addresses.into_iter().collect() }
    }
}

impl From<&Gateway> for SliceGateway {
    fn from(gateway: &Gateway) -> SliceGateway {
        let Gateway { node, underlay, way, vni } = gateway;
        let (interface, egress_ips, float) = match way {
            Way::Default => (None, Vec::new(), false),
            Way::Interface(name) => (Some(name.to_string()), Vec::new(), false),
            Way::Addresses { addresses, floats } => (None, addresses.iter().copied().collect(), *floats),
        };
        SliceGateway { node: node.to_string(), underlay: underlay.clone(), interface, egress_ips, float, vni: *vni }
    }
}
