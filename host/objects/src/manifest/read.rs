//! A document into its type, with all that is wrong with it.

use nicety_core::finding::Finding;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Object, envelope::Envelope};
use crate::{schema::Compiled, text::is_subdomain};

/// Schema, type, rules. Fields that are not known are left out for the later two, so that what else is wrong is said as well.
pub(crate) fn read<Spec, Valid>(
    schema: &Compiled,
    mut value: Value,
    validate: impl FnOnce(Spec) -> Result<Valid, Vec<Finding>>,
) -> Result<Valid, Vec<Finding>>
where
    Spec: DeserializeOwned,
{
    let mut findings = schema.check(&value);
    prune(&schema.schema, &mut value);
    match serde_json::from_value(value) {
        Ok(spec) => match validate(spec) {
            Ok(valid) if findings.is_empty() => return Ok(valid),
            Ok(_) => (),
            Err(more) => findings.extend(more),
        },
        // The schema has said why, with a path; its formats are those of the types.
        Err(error) if findings.is_empty() => findings.push(Finding::new("", error.to_string())),
        Err(_) => (),
    }
    Err(findings)
}

/// A kind of which nothing but its name and its spec matters.
pub(super) fn plain<Spec: DeserializeOwned>(
    schema: &Compiled,
    document: Value,
    make: impl FnOnce(String, Spec) -> Result<Object, Vec<Finding>>,
) -> Result<Object, Vec<Finding>> {
    read(schema, document, |envelope: Envelope<Spec>| {
        let findings = unnamed(&envelope.metadata.name);
        joined(findings, make(envelope.metadata.name, envelope.spec))
    })
}

/// Kubernetes' rule for names: a DNS subdomain.
pub(super) fn unnamed(name: &str) -> Vec<Finding> {
    if is_subdomain(name) {
        return Vec::new();
    }
    let rule =
        "of lower-case letters, digits, `-` and `.`, with a letter or digit at both ends, at most 253 bytes long";
    vec![Finding::new("metadata.name", format!("`{name}` is not a name {rule}"))]
}

pub(super) fn joined<T>(mut findings: Vec<Finding>, result: Result<T, Vec<Finding>>) -> Result<T, Vec<Finding>> {
    match result {
        Ok(value) if findings.is_empty() => Ok(value),
        Ok(_) => Err(findings),
        Err(more) => {
            findings.extend(more);
            Err(findings)
        }
    }
}

/// Removes fields that the schema does not know, as far as its plain structure (fields, entries, maps) goes.
fn prune(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(object) => {
            let fields = schema.get("properties").and_then(Value::as_object);
            let rest = schema.get("additionalProperties");
            if let Some(fields) = fields.filter(|_| rest == Some(&Value::Bool(false))) {
                object.retain(|name, _| fields.contains_key(name));
            }
            for (name, inner) in object {
                if let Some(schema) = fields.and_then(|fields| fields.get(name)).or(rest) {
                    prune(schema, inner);
                }
            }
        }
        Value::Array(entries) => {
            if let Some(schema) = schema.get("items") {
                entries.iter_mut().for_each(|entry| prune(schema, entry));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
    }
}
