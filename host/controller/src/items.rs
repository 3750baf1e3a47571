//! What is kept of each object that is watched: what the computation reads, and no more.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use k8s_openapi::api::core::v1::{Namespace, Node, NodeSpec, NodeStatus, Taint};
use kube::{
    api::{DynamicObject, ObjectMeta},
    core::PartialObjectMeta,
};
use nicety_core::{
    cluster::{Block, Segment, State},
    finding::Finding,
    ids::NodeName,
};
use nicety_k8s::watch::{Seen, version};
use nicety_objects::{
    HostInterface, Network,
    block::FINALIZER,
    host_interface::{HostInterfaceStatus, NodeNetwork},
    listed,
    live::{self, Live},
    manifest::Object,
    network::status::NetworkStatus,
    render::{NETWORK_LABEL, NODE_LABEL, ROUTING_LABEL, attachment::RESOURCE_NAME, label_value},
};
use serde_json::Value;

use crate::nics::Nics;

/// Ours, on Networks: kept until no block is left.
pub const BLOCKS_FINALIZER: &str = "nicety.dev/blocks";
/// The spec that is in force, for a controller that finds one which it must refuse.
pub const IN_FORCE: &str = "nicety.dev/in-force";
/// By it an operator says that a node is down for good, as for volumes.
pub const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

/// What every object has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    pub uid: String,
    pub resource_version: String,
    pub deleting: bool,
    pub finalizers: Vec<String>,
}

