//! From a schema of a Rust type to what a CustomResourceDefinition takes: no shapes to choose from, only the server's own formats,
//! and no fields that are refused (the server leaves unknown ones out).

use serde_json::{Map, Value};

use super::formats;

/// Keywords that a structural schema does not have, or that would be said twice.
const DROPPED: &[&str] = &["$schema", "title", "examples", "readOnly", "writeOnly"];

pub(super) fn schema(mut schema: Value) -> Value {
    rewrite(&mut schema);
    schema
}

fn rewrite(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    for keyword in DROPPED {
        object.remove(*keyword);
    }
    if object.get("additionalProperties") == Some(&Value::Bool(false)) {
        object.remove("additionalProperties");
    }
    // An empty list or object that is written into every manifest says nothing.
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(entries) => entries.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    if object.get("default").is_some_and(|default| empty(default) || default.is_object()) {
        object.remove("default");
    }
    if let Some(Value::Array(words)) = object.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    formats::rewrite(object);
    for keyword in ["minimum", "maximum"] {
        whole(object, keyword);
    }
    if let Some(Value::Object(fields)) = object.get_mut("properties") {
        fields.values_mut().for_each(rewrite);
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(schema) = object.get_mut(inner) {
            rewrite(schema);
        }
    }
}

/// `68.0` as `68`, for an integer's bounds.
fn whole(object: &mut Map<String, Value>, keyword: &str) {
    let integer = object.get("type").is_some_and(|kind| kind == "integer");
    if let Some(number) = object.get(keyword).and_then(Value::as_f64).filter(|number| integer && number.fract() == 0.0)
        && let Ok(number) = format!("{number:.0}").parse::<i64>()
    {
        object.insert(keyword.to_owned(), number.into());
    }
}
