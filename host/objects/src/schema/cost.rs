//! A bound on what a schema can cost before it is compiled: references must end, and all of them written out must stay small.
//! Thirty definitions that each name the next one twice are a short text and a thousand million checks.

use std::collections::BTreeMap;

use serde_json::Value;

/// Most schema nodes once every reference is written out. A config of fifty fields comes to about five hundred.
const MAX_NODES: u64 = 100_000;

enum Visit {
    Open,
    Done(u64),
}

/// `Err` says which reference does not end, or that the whole is too large.
pub(super) fn bounded(schema: &Value) -> Result<(), String> {
    size(schema, schema, &mut BTreeMap::new()).map(|_| ())
}

fn size<'s>(root: &'s Value, node: &'s Value, visits: &mut BTreeMap<&'s str, Visit>) -> Result<u64, String> {
    let mut total = 1_u64;
    match node {
        Value::Object(object) => {
            for (keyword, value) in object {
                total = total.saturating_add(match (keyword.as_str(), value) {
                    ("$ref", Value::String(reference)) => referenced(root, reference, visits)?,
                    ("$dynamicRef" | "$recursiveRef", Value::String(_)) => {
                        return Err(format!("`{keyword}` is not served; hint: use `$ref` to `#/$defs/NAME`"));
                    }
                    _ => size(root, value, visits)?,
                });
            }
        }
        Value::Array(values) => {
            for value in values {
                total = total.saturating_add(size(root, value, visits)?);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
    }
    if total > MAX_NODES {
        return Err(format!("with its references written out it has more than {MAX_NODES} nodes"));
    }
    Ok(total)
}

fn referenced<'s>(root: &'s Value, reference: &'s str, visits: &mut BTreeMap<&'s str, Visit>) -> Result<u64, String> {
    match visits.get(reference) {
        Some(Visit::Open) => return Err(format!("`{reference}` leads back to itself")),
        Some(Visit::Done(nodes)) => return Ok(*nodes),
        None => (),
    }
    let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
    let target = target.ok_or_else(|| {
        format!("the reference `{reference}` leads nowhere inside the schema; hint: only `#/$defs/NAME` is served")
    })?;
    visits.insert(reference, Visit::Open);
    let nodes = size(root, target, visits)?;
    visits.insert(reference, Visit::Done(nodes));
    Ok(nodes)
}
