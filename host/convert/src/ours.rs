//! Objects of ours, as they are written.

use std::collections::BTreeMap;

use nicety_objects::API_VERSION;
use serde_json::{Map, Value, json};

use crate::report::Entry;

/// What became of one foreign object.
#[derive(Debug, Clone)]
pub(crate) struct Converted {
    pub entry: Entry,
    pub objects: Vec<Value>,
    /// Strategies that the objects name, to be written once for all.
    pub strategies: BTreeMap<String, Value>,
}

impl Converted {
    pub fn without_objects(entry: Entry) -> Converted {
        Converted { entry, objects: Vec::new(), strategies: BTreeMap::new() }
    }
}

/// Fields that hold nothing are left out.
pub(crate) fn object(kind: &str, metadata: Value, spec: Value) -> Value {
    json!({ "apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": without_empty(spec) })
}

/// Fields that are empty are kept: an empty selector selects everything.
pub(crate) fn exact(kind: &str, metadata: Value, spec: Map<String, Value>) -> Value {
    json!({ "apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec })
}

/// As the report names it: `Network rails`.
pub(crate) fn title(object: &Value) -> String {
    let field = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
    format!("{} {}", field("/kind"), field("/metadata/name"))
}

pub(crate) fn yaml(objects: &[Value]) -> String {
    let documents = objects.iter().filter_map(|object| serde_saphyr::to_string(object).ok());
    documents.map(|document| document.trim_end().to_owned() + "\n").collect::<Vec<_>>().join("---\n")
}

fn without_empty(value: Value) -> Value {
    let holds = |value: &Value| match value {
        Value::Null => false,
        Value::Array(entries) => !entries.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    };
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, without_empty(value)));
            Value::Object(fields.filter(|(_, value)| holds(value)).collect::<Map<_, _>>())
        }
        Value::Array(entries) => Value::Array(entries.into_iter().map(without_empty).collect()),
        other => other,
    }
}
