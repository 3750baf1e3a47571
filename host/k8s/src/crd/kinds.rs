//! The kinds of the API, as the server and `kubectl get` show them.

use nicety_objects::{
    block::IpBlockSpec,
    class::DeviceClassSpec,
    egress_gateway::{EgressGatewaySpec, EgressGatewayStatus},
    egress_health::EgressHealthSpec,
    egress_policy::{EgressPolicySpec, EgressPolicyStatus},
    egress_slice::EgressSliceSpec,
    host_interface::{HostInterfaceSpec, HostInterfaceStatus},
    network::{spec::NetworkSpec, status::NetworkStatus},
    pod_network::{PodNetworkAttachmentSpec, PodNetworkSpec, PodNetworkStatus},
    schema,
    strategy_status::StrategyStatusStatus,
};
use serde_json::Value;

/// One kind.
#[derive(Debug)]
pub struct Kind {
    pub kind: &'static str,
    pub plural: &'static str,
    pub short: &'static [&'static str],
    pub scope: Scope,
    pub description: &'static str,
    pub columns: &'static [Column],
    /// None: the kind only tells a state.
    pub spec: Option<fn() -> Value>,
    /// None: nobody has anything to say of it.
    pub status: Option<fn() -> Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Cluster,
    Namespaced,
}

/// A column of `kubectl get`.
#[derive(Debug)]
pub struct Column {
    pub name: &'static str,
    pub kind: &'static str,
    pub path: &'static str,
    /// 0: always; 1: with `-o wide`.
    pub priority: u8,
}

const fn text(name: &'static str, path: &'static str) -> Column {
    Column { name, kind: "string", path, priority: 0 }
}

const fn number(name: &'static str, path: &'static str) -> Column {
    Column { name, kind: "integer", path, priority: 0 }
}

const fn wide(name: &'static str, path: &'static str) -> Column {
    Column { name, kind: "string", path, priority: 1 }
}

