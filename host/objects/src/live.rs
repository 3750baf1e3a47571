//! Objects as an API server keeps them: the same documents as in files, with what the server adds to their metadata, and a status.
//! The spec is read by the same rules as a file's, so that a server which checks less opens no hole.

use nicety_core::finding::Finding;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    block,
    manifest::{self, Bare, Identity, Object},
    selector::Labels,
};

/// What the server knows of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    pub name: String,
    /// Empty: the object is cluster-scoped.
    pub namespace: String,
    pub uid: String,
    pub resource_version: String,
    /// Counts changes of the spec, from 1.
    pub generation: i64,
    /// RFC 3339, in UTC and with seconds: texts compare as times do.
    pub creation_timestamp: String,
    /// When the object's deletion was asked for; it goes with its last finalizer.
    pub deletion_timestamp: Option<String>,
    pub finalizers: Vec<String>,
    pub labels: Labels,
    pub annotations: Labels,
}

/// One object, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Live {
    pub meta: Meta,
    pub identity: Identity,
    pub object: Result<Object, Vec<Finding>>,
    /// `null` where there is none.
    pub status: Value,
}

impl Meta {
    pub fn of(document: &Value) -> Meta {
        let metadata = document.get("metadata").cloned().unwrap_or_default();
        // The server's own answer has these types. Of another's, what can be read is read.
        Meta::deserialize(&metadata).unwrap_or_else(|_| {
            let text = |field: &str| metadata.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
            Meta {
                name: text("name"),
                namespace: text("namespace"),
                uid: text("uid"),
                resource_version: text("resourceVersion"),
                ..Meta::default()
            }
        })
    }

    pub fn is_being_deleted(&self) -> bool {
        self.deletion_timestamp.is_some()
    }
}

/// Reads an object as the API tells it.
pub fn read(mut document: Value) -> Live {
    let meta = Meta::of(&document);
    let status = document.as_object_mut().and_then(|object| object.remove("status")).unwrap_or_default();
    authored(&mut document);
    let (identity, object) = manifest::parse(document, Bare::Nothing);
    Live { meta, identity, object: object.and_then(named), status }
}

/// In a file a block may have any name. Here its name is the claim: by another one the same block could be claimed twice.
fn named(object: Object) -> Result<Object, Vec<Finding>> {
    let Object::IpBlock(block) = &object else { return Ok(object) };
    let name = block::name_of(&block.network, block.interface_index, block.host_index);
    if name == block.name {
        return Ok(object);
    }
    Err(vec![Finding::new(
        "metadata.name",
        format!("is not `{name}`, which is the name of the block that the spec claims"),
    )])
}

/// Leaves of an object's metadata what its author may write: name, namespace, labels and annotations.
pub fn authored(document: &mut Value) {
    let Some(Value::Object(metadata)) = document.get_mut("metadata") else { return };
    let kept = ["name", "namespace", "labels", "annotations"];
    let kept = kept.into_iter().filter_map(|field| Some((field.to_owned(), metadata.remove(field)?)));
    *metadata = kept.filter(|(_, value)| !value.is_null()).collect::<Map<String, Value>>();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_server_adds_does_not_hide_what_the_author_wrote() {
        let live = read(json!({
            "apiVersion": "nicety.dev/v1alpha1",
            "kind": "IPBlock",
            "metadata": {
                "name": "rails-0-1", "uid": "u", "resourceVersion": "7", "generation": 2,
                "creationTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["nicety.dev/leases"],
                "labels": {"nicety.dev/node": "node-1"}, "managedFields": [{"manager": "nicety-controller"}],
            },
            "spec": {"network": "rails", "node": "node-1", "interface": "eth1", "interfaceIndex": 0, "hostIndex": 1,
                "segment": "10.0.1.0/24", "via": ["fd00::1", "10.0.1.11"]},
            "status": {"any": "thing"},
        }));
        let Ok(Object::IpBlock(block)) = live.object else { panic!("{live:?}") };
        assert_eq!((block.segment.as_str(), block.via.len(), block.via[0].is_ipv4()), ("10.0.1.0/24", 2, true));
        let Meta { uid, resource_version, generation, deletion_timestamp, finalizers, labels, .. } = live.meta;
        assert_eq!((uid.as_str(), resource_version.as_str(), generation, deletion_timestamp), ("u", "7", 2, None));
        assert_eq!((finalizers.len(), labels.len()), (1, 1));
        assert_eq!(live.status, json!({"any": "thing"}));
    }

    #[test]
    fn a_broken_spec_still_says_whose_it_is() {
        let live = read(json!({
            "apiVersion": "nicety.dev/v1alpha1", "kind": "Network",
            "metadata": {"name": "rails", "resourceVersion": "9"}, "spec": {"link": {"kind": "tin-can"}},
        }));
        assert_eq!((live.identity.to_string().as_str(), live.meta.resource_version.as_str()), ("Network rails", "9"));
        assert!(live.object.unwrap_err().iter().any(|finding| finding.path == "spec.link.kind"));
    }
}
