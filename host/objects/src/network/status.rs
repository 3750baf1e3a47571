//! What the controller says of a Network. Nothing here grows with the number of nodes: counts, and a few examples.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::condition::Condition;

/// Most names or entries that a list in a status shows; a count beside it says how many there are.
pub const EXAMPLES: usize = 10;
/// Most segments in a status. A network of NICs has one per master network; one that has a segment per node shows the first.
pub const SEGMENTS: usize = 32;

/// Computed by the controller.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkStatus {
    /// The `metadata.generation` that all of this was computed from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    pub discovery: Discovery,
    /// The blocks of each interface index, in the order of the indexes: at most 32.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub blocks: Vec<SegmentBlocks>,
    /// How many segments there are.
    pub segments: u32,
    pub routes: RouteStatus,
    /// How many nodes can attach pods to the network now.
    pub ready_nodes: u32,
    /// Nodes that cannot, with why: at most 10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub not_ready: Vec<NodeExample>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// How far the cluster has been found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Discovery {
    /// Nodes that have a HostInterface.
    pub nodes: u32,
    /// NICs of these nodes that belong to the network.
    pub interfaces: u32,
    /// IPBlocks that the network has.
    pub blocks: u32,
}

/// The blocks of one interface index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SegmentBlocks {
    /// What owns the interface index: `10.0.1.0/24`, else a NIC's name; absent for a network without NICs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub segment: String,
    pub interface_index: u32,
    /// The interface blocks themselves, one per address family: `192.168.64.0/18`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cidrs: Vec<String>,
    /// Nodes that have a block here.
    pub hosts: u32,
    /// Blocks that are left.
    pub free: u64,
}

/// Routes between nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteStatus {
    pub state: RouteState,
    /// Nodes that have all of their routes.
    pub nodes: u32,
    /// Nodes that lack some.
    pub failed_nodes: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RouteState {
    /// The network has no routes between nodes.
    #[default]
    NotApplicable,
    /// Some nodes have not told yet.
    Waiting,
    Ready,
    /// Some nodes lack routes.
    Failed,
}

/// A node, and what is wrong there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeExample {
    pub node: String,
    /// One word in CamelCase that programs may compare.
    pub reason: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}
