//! A bound on what a schema can cost before it is compiled: references must end, and all of them written out must stay small and
//! shallow. Thirty definitions that each name the next one twice are a short text and a thousand million checks; five thousand that
//! each name the next one once are a stack that overflows; and ten thousand patterns, each just small enough, are gigabytes.

use std::collections::BTreeMap;

use serde_json::Value;

/// Most schema nodes once every reference is written out. A config of fifty fields comes to about five hundred.
const MAX_NODES: u64 = 100_000;

/// Deepest nesting, references written out. A config has ten.
const MAX_DEPTH: u32 = 256;
/// Most patterns, references written out. Each may take `MAX_PATTERN` bytes once it is compiled.
const MAX_PATTERNS: u64 = 64;

#[derive(Debug, Clone, Copy, Default)]
struct Size {
    nodes: u64,
    patterns: u64,
    depth: u32,
}

enum Visit {
    Open,
    Done(Size),
}

/// `Err` says which reference does not end, or what there is too much of.
pub(super) fn bounded(schema: &Value) -> Result<(), String> {
    size(schema, schema, &mut BTreeMap::new(), 0).map(|_| ())
}

/// `above` is how deep the node itself stands, so that a chain is noticed before it is walked to its end.
fn size<'s>(
    root: &'s Value,
    node: &'s Value,
    visits: &mut BTreeMap<&'s str, Visit>,
    above: u32,
) -> Result<Size, String> {
    let mut total = Size { nodes: 1, ..Size::default() };
    if above > MAX_DEPTH {
        return Err(format!("with its references written out it has more than {MAX_DEPTH} levels"));
    }
    let add = |below: Size, total: &mut Size| {
        total.nodes = total.nodes.saturating_add(below.nodes);
        total.patterns = total.patterns.saturating_add(below.patterns);
        total.depth = total.depth.max(below.depth.saturating_add(1));
    };
    match node {
        Value::Object(object) => {
            for (keyword, value) in object {
                let below = match (keyword.as_str(), value) {
                    ("$ref", Value::String(reference)) => referenced(root, reference, visits, above + 1)?,
                    ("$dynamicRef" | "$recursiveRef", Value::String(_)) => {
                        return Err(format!("`{keyword}` is not served; hint: use `$ref` to `#/$defs/NAME`"));
                    }
                    _ => size(root, value, visits, above + 1)?,
                };
                add(below, &mut total);
                total.patterns = total.patterns.saturating_add(match (keyword.as_str(), value) {
                    ("pattern", Value::String(_)) => 1,
                    ("patternProperties", Value::Object(patterns)) => patterns.len() as u64,
                    _ => 0,
                });
            }
        }
        Value::Array(values) => {
            for value in values {
                add(size(root, value, visits, above + 1)?, &mut total);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
    }
    for (most, has, what) in [
        (MAX_NODES, total.nodes, "nodes"),
        (MAX_PATTERNS, total.patterns, "patterns"),
        (MAX_DEPTH.into(), above.saturating_add(total.depth).into(), "levels"),
    ] {
        if has > most {
            return Err(format!("with its references written out it has more than {most} {what}"));
        }
    }
    Ok(total)
}

fn referenced<'s>(
    root: &'s Value,
    reference: &'s str,
    visits: &mut BTreeMap<&'s str, Visit>,
    above: u32,
) -> Result<Size, String> {
    match visits.get(reference) {
        Some(Visit::Open) => return Err(format!("`{reference}` leads back to itself")),
        Some(Visit::Done(size)) => return Ok(*size),
        None => (),
    }
    let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
    let target = target.ok_or_else(|| {
        format!("the reference `{reference}` leads nowhere inside the schema; hint: only `#/$defs/NAME` is served")
    })?;
    visits.insert(reference, Visit::Open);
    let size = size(root, target, visits, above)?;
    visits.insert(reference, Visit::Done(size));
    Ok(size)
}
