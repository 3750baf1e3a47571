//! The page of all kinds and fields for people (`docs/objects.md`), from the same documents that the API server gets.

use serde_json::Value;

use super::{Document, KINDS, Kind, Scope, documents};

const HEAD: &str = "\
<!-- Made by `cargo run -p nicety-k8s --bin nicety-crds`; do not edit. -->
# Objects

Every kind of `nicety.dev/v1alpha1`, with every field. The same page in a cluster: `kubectl explain network.spec.ipam`. Files of a
manifests folder hold the same documents without `status`; they are checked by the same rules, and what is wrong is told with the
path of the field. In a cluster the API server holds the rules as far as it can (CEL, from Kubernetes 1.25 on; addresses from 1.31
on), and Nicety holds all of them whatever the server does: an object that breaks one is not used, its last good version stays in
force, and its condition `Valid` says why.

A field *that never changes* keeps the value that it was made with: an edit is refused. Every other edit propagates.

";

/// The whole page.
pub fn page() -> String {
    let documents = documents();
    let mut page = HEAD.to_owned();
    for kind in KINDS {
        let of_kind = |document: &&Document| {
            document.definition.pointer("/spec/names/kind").and_then(Value::as_str) == Some(kind.kind)
        };
        if let Some(document) = documents.iter().find(of_kind) {
            section(kind, &document.definition, &mut page);
        }
    }
    page
}

fn section(kind: &Kind, definition: &Value, page: &mut String) {
    let scope = match kind.scope {
        Scope::Cluster => "cluster-scoped",
        Scope::Namespaced => "in a namespace",
    };
    page.push_str(&format!("## {}\n\n{} `kubectl get {}`", kind.kind, kind.description, kind.plural));
    let short: Vec<String> = kind.short.iter().map(|name| format!("`{name}`")).collect();
    page.push_str(&format!(" (short: {}), {scope}.\n\n", short.join(", ")));
    let Some(schema) = definition.pointer("/spec/versions/0/schema/openAPIV3Schema") else { return };
    for part in ["spec", "status"] {
        if let Some(schema) = schema.pointer(&format!("/properties/{part}")) {
            page.push_str("| field | type | meaning |\n| --- | --- | --- |\n");
            fields(part, schema, page);
            page.push('\n');
        }
    }
    let mut rules = Vec::new();
    collect("", schema, &mut rules);
    if !rules.is_empty() {
        page.push_str("Rules:\n\n");
        rules.iter().for_each(|rule| page.push_str(&format!("- {rule}\n")));
        page.push('\n');
    }
}

fn fields(path: &str, schema: &Value, page: &mut String) {
    let required = schema.get("required").and_then(Value::as_array);
    for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = format!("{path}.{name}");
        let needed = required.is_some_and(|names| names.iter().any(|one| one == name));
        let (entries, inner) = inside(field);
        let path = format!("{path}{entries}");
        page.push_str(&format!("| `{path}` | {} | {} |\n", kind_of(field, needed), meaning(field)));
        fields(&path, inner, page);
    }
}

/// What a list or a map is made of.
fn inside(field: &Value) -> (&'static str, &Value) {
    match (field.get("items"), field.get("additionalProperties")) {
        (Some(items), _) => ("[]", items),
        (None, Some(values)) => ("{}", values),
        (None, None) => ("", field),
    }
}

fn kind_of(field: &Value, needed: bool) -> String {
    let (entries, inner) = inside(field);
    let name = |schema: &Value| schema.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let format = inner.get("format").and_then(Value::as_str).filter(|format| !format.starts_with("int"));
    let one = format.map_or_else(|| name(inner), str::to_owned);
    let mut text = match entries {
        "[]" => format!("list of {one}"),
        "{}" => format!("map of {one}"),
        _ => one,
    };
    let bounds =
        (inner.get("minimum").filter(|_| entries.is_empty()), inner.get("maximum").filter(|_| entries.is_empty()));
    match bounds {
        (Some(low), Some(high)) => text.push_str(&format!(", {low} to {high}")),
        (Some(low), None) => text.push_str(&format!(", from {low}")),
        (None, Some(high)) => text.push_str(&format!(", up to {high}")),
        (None, None) => (),
    }
    if let Some(most) = field.get("maxItems") {
        text.push_str(&format!(", at most {most}"));
    }
    if let Some(default) = field.get("default") {
        text.push_str(&format!(", default `{}`", default.to_string().trim_matches('"')));
    }
    if needed { format!("{text}, **required**") } else { text }
}

fn meaning(field: &Value) -> String {
    let own = field.get("description").or_else(|| inside(field).1.get("description"));
    let text = own.and_then(Value::as_str).unwrap_or_default().replace('|', "\\|");
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = inside(field).1.get("enum").and_then(Value::as_array);
    if let Some(words) = words.filter(|_| !text.contains("- \"")) {
        let words: Vec<String> = words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")).collect();
        text = format!("{text} One of {}.", words.join(", ")).trim_start().to_owned();
    }
    text
}

/// Every rule with the field that it is about.
fn collect(path: &str, schema: &Value, rules: &mut Vec<String>) {
    for rule in schema.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten() {
        let text = |field: &str| rule.get(field).and_then(Value::as_str).unwrap_or_default();
        let at = format!("{path}{}", text("fieldPath"));
        let at = if at.is_empty() { "the object".to_owned() } else { format!("`{}`", at.trim_start_matches('.')) };
        rules.push(format!("{at}: {}", text("message")));
    }
    for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        collect(&format!("{path}.{name}"), inner, rules);
    }
    let (entries, inner) = inside(schema);
    if !entries.is_empty() {
        collect(&format!("{path}{entries}"), inner, rules);
    }
}