impl Head {
    pub fn holds(&self, finalizer: &str) -> bool {
        self.finalizers.iter().any(|one| one == finalizer)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct NetworkItem {
    pub head: Head,
    pub generation: i64,
    /// RFC 3339: texts compare as times do.
    pub created: String,
    pub network: Result<Network, Vec<Finding>>,
    pub spec: Value,
    /// What the annotation says was in force.
    pub in_force: Option<String>,
    pub status: NetworkStatus,
}

#[derive(Debug, Clone, PartialEq)]
pub struct HostItem {
    pub head: Head,
    /// None: written by people in a way that cannot be read; then nothing is known of the node.
    pub nics: Option<Nics>,
    pub people: bool,
    pub released: BTreeSet<String>,
    pub networks: Vec<NodeNetwork>,
    /// None: it cannot be read.
    pub host: Option<Arc<HostInterface>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct BlockItem {
    pub head: Head,
    pub network: String,
    pub labels: BlockLabels,
    /// None: it cannot be read.
    pub block: Option<Block>,
}

/// What the labels of a block say, by which daemons find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockLabels {
    /// Its network and its node, as its spec does.
    pub right: bool,
    pub l3: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct NodeItem {
    pub head: Head,
    pub taints: Vec<Taint>,
    pub out_of_service: bool,
    /// Internal addresses.
    pub addresses: Vec<IpAddr>,
    /// None: its name is none of ours.
    pub listed: Option<Arc<listed::Node>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct NamespaceItem {
    pub labels: BTreeMap<String, String>,
    pub deleting: bool,
}

/// An object that was made for a Network.
#[derive(Debug, Clone, PartialEq)]
pub struct MadeItem {
    pub head: Head,
    pub network: String,
    pub resource: Option<String>,
    pub owner: Option<String>,
    pub spec: Value,
}

type Trimmed<T> = Option<(String, Seen<Arc<T>>)>;

pub fn network(object: DynamicObject) -> Trimmed<NetworkItem> {
    let seen = version(object.metadata.resource_version.as_deref());
    let in_force = object.metadata.annotations.as_ref().and_then(|all| all.get(IN_FORCE)).cloned();
    let document = serde_json::to_value(object).ok()?;
    let spec = document.get("spec").cloned().unwrap_or_default();
    let Live { meta, object, status, .. } = live::read(document);
    let head = Head {
        uid: meta.uid,
        resource_version: meta.resource_version,
        deleting: meta.deletion_timestamp.is_some(),
        finalizers: meta.finalizers,
    };
    let network = match object {
        Ok(Object::Network(network)) => Ok(network),
        Ok(_) => Err(vec![Finding::new("kind", "is not Network")]),
        Err(findings) => Err(findings),
    };
    let item = NetworkItem {
        head,
        generation: meta.generation,
        created: meta.creation_timestamp,
        network,
        spec,
        in_force,
        status: serde_json::from_value(status).unwrap_or_default(),
    };
    Some((meta.name, Seen { version: seen, value: Arc::new(item) }))
}

pub fn host(object: DynamicObject) -> Trimmed<HostItem> {
    let (name, seen, head) = head(&object.metadata)?;
    let people = label(&object.metadata, nicety_objects::host_interface::UNMANAGED).as_deref() == Some("true");
    let Live { object, status, .. } = live::read(serde_json::to_value(object).ok()?);
    let host = match object {
        Ok(Object::HostInterface(host)) => Some(Arc::new(host)),
        Ok(_) | Err(_) => None,
    };
    let nics = host.as_ref().map(|host| Nics::of(&host.interfaces));
    let HostInterfaceStatus { released, networks, .. } = serde_json::from_value(status).unwrap_or_default();
    let item = HostItem { head, nics, people, released: released.into_iter().collect(), networks, host };
    Some((name, Seen { version: seen, value: Arc::new(item) }))
}

pub fn block(object: DynamicObject) -> Trimmed<BlockItem> {
    let (name, seen, head) = head(&object.metadata)?;
    let born = object.metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second());
    let named = object.data.pointer("/spec/network").and_then(Value::as_str).unwrap_or_default().to_owned();
    let unsegmented = object.data.pointer("/spec/segment").is_none();
    let said = object.metadata.labels.clone().unwrap_or_default();
    let Live { object, .. } = live::read(serde_json::to_value(object).ok()?);
    let says = |label: &str, what: &str| said.get(label).is_some_and(|value| value == what);
    let labels = BlockLabels {
        right: matches!(&object, Ok(Object::IpBlock(block))
            if says(NETWORK_LABEL, block.network.as_str()) && says(NODE_LABEL, &label_value(&block.node))),
        l3: says(ROUTING_LABEL, "l3"),
    };
    let block = match object {
        Ok(Object::IpBlock(block)) => Some(Block {
            name: name.clone(),
            node: block.node,
            // Of a block that names a NIC and no segment, its author did not say.
            segment: match (unsegmented, &block.interface) {
                (true, Some(_)) => None,
                (true, None) => Some(Segment::Whole),
                (false, _) => block.segment.parse().ok(),
            },
            interface: block.interface,
            interface_index: block.interface_index,
            host_index: block.host_index,
            via: block.via,
            reserved: block.reserved,
            guarded: head.holds(FINALIZER),
            born,
            state: if head.deleting { State::Leaving } else { State::Standing },
        }),
        Ok(_) | Err(_) => None,
    };
    let item = BlockItem { head, network: named, labels, block };
    Some((name, Seen { version: seen, value: Arc::new(item) }))
}

pub fn node(object: Node) -> Trimmed<NodeItem> {
    let (name, seen, head) = head(&object.metadata)?;
    let labels = object.metadata.labels.clone().unwrap_or_default();
    let NodeSpec { taints, unschedulable, pod_cidr, pod_cidrs, .. } = object.spec.unwrap_or_default();
    let (taints, pod_nets) = (taints.unwrap_or_default(), pod_cidrs.unwrap_or_else(|| pod_cidr.into_iter().collect()));
    let NodeStatus { addresses, conditions, .. } = object.status.unwrap_or_default();
    let (addresses, conditions) = (addresses.unwrap_or_default(), conditions.unwrap_or_default());
    let internal = addresses.iter().filter(|address| address.type_ == "InternalIP");
    let addresses: Vec<IpAddr> = internal.filter_map(|address| address.address.parse().ok()).collect();
    let listed = name.parse().ok().map(|name| {
        Arc::new(listed::Node {
            name,
            labels,
            addresses: addresses.clone(),
            pod_nets: pod_nets.iter().filter_map(|net| net.parse().ok()).collect(),
            ready: conditions.iter().find(|one| one.type_ == "Ready").map(|one| one.status == "True"),
            unschedulable: unschedulable.unwrap_or(false),
            deleting: head.deleting,
        })
    });
    let item = NodeItem {
        // Every heartbeat makes a new version: it is read when it is needed.
        head: Head { resource_version: String::new(), ..head },
        out_of_service: taints.iter().any(|taint| taint.key == OUT_OF_SERVICE),
        taints,
        addresses,
        listed,
    };
    Some((name, Seen { version: seen, value: Arc::new(item) }))
}

pub fn namespace(object: PartialObjectMeta<Namespace>) -> Trimmed<NamespaceItem> {
    let (name, seen, head) = head(&object.metadata)?;
    let labels = object.metadata.labels.unwrap_or_default();
    Some((name, Seen { version: seen, value: Arc::new(NamespaceItem { labels, deleting: head.deleting }) }))
}

/// Under `namespace/name`.
pub fn made(object: DynamicObject) -> Trimmed<MadeItem> {
    let (name, seen, head) = head(&object.metadata)?;
    let ObjectMeta { namespace, annotations, owner_references, .. } = &object.metadata;
    let owner = owner_references.iter().flatten().find(|owner| owner.kind == "Network");
    let item = MadeItem {
        head,
        network: label(&object.metadata, NETWORK_LABEL)?,
        resource: annotations.as_ref().and_then(|all| all.get(RESOURCE_NAME)).cloned(),
        owner: owner.map(|owner| owner.uid.clone()),
        spec: object.data.get("spec").cloned().unwrap_or_default(),
    };
    let key = format!("{}/{name}", namespace.as_deref().unwrap_or_default());
    Some((key, Seen { version: seen, value: Arc::new(item) }))
}

impl BlockItem {
    pub fn node(&self) -> Option<&NodeName> {
        self.block.as_ref().map(|block| &block.node)
    }
}

fn head(metadata: &ObjectMeta) -> Option<(String, u64, Head)> {
    let ObjectMeta { name, uid, resource_version, deletion_timestamp, finalizers, .. } = metadata;
    let seen = version(resource_version.as_deref());
    let head = Head {
        uid: uid.clone().unwrap_or_default(),
        resource_version: resource_version.clone().unwrap_or_default(),
        deleting: deletion_timestamp.is_some(),
        finalizers: finalizers.clone().unwrap_or_default(),
    };
    Some((name.clone()?, seen, head))
}

fn label(metadata: &ObjectMeta, key: &str) -> Option<String> {
    metadata.labels.as_ref()?.get(key).cloned()
}
