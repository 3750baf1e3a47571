//! What is kept of the objects that egress is about.

use std::sync::Arc;

use kube::api::DynamicObject;
use nicety_core::{finding::Finding, ids::NodeName};
use nicety_k8s::watch::{Seen, version};
use nicety_objects::{
    EgressHealth, EgressPolicy,
    egress_policy::EgressPolicyStatus,
    egress_slice::{EVERY_NODE, EgressSliceSpec, NODE_LABEL, label_of},
    listed,
    live::{self, Live, Meta},
    manifest::{self, Bare, Object},
};
use serde::Deserialize;
use serde_json::Value;

use crate::items::Head;

#[derive(Debug, Clone, PartialEq)]
pub struct PolicyItem {
    pub head: Head,
    pub generation: i64,
    pub policy: Result<EgressPolicy, Vec<Finding>>,
    pub status: EgressPolicyStatus,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SliceItem {
    pub head: Head,
    /// Whether the node finds it by its label.
    pub labelled: bool,
    /// None: another's hand was at it, and it cannot be read.
    pub slice: Option<Arc<EgressSliceSpec>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct HealthItem {
    pub head: Head,
    /// None: it cannot be read.
    pub health: Option<EgressHealth>,
}

/// The ConfigMap of strategies.
#[derive(Debug, Clone, PartialEq)]
pub struct StrategiesItem {
    pub object: Result<Object, Vec<Finding>>,
}

type Trimmed<T> = Option<(String, Seen<Arc<T>>)>;

fn head(meta: &Meta) -> (u64, Head) {
    let head = Head {
        uid: meta.uid.clone(),
        resource_version: meta.resource_version.clone(),
        deleting: meta.is_being_deleted(),
        finalizers: meta.finalizers.clone(),
    };
    (version(Some(&meta.resource_version)), head)
}

pub fn policy(object: DynamicObject) -> Trimmed<PolicyItem> {
    let Live { meta, object, status, .. } = live::read(serde_json::to_value(object).ok()?);
    let policy = match object {
        Ok(Object::EgressPolicy(policy)) => Ok(policy),
        Ok(_) => Err(vec![Finding::new("kind", "is not EgressPolicy")]),
        Err(findings) => Err(findings),
    };
    let (seen, head) = head(&meta);
    // The version changes with each status that is written here, and nobody asks for it.
    let head = Head { resource_version: String::new(), ..head };
    let status = EgressPolicyStatus::deserialize(status).unwrap_or_default();
    let item = PolicyItem { head, generation: meta.generation, policy, status };
    Some((meta.name, Seen { version: seen, value: Arc::new(item) }))
}

pub fn slice(object: DynamicObject) -> Trimmed<SliceItem> {
    let document = serde_json::to_value(object).ok()?;
    let spec = document.get("spec").cloned().unwrap_or_default();
    let Live { meta, object, .. } = live::read(document);
    let (seen, head) = head(&meta);
    let slice = match object {
        // As it is written it takes a third of what it takes as it is read, and a cluster has thousands.
        Ok(Object::EgressSlice(slice)) => EgressSliceSpec::deserialize(spec).ok().map(|spec| (slice.node, spec)),
        Ok(_) | Err(_) => None,
    };
    let of = |node: &Option<NodeName>| meta.labels.get(NODE_LABEL) == Some(&label(node.as_ref()));
    let labelled = slice.as_ref().is_some_and(|(node, _)| of(node));
    let slice = slice.map(|(_, spec)| Arc::new(spec));
    let head = Head { resource_version: String::new(), ..head };
    Some((meta.name, Seen { version: seen, value: Arc::new(SliceItem { head, labelled, slice }) }))
}

/// By which nodes find a slice.
pub fn label(node: Option<&NodeName>) -> String {
    node.map_or_else(|| EVERY_NODE.to_owned(), label_of)
}

pub fn health(object: DynamicObject) -> Trimmed<HealthItem> {
    let Live { meta, object, .. } = live::read(serde_json::to_value(object).ok()?);
    let (seen, head) = head(&meta);
    let health = match object {
        Ok(Object::EgressHealth(health)) => Some(health),
        Ok(_) | Err(_) => None,
    };
    let head = Head { resource_version: String::new(), ..head };
    Some((meta.name, Seen { version: seen, value: Arc::new(HealthItem { head, health }) }))
}

/// A pod under the name that all that is computed of it shares.
pub type PodItem = (nicety_egress::view::Name, Arc<listed::Pod>);

/// Under `namespace/name`. One that cannot be read is not there.
pub fn pod(object: DynamicObject) -> Option<(String, Seen<PodItem>)> {
    let seen = version(object.metadata.resource_version.as_deref());
    let pod = listed::Pod::read(&serde_json::to_value(object).ok()?).ok()?;
    let name = Arc::new((pod.namespace.clone(), pod.name.clone()));
    Some((format!("{}/{}", pod.namespace, pod.name), Seen { version: seen, value: (name, Arc::new(pod)) }))
}

pub fn strategies(object: DynamicObject) -> Trimmed<StrategiesItem> {
    let seen = version(object.metadata.resource_version.as_deref());
    let name = object.metadata.name.clone()?;
    let mut document = serde_json::to_value(object).ok()?;
    if let Some(fields) = document.as_object_mut() {
        // The ConfigMap's own affair.
        fields.remove("immutable");
        // What is listed does not say what it is.
        fields.insert("apiVersion".to_owned(), "v1".into());
        fields.insert("kind".to_owned(), "ConfigMap".into());
        if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|field, _| field == "name");
        }
    }
    let (_, object) = manifest::parse(document, Bare::Nothing);
    Some((name, Seen { version: seen, value: Arc::new(StrategiesItem { object }) }))
}
