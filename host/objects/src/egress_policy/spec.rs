//! An EgressPolicy as its author writes it. Fields that mean what another system's policy means by them have its names.

use std::net::IpAddr;

use ipnet::IpNet;
use nicety_core::egress::health::Health;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{condition::Condition, selector::LabelSelector, text};

/// Which pods leave the cluster through which gateways, to which destinations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EgressPolicySpec {
    /// Rules, of which a pod must fit one. Pods in the node's own network namespace fit none.
    #[schemars(length(min = 1, max = 64))]
    pub selectors: Vec<EgressSelector>,
    /// Destinations of the policy, IPv4, IPv6 or both. The cluster's own addresses are never captured, not even by `0.0.0.0/0`.
    #[serde(rename = "destinationCIDRs")]
    #[schemars(with = "Vec<text::Cidr>", length(min = 1, max = 256))]
    pub destination_cidrs: Vec<IpNet>,
    /// Carved out of this policy's `destinationCIDRs`, and of no other policy's.
    #[serde(default, rename = "excludedCIDRs", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<text::Cidr>", length(max = 256))]
    pub excluded_cidrs: Vec<IpNet>,
    /// Groups of gateways. Excludes `egressGateway`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub egress_gateways: Vec<GatewaySpec>,
    /// The only group of gateways, in its older and shorter form. Excludes `egressGateways`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress_gateway: Option<SingleGatewaySpec>,
    /// Strategy that distributes pods over gateways. Absent: the default of `strategies.yaml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::StrategyRef>")]
    pub strategy: Option<String>,
    /// Where prefixes of several policies are equally long, the policy with the greatest number wins; then the first by name.
    #[serde(default)]
    pub priority: i32,
}

/// A pod fits when all that is said here is true of it. At least `podSelector` or `namespaceSelector` is needed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct EgressSelector {
    /// Labels of the pod. Absent: any pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_selector: Option<LabelSelector>,
    /// Labels of the pod's namespace. Absent: any namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
    /// Labels of the pod's node. Binds this rule alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<LabelSelector>,
}

/// Gateways that leave with the same addresses: every node that fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewaySpec {
    /// Labels of the nodes that are gateways: all that match.
    pub node_selector: LabelSelector,
    /// Addresses that packets leave with, spread over the group's active gateways. Excludes `interface`.
    #[serde(default, rename = "egressIPs", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<text::Address>", length(max = 64))]
    pub egress_ips: Vec<IpAddr>,
    /// Interface of the gateway whose address packets leave with. Excludes `egressIPs`. When both are absent: the interface of the
    /// default route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::Interface>")]
    pub interface: Option<String>,
    /// Most gateways of the group that are active; the others stand by. 0: all are active.
    #[serde(default)]
    #[schemars(range(max = 1024))]
    pub max_gateways: u32,
    /// Share of the group's gateways beside other groups'. 1 when absent.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    pub weight: u32,
    /// Zone of the gateways, where their nodes' label `topology.kubernetes.io/zone` is absent or not meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub zone: Option<String>,
    /// Whether an egress address moves to the standby when its gateway dies. False: it stays with its gateway.
    #[serde(default)]
    pub float: bool,
}

/// One group of gateways with one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SingleGatewaySpec {
    /// Labels of the nodes that are gateways: all that match.
    pub node_selector: LabelSelector,
    /// Address that packets leave with. Excludes `interface`.
    #[serde(default, rename = "egressIP", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::Address>")]
    pub egress_ip: Option<IpAddr>,
    /// Interface of the gateway whose address packets leave with. Excludes `egressIP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::Interface>")]
    pub interface: Option<String>,
}

/// Computed by the controller.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EgressPolicyStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Pods that the policy captures.
    pub endpoints: u32,
    /// Those of them that have no gateway: their packets are dropped.
    pub unassigned: u32,
    /// Gateways that pods leave through.
    pub active: u32,
    /// Strategy that is in force.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub strategy: String,
    /// Gateways, active ones first, then draining ones: at most 64.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub gateways: Vec<GatewayStatus>,
    /// Pods that the last recomputation that moved any moved from one gateway to another.
    pub moved: u32,
    /// Pods that were moved since the policy is known here.
    pub moved_ever: u64,
    /// `Ready`: every pod that is captured has a gateway. `Degraded`: something is not as the policy wants it, with the gravest
    /// reason: `PolicyFailed`, `NoGateway`, `TooManyPolicies`, `EgressIPMissing`, `InterfaceMissing`, `EgressIPTaken`, `GatewayUnhealthy`,
    /// `Unassigned`. `ClusterRanges`: the destinations are outside of the cluster, whose own ranges are as configured; not so: `DestinationInCluster`, `NotConfigured`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// One gateway of a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayStatus {
    pub node: String,
    /// `default`, an interface, or addresses joined by `+`. Empty: the node has none of the group's addresses.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub way: String,
    pub role: GatewayRole,
    pub health: Health,
    /// Since when, in milliseconds since 1970. Absent: nobody has said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// Pods that leave through it.
    pub endpoints: u32,
    /// Pods that would leave through it if their gateway died.
    pub standby_for: u32,
    /// Why it is not active, in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    #[serde(rename = "egressIPs", skip_serializing_if = "Vec::is_empty")]
    pub egress_ips: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GatewayRole {
    #[default]
    Standby,
    Active,
    /// Keeps the pods that it has and gets no more.
    Draining,
}

pub(super) fn one() -> u32 {
    1
}
