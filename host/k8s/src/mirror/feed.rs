//! What a daemon watches, each with selectors that keep the cluster's size out: its own pods, its own blocks, and of the rest only
//! kinds of which a cluster has few.

use kube::core::{ApiResource, GroupVersionKind};
use nicety_core::ids::NodeName;
use nicety_objects::{
    egress_slice,
    render::{NETWORK_LABEL, NODE_LABEL, ROUTING_LABEL, label_value},
    strategies::CONFIG_MAP,
};

/// Where the strategies' ConfigMap and everything else of ours with a namespace lives.
pub const NAMESPACE: &str = "nicety-system";

/// One watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feed {
    Networks,
    DeviceClasses,
    /// This node's.
    Blocks,
    /// Those of `l3` networks on all nodes: other nodes' are where routes lead.
    RoutedBlocks,
    /// One ConfigMap.
    Strategies,
    /// This node's.
    Pods,
    /// Labels alone.
    Namespaces,
    /// This node's labels and addresses.
    Node,
    /// NetworkAttachmentDefinitions that people wrote; those that the controller made have the names of their Networks.
    Attachments,
    /// The labels of this node's HostInterface: whether it is there, and whether people write it.
    Host,
    EgressPolicies,
    /// This node's: where its pods leave, and which gateways it is. And every node's: the cluster's own ranges.
    EgressSlices,
    /// What every observer says of the gateways that it watches: a cluster has five for each of them.
    EgressHealths,
}

/// What it is asked for.
#[derive(Debug, Clone)]
pub struct Query {
    pub resource: ApiResource,
    pub namespace: Option<&'static str>,
    pub labels: Option<String>,
    pub fields: Option<String>,
    pub part: Part,
}

/// How much of an object is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Whole,
    Metadata,
}

impl Feed {
    pub const ALL: [Feed; 13] = [
        Feed::Networks,
        Feed::DeviceClasses,
        Feed::Blocks,
        Feed::RoutedBlocks,
        Feed::Strategies,
        Feed::Pods,
        Feed::Namespaces,
        Feed::Attachments,
        Feed::Node,
        Feed::Host,
        Feed::EgressPolicies,
        Feed::EgressSlices,
        Feed::EgressHealths,
    ];

    /// As files on disk, status and messages name it.
    pub fn name(self) -> &'static str {
        match self {
            Feed::Networks => "networks",
            Feed::DeviceClasses => "deviceclasses",
            Feed::Blocks => "ipblocks",
            Feed::RoutedBlocks => "ipblocks-l3",
            Feed::Strategies => "strategies",
            Feed::Pods => "pods",
            Feed::Namespaces => "namespaces",
            Feed::Attachments => "attachments",
            Feed::Node => "node",
            Feed::Host => "hostinterface",
            Feed::EgressPolicies => "egresspolicies",
            Feed::EgressSlices => "egressslices",
            Feed::EgressHealths => "egresshealths",
        }
    }

    pub fn query(self, node: &NodeName) -> Query {
        let query = |resource, part| Query { resource, namespace: None, labels: None, fields: None, part };
        match self {
            Feed::Networks => query(ours("Network", "networks"), Part::Whole),
            Feed::DeviceClasses => query(ours("DeviceClass", "deviceclasses"), Part::Whole),
            Feed::Blocks => Query {
                labels: Some(format!("{NODE_LABEL}={}", label_value(node))),
                ..query(ours("IPBlock", "ipblocks"), Part::Whole)
            },
            Feed::RoutedBlocks => {
                Query { labels: Some(format!("{ROUTING_LABEL}=l3")), ..query(ours("IPBlock", "ipblocks"), Part::Whole) }
            }
            Feed::Strategies => Query {
                namespace: Some(NAMESPACE),
                fields: Some(format!("metadata.name={CONFIG_MAP}")),
                ..query(core("ConfigMap", "configmaps"), Part::Whole)
            },
            Feed::Pods => {
                Query { fields: Some(format!("spec.nodeName={node}")), ..query(core("Pod", "pods"), Part::Whole) }
            }
            Feed::Namespaces => query(core("Namespace", "namespaces"), Part::Metadata),
            Feed::Attachments => {
                let kind = GroupVersionKind::gvk("k8s.cni.cncf.io", "v1", "NetworkAttachmentDefinition");
                let resource = ApiResource::from_gvk_with_plural(&kind, "network-attachment-definitions");
                Query { labels: Some(format!("!{NETWORK_LABEL}")), ..query(resource, Part::Whole) }
            }
            Feed::Node => {
                Query { fields: Some(format!("metadata.name={node}")), ..query(core("Node", "nodes"), Part::Whole) }
            }
            Feed::Host => Query {
                fields: Some(format!("metadata.name={node}")),
                ..query(ours("HostInterface", "hostinterfaces"), Part::Metadata)
            },
            Feed::EgressPolicies => query(ours("EgressPolicy", "egresspolicies"), Part::Whole),
            Feed::EgressSlices => Query {
                labels: Some(format!(
                    "{NODE_LABEL} in ({},{})",
                    egress_slice::label_of(node),
                    egress_slice::EVERY_NODE
                )),
                ..query(ours("EgressSlice", "egressslices"), Part::Whole)
            },
            Feed::EgressHealths => query(ours("EgressHealth", "egresshealths"), Part::Whole),
        }
    }
}

/// A kind of ours.
pub fn ours(kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("nicety.dev", "v1alpha1", kind), plural)
}

fn core(kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("", "v1", kind), plural)
}
