//! Selectors whose keys may say more than a label: whose label it is, and where it came from.

use serde_json::{Map, Value, json};

use crate::{fields::Fields, report::Class};

const NAMESPACE: &str = "io.kubernetes.pod.namespace";
const NAMESPACE_LABELS: &str = "io.cilium.k8s.namespace.labels.";
/// Of every namespace, by the API server.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

enum Owner {
    Object(String),
    Namespace(String),
    Nobody,
}

/// A selector of one kind of object.
pub(super) fn plain(rule: &mut Fields, field: &str, selector: Value) -> Value {
    let (own, namespace) = parted(rule, field, selector);
    if namespace.is_some() {
        rule.note(
            Class::Refused,
            field,
            "asks for a namespace, which such an object has not",
            "correct it and convert again",
        );
    }
    own
}

/// What a selector of pods asks of the pod, and what of its namespace.
pub(super) fn split(rule: &mut Fields, selector: Value) -> (Value, Option<Value>) {
    parted(rule, "podSelector", selector)
}

/// Both must hold.
pub(super) fn both(mut one: Value, other: Value) -> Value {
    if !one.is_object() {
        return other;
    }
    for (field, more) in other.as_object().cloned().unwrap_or_default() {
        match (one.get_mut(&field), more) {
            (Some(Value::Object(fields)), Value::Object(more)) => fields.extend(more),
            (Some(Value::Array(entries)), Value::Array(more)) => entries.extend(more),
            (_, more) => {
                if let Some(fields) = one.as_object_mut() {
                    fields.insert(field, more);
                }
            }
        }
    }
    one
}

fn parted(rule: &mut Fields, field: &str, selector: Value) -> (Value, Option<Value>) {
    let mut part = Fields::new(&rule.path(field), selector);
    let (mut own, mut of_namespace) = (Map::new(), Map::new());
    let mut labels = part.part("matchLabels");
    for key in labels.names() {
        let value = labels.raw(&key).unwrap_or_default();
        match owner(&key) {
            Owner::Object(key) => insert(&mut own, key, value),
            Owner::Namespace(key) => insert(&mut of_namespace, key, value),
            Owner::Nobody => unsaid(&mut labels, &key),
        }
    }
    part.finish(labels);
    for mut requirement in part.parts("matchExpressions") {
        let (key, operator) =
            (requirement.text("key").unwrap_or_default(), requirement.text("operator").unwrap_or_default());
        let values = requirement.texts("values");
        let written = |key: String| {
            let mut written = json!({ "key": key, "operator": operator });
            if let (false, Some(fields)) = (values.is_empty(), written.as_object_mut()) {
                fields.insert("values".to_owned(), json!(values));
            }
            written
        };
        match owner(&key) {
            Owner::Object(key) => push(&mut own, written(key)),
            Owner::Namespace(key) => push(&mut of_namespace, written(key)),
            Owner::Nobody => unsaid(&mut requirement, "key"),
        }
        part.finish(requirement);
    }
    rule.finish(part);
    (Value::Object(own), (!of_namespace.is_empty()).then_some(Value::Object(of_namespace)))
}

fn owner(key: &str) -> Owner {
    let key = key.strip_prefix("k8s:").or_else(|| key.strip_prefix("any:")).unwrap_or(key);
    match key.strip_prefix(NAMESPACE_LABELS) {
        Some(label) => Owner::Namespace(label.to_owned()),
        None if key == NAMESPACE => Owner::Namespace(NAMESPACE_NAME.to_owned()),
        None if key.starts_with("io.cilium.") || key.contains(':') => Owner::Nobody,
        None => Owner::Object(key.to_owned()),
    }
}

fn unsaid(part: &mut Fields, name: &str) {
    let meaning = "is no label of a pod or its namespace; without it the policy would take in more pods than it should";
    part.note(Class::Refused, name, meaning, "select these pods by a label of theirs");
}

fn insert(selector: &mut Map<String, Value>, key: String, value: Value) {
    if let Value::Object(labels) = selector.entry("matchLabels").or_insert_with(|| json!({})) {
        labels.insert(key, value);
    }
}

fn push(selector: &mut Map<String, Value>, requirement: Value) {
    if let Value::Array(requirements) = selector.entry("matchExpressions").or_insert_with(|| json!([])) {
        requirements.push(requirement);
    }
}
