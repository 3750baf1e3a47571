//! Writes as data: what is to be done to one object, and carrying it out.

use k8s_openapi::api::core::v1::{Node, Taint};
use kube::api::DynamicObject;
use nicety_core::{
    cluster::{NewBlock, Segment},
    ids::{NetworkName, NodeName},
};
use nicety_k8s::{Failure, Place, WriteError, Writer, kinds};
use nicety_objects::{
    API_VERSION,
    block::FINALIZER,
    render::{NETWORK_LABEL, NODE_LABEL, ROUTING_LABEL, label_value},
};
use serde_json::{Value, json};

use crate::taints;

#[derive(Debug, Clone)]
pub struct Write {
    /// Whose the write is: how often it failed is counted by this. No two writes of one object run at once.
    pub key: String,
    /// The Network in whose status a failure is told.
    pub network: Option<String>,
    /// Only when this node is gone, or out of service, as the server itself says.
    pub unless_there: Option<NodeName>,
    pub act: Act,
}

#[derive(Debug, Clone)]
pub enum Act {
    Create(NewBlock, Routed),
    /// Of an object that nobody else made: not there before.
    Make(Place, Value),
    Apply(Place, Value),
    ApplyStatus(Place, Value),
    Merge(Place, Value),
    Delete(Place, String),
    Taint(NodeName, taints::Wish),
}

/// Whether other nodes make routes to the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routed {
    Yes,
    No,
}

/// What the server says of the object afterwards.
#[derive(Debug)]
pub enum Outcome {
    Is(Box<DynamicObject>),
    /// Nothing that is watched changed, or the watch tells of it.
    Done,
    /// The node is there after all.
    Stays,
}

impl Write {
    pub fn new(key: impl Into<String>, act: Act) -> Write {
        Write { key: key.into(), network: None, unless_there: None, act }
    }

    pub fn of(self, network: &str) -> Write {
        Write { network: Some(network.to_owned()), ..self }
    }

    /// The block that is being made: until the write has ended, it is taken to be there.
    pub fn promised(&self) -> Option<&NewBlock> {
        match &self.act {
            Act::Create(block, _) => Some(block),
            _ => None,
        }
    }

    pub async fn run(&self, writer: &Writer) -> Result<Outcome, WriteError> {
        if let Some(node) = &self.unless_there
            && !gone(writer, node).await?
        {
            return Ok(Outcome::Stays);
        }
        let is = |object| Outcome::Is(Box::new(object));
        match &self.act {
            Act::Create(block, routed) => {
                let place = Place::of_cluster(kinds::ip_block(), block.name());
                match writer.create(&place, &ip_block(block, *routed)).await {
                    // Somebody's claim came first: it is looked at, and the next computation steps over it.
                    Err(error) if error.failure == Failure::Exists => match writer.get(&place).await? {
                        Some(object) => Ok(is(object)),
                        None => Err(error),
                    },
                    created => created.map(is),
                }
            }
            Act::Make(place, object) => writer.create(place, object).await.map(is),
            Act::Apply(place, object) => writer.apply(place, object).await.map(is),
            Act::ApplyStatus(place, object) => writer.apply_status(place, object).await.map(is),
            Act::Merge(place, patch) => writer.merge(place, patch).await.map(is),
            Act::Delete(place, uid) => writer.delete(place, uid).await.map(|()| Outcome::Done),
            Act::Taint(node, wish) => taint(writer, node, *wish).await,
        }
    }
}

/// Of a block.
pub fn labels(network: &NetworkName, node: &NodeName, routed: Routed) -> Value {
    let mut labels = json!({ NETWORK_LABEL: network, NODE_LABEL: label_value(node) });
    if routed == Routed::Yes {
        labels[ROUTING_LABEL] = json!("l3");
    }
    labels
}

/// The object of a block.
pub fn ip_block(block: &NewBlock, routed: Routed) -> Value {
    let NewBlock { network, node, interface, interface_index, host_index, segment, via, reserved } = block;
    let mut spec = json!({
        "network": network,
        "node": node,
        "interfaceIndex": interface_index,
        "hostIndex": host_index,
        "via": via,
    });
    if *segment != Segment::Whole {
        spec["segment"] = json!(segment.to_string());
    }
    if let Some(interface) = interface {
        spec["interface"] = json!(interface);
    }
    if !reserved.is_empty() {
        spec["reserved"] = json!(reserved);
    }
    json!({
        "apiVersion": API_VERSION,
        "kind": "IPBlock",
        "metadata": { "name": block.name(), "labels": labels(network, node, routed), "finalizers": [FINALIZER] },
        "spec": spec,
    })
}

async fn gone(writer: &Writer, node: &NodeName) -> Result<bool, WriteError> {
    let Some(object) = writer.get(&Place::of::<Node>(node.as_str())).await? else { return Ok(true) };
    let taints = taints::of(&object);
    Ok(taints.iter().any(|taint| taint.key == crate::items::OUT_OF_SERVICE))
}

/// The list of taints is written whole, so it is read first, and written only over the version that was read.
async fn taint(writer: &Writer, node: &NodeName, wish: taints::Wish) -> Result<Outcome, WriteError> {
    let place = Place::of::<Node>(node.as_str());
    let mut attempts = 0;
    loop {
        let Some(object) = writer.get(&place).await? else { return Ok(Outcome::Done) };
        let now: Vec<Taint> = taints::of(&object);
        let Some(wanted) = taints::wanted(&now, wish) else { return Ok(Outcome::Is(Box::new(object))) };
        let patch = json!({
            "metadata": { "resourceVersion": object.metadata.resource_version },
            "spec": { "taints": wanted },
        });
        match writer.merge(&place, &patch).await {
            // A heartbeat came in between.
            Err(error) if error.failure == Failure::Conflict && attempts < 5 => attempts += 1,
            outcome => return outcome.map(|object| Outcome::Is(Box::new(object))),
        }
    }
}
