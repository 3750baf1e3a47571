//! One object of ours as it is kept: the newest version that is good, and what is wrong with the newest if that is another one. Pure.

use std::sync::Arc;

use nicety_core::finding::Finding;
use nicety_objects::manifest::{self, Bare, Object};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::table::{Entry, Seen};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// `metadata.resourceVersion` of the newest.
    pub version: String,
    /// RFC 3339: of two that exclude each other the older one stays.
    pub created: String,
    /// It has a `deletionTimestamp`.
    pub deleting: bool,
    pub good: Option<Good>,
    /// Of the newest; empty when that is the good one.
    pub findings: Vec<Finding>,
}

/// A version without findings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Good {
    pub version: String,
    /// `metadata.generation`.
    pub generation: i64,
    /// As a manifest, in JSON: compact, since a cluster may have many thousands.
    pub document: Box<str>,
    /// What it says. Parsed when it comes from the server or from disk, and then no more.
    #[serde(skip)]
    pub object: Option<Arc<Object>>,
}

impl Entry for Kept {
    fn of(seen: &Seen, before: Option<Kept>) -> Kept {
        if let Some(before) = before.as_ref().filter(|before| before.version == seen.version) {
            return before.clone();
        }
        let good = before.and_then(|before| before.good);
        let document = manifest_of(&seen.value);
        let text = document.to_string().into_boxed_str();
        let deleting = seen.value.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null());
        let created = seen.value.pointer("/metadata/creationTimestamp").and_then(Value::as_str).unwrap_or_default();
        let generation = seen.value.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or_default();
        let kept = |good, findings| Kept {
            version: seen.version.clone(),
            created: created.to_owned(),
            deleting,
            good,
            findings,
        };
        // A new version of the same words (a status, a finalizer) is not parsed again.
        if let Some(good) = good.as_ref().filter(|good| good.document == text && good.object.is_some()) {
            return kept(Some(Good { version: seen.version.clone(), generation, ..good.clone() }), Vec::new());
        }
        match manifest::parse(document, Bare::Nothing).1 {
            Ok(object) => {
                let object = Some(Arc::new(object));
                kept(Some(Good { version: seen.version.clone(), generation, document: text, object }), Vec::new())
            }
            Err(findings) => kept(good, findings),
        }
    }

    /// Whoever writes a status makes a new version, which is news to nobody here.
    fn says_the_same(&self, other: &Kept) -> bool {
        let document = |kept: &Kept| kept.good.as_ref().map(|good| good.document.clone());
        let Kept { version: _, created, deleting, good: _, findings } = self;
        (created, deleting, findings) == (&other.created, &other.deleting, &other.findings)
            && document(self) == document(other)
    }

    /// Rules may have become stricter since it was saved.
    fn restored(mut self) -> Kept {
        self.good = self.good.and_then(|good| match good.parsed() {
            Ok(good) => Some(good),
            Err(findings) => {
                self.findings.extend(findings);
                None
            }
        });
        self
    }
}

impl Good {
    /// With its object, from the document.
    pub fn parsed(self) -> Result<Good, Vec<Finding>> {
        let document = serde_json::from_str(&self.document);
        let document = document.map_err(|error| vec![Finding::new("", format!("is not JSON on disk: {error}"))])?;
        let object = manifest::parse(document, Bare::Nothing).1?;
        Ok(Good { object: Some(Arc::new(object)), ..self })
    }
}

/// The object as its author could have written it: without what servers add.
fn manifest_of(value: &Value) -> Value {
    let mut kept = Map::new();
    for (field, value) in value.as_object().into_iter().flatten() {
        match field.as_str() {
            "metadata" => {
                let metadata = value.as_object().into_iter().flatten();
                let named = metadata.filter(|(field, _)| matches!(field.as_str(), "name" | "labels" | "annotations"));
                let mut named: Map<String, Value> =
                    named.map(|(field, value)| (field.clone(), value.clone())).collect();
                if let Some(annotations) = named.get_mut("annotations").and_then(Value::as_object_mut) {
                    // A copy of the whole object.
                    annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
                }
                kept.insert(field.clone(), Value::Object(named));
            }
            // `immutable` is the ConfigMap's own affair.
            "status" | "immutable" => (),
            _ => {
                kept.insert(field.clone(), value.clone());
            }
        }
    }
    Value::Object(kept)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn network(version: &str, subnet: &str) -> Seen {
        let value = json!({
            "apiVersion": "nicety.dev/v1alpha1",
            "kind": "Network",
            "metadata": {
                "name": "rails", "uid": "1", "resourceVersion": version, "generation": 3,
                "creationTimestamp": "2026-01-01T00:00:00Z",
                "managedFields": [{"manager": "kubectl"}], "finalizers": ["nicety.dev/network"],
            },
            "spec": {"subnets": [subnet], "ipam": {"type": "blocks", "interfaceBlock": 2, "hostBlock": 8}, "link": {"kind": "macvlan"}},
            "status": {"anything": true},
        });
        Seen::of(value).unwrap()
    }

    #[test]
    fn the_last_good_version_stays_while_the_newest_has_findings() {
        let good = Kept::of(&network("1", "192.168.0.0/16"), None);
        assert_eq!(good.findings, []);
        let bad = Kept::of(&network("2", "nonsense"), Some(good.clone()));
        assert_eq!(bad.version, "2");
        assert_eq!(bad.good, good.good);
        assert!(bad.findings.iter().any(|finding| finding.path.starts_with("spec.subnets")), "{:?}", bad.findings);
        let mended = Kept::of(&network("3", "192.168.0.0/16"), Some(bad));
        assert_eq!((mended.findings.len(), mended.good.unwrap().version), (0, "3".to_owned()));
    }

    #[test]
    fn what_servers_add_is_no_finding_and_a_new_version_of_the_same_words_is_not_parsed_again() {
        let first = Kept::of(&network("1", "192.168.0.0/16"), None);
        let second = Kept::of(&network("2", "192.168.0.0/16"), Some(first.clone()));
        let (first, second) = (first.good.unwrap(), second.good.unwrap());
        assert!(Arc::ptr_eq(&first.object.unwrap(), &second.object.unwrap()));
        assert_eq!((second.version.as_str(), second.generation), ("2", 3));
    }

    #[test]
    fn what_was_saved_is_parsed_when_it_is_loaded() {
        let kept = Kept::of(&network("1", "192.168.0.0/16"), None);
        let text = serde_json::to_string(&kept).unwrap();
        let loaded: Kept = serde_json::from_str(&text).unwrap();
        assert_eq!(loaded.restored(), kept);
    }
}