const READY: Column = text("Ready", r#".status.conditions[?(@.type=="Ready")].status"#);
const REASON: Column = wide("Reason", r#".status.conditions[?(@.type=="Ready")].reason"#);

pub const KINDS: &[Kind] = &[
    Kind {
        kind: "Network",
        plural: "networks",
        short: &["nnet"],
        scope: Scope::Cluster,
        description: "A pod network: its addresses, the NICs that carry it, and how pods are attached to them.",
        columns: &[
            text("Subnets", ".spec.subnets"),
            text("Link", ".spec.link.kind"),
            text("Ipam", ".spec.ipam.type"),
            text("Routing", ".spec.routing"),
            number("Blocks", ".status.discovery.blocks"),
            number("Nodes", ".status.readyNodes"),
            READY,
            REASON,
        ],
        spec: Some(schema::of::<NetworkSpec>),
        status: Some(schema::of::<NetworkStatus>),
    },
    Kind {
        kind: "IPBlock",
        plural: "ipblocks",
        short: &["ipb"],
        scope: Scope::Cluster,
        description: "One block of a network, given to one NIC of one node. Its name is its network's and its two indexes, so that \
                      making it is the claim. It is made by the controller.",
        columns: &[
            text("Network", ".spec.network"),
            text("Node", ".spec.node"),
            text("Interface", ".spec.interface"),
            text("Segment", ".spec.segment"),
            number("Interface-Index", ".spec.interfaceIndex"),
            number("Host-Index", ".spec.hostIndex"),
            wide("Via", ".spec.via"),
        ],
        spec: Some(schema::of::<IpBlockSpec>),
        status: None,
    },
    Kind {
        kind: "HostInterface",
        plural: "hostinterfaces",
        short: &["hif"],
        scope: Scope::Cluster,
        description: "The NICs of the node of the same name, published by its daemon. With the label `nicety.dev/unmanaged: \
                      \"true\"` people write them, and the daemon adds them to those that it finds.",
        columns: &[READY, REASON, text("Daemon", ".status.daemon")],
        spec: Some(schema::of::<HostInterfaceSpec>),
        status: Some(schema::of::<HostInterfaceStatus>),
    },
    Kind {
        kind: "DeviceClass",
        plural: "deviceclasses",
        short: &["devclass"],
        scope: Scope::Cluster,
        description: "A name for NICs of certain makes, by which pods ask for them.",
        columns: &[],
        spec: Some(schema::of::<DeviceClassSpec>),
        status: None,
    },
    Kind {
        kind: "StrategyStatus",
        plural: "strategystatuses",
        short: &["stratstat"],
        scope: Scope::Cluster,
        description: "Which strategies the node of the same name runs: one small object per node, written by its daemon.",
        columns: &[
            number("Generation", ".status.generation"),
            text("Digest", ".status.digest"),
            text("Strategies", ".status.summary"),
            READY,
            REASON,
            wide("Config-Map", ".status.configMap"),
            wide("Daemon", ".status.daemon"),
        ],
        spec: None,
        status: Some(schema::of::<StrategyStatusStatus>),
    },
    Kind {
        kind: "EgressPolicy",
        plural: "egresspolicies",
        short: &["egp"],
        scope: Scope::Cluster,
        description: "Which pods leave the cluster through which gateways, to which destinations.",
        columns: &[
            text("Destinations", ".spec.destinationCIDRs"),
            text("Strategy", ".status.strategy"),
            number("Endpoints", ".status.endpoints"),
            number("Gateways", ".status.active"),
            number("Moved", ".status.moved"),
            READY,
            REASON,
        ],
        spec: Some(schema::of::<EgressPolicySpec>),
        status: Some(schema::of::<EgressPolicyStatus>),
    },
    Kind {
        kind: "EgressSlice",
        plural: "egressslices",
        short: &["egs"],
        scope: Scope::Cluster,
        description: "A part of what one node does about egress: where its pods leave, which gateways it is itself, who sends to them \
                      and whom it watches. Made by the controller; a node finds its slices by the label `nicety.dev/node`.",
        columns: &[text("Node", ".spec.node")],
        spec: Some(schema::of::<EgressSliceSpec>),
        status: None,
    },
    Kind {
        kind: "EgressHealth",
        plural: "egresshealths",
        short: &["egh"],
        scope: Scope::Cluster,
        description: "What the node of the same name sees of the gateways that it watches: written by its daemon, when that changes.",
        columns: &[text("Observed", ".spec.observed[*].node"), text("Verdicts", ".spec.observed[*].verdict")],
        spec: Some(schema::of::<EgressHealthSpec>),
        status: None,
    },
    Kind {
        kind: "EgressGateway",
        plural: "egressgateways",
        short: &["egw"],
        scope: Scope::Cluster,
        description: "Gateways that run as pods: how many, with which interfaces, and when one counts as failed.",
        columns: &[
            text("Namespace", ".spec.namespace"),
            number("Replicas", ".spec.replicas"),
            number("Ready-Replicas", ".status.ready"),
            text("Network", ".spec.network"),
            READY,
            REASON,
        ],
        spec: Some(schema::of::<EgressGatewaySpec>),
        status: Some(schema::of::<EgressGatewayStatus>),
    },
    Kind {
        kind: "PodNetwork",
        plural: "podnetworks",
        short: &["pnw"],
        scope: Scope::Cluster,
        description: "A network that pods can be attached to, by the name that a provider serves it under.",
        columns: &[
            Column { name: "Enabled", kind: "boolean", path: ".spec.enabled", priority: 0 },
            text("Provider", ".spec.provider"),
            READY,
            REASON,
        ],
        spec: Some(schema::of::<PodNetworkSpec>),
        status: Some(schema::of::<PodNetworkStatus>),
    },
    Kind {
        kind: "PodNetworkAttachment",
        plural: "podnetworkattachments",
        short: &["pna"],
        scope: Scope::Namespaced,
        description: "A way into a PodNetwork with parameters of its own, for the pods of one namespace.",
        columns: &[text("Pod-Network", ".spec.podNetworkName"), READY, REASON],
        spec: Some(schema::of::<PodNetworkAttachmentSpec>),
        status: Some(schema::of::<PodNetworkStatus>),
    },
];
