//! CustomResourceDefinition documents, made from the Rust types: the schema is what the types say, the rules stand in one table
//! beside it, and what must not change comes from the table by which the code itself checks it.

mod formats;
mod kinds;
mod reference;
mod rules;
mod selectors;
mod structural;

use nicety_objects::API_VERSION;
use serde_json::{Map, Value, json};

pub use formats::keywords;
pub use kinds::{KINDS, Kind, Scope};
pub use reference::page;
pub use rules::{RULES, Rule, changes};

/// First line of each generated file.
const HEADER: &str = "# Made by `cargo run -p nicety-k8s --bin nicety-crds`; do not edit.\n";

/// Of every name in Kubernetes.
const NAME_MAX: usize = 253;

/// One file of `deploy/crds`.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// `nicety.dev_networks.yaml`.
    pub file: String,
    pub definition: Value,
}

/// All kinds, in the order of the files.
pub fn documents() -> Vec<Document> {
    let (group, version) = API_VERSION.split_once('/').unwrap_or((API_VERSION, ""));
    let document = |kind: &Kind| Document {
        file: format!("{group}_{}.yaml", kind.plural),
        definition: definition(kind, group, version),
    };
    let mut documents: Vec<Document> = KINDS.iter().map(document).collect();
    documents.sort_by(|one, other| one.file.cmp(&other.file));
    documents
}

/// What names the files for `kubectl apply -k`.
pub fn kustomization() -> String {
    let files: Vec<String> = documents().iter().map(|document| format!("  - {}\n", document.file)).collect();
    let kind = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n";
    format!("{HEADER}{kind}{}", files.concat())
}

impl Document {
    /// As the file has it.
    pub fn text(&self) -> String {
        format!("{HEADER}{}", nicety_objects::yaml::write(&self.definition))
    }
}

fn definition(kind: &Kind, group: &str, version: &str) -> Value {
    let columns: Vec<Value> = kind
        .columns
        .iter()
        .map(|column| json!({"name": column.name, "type": column.kind, "jsonPath": column.path, "priority": column.priority}))
        .chain([json!({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp", "priority": 0})])
        .collect();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{}.{group}", kind.plural), "labels": {"app.kubernetes.io/part-of": "nicety"}},
        "spec": {
            "group": group,
            "scope": match kind.scope { Scope::Cluster => "Cluster", Scope::Namespaced => "Namespaced" },
            "names": {
                "kind": kind.kind,
                "listKind": format!("{}List", kind.kind),
                "plural": kind.plural,
                "singular": kind.kind.to_lowercase(),
                "shortNames": kind.short,
                "categories": ["nicety"],
            },
            "versions": [{
                "name": version,
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "additionalPrinterColumns": columns,
                "schema": {"openAPIV3Schema": schema(kind)},
            }],
        },
    })
}

/// The whole object. `metadata` is the server's own business; but what it does not say of a name's length it does not know when it counts
/// what a rule over the name may cost.
fn schema(kind: &Kind) -> Value {
    let mut properties = Map::new();
    properties.insert("apiVersion".to_owned(), json!({"type": "string"}));
    properties.insert("kind".to_owned(), json!({"type": "string"}));
    let named = RULES.iter().any(|rule| rule.kind == kind.kind && rule.cel.contains("self.metadata.name"));
    let metadata = match named {
        true => json!({"type": "object", "properties": {"name": {"type": "string", "maxLength": NAME_MAX}}}),
        false => json!({"type": "object"}),
    };
    properties.insert("metadata".to_owned(), metadata);
    if let Some(spec) = kind.spec {
        properties.insert("spec".to_owned(), structural::schema(spec()));
    }
    if let Some(status) = kind.status {
        properties.insert("status".to_owned(), structural::schema(status()));
    }
    let mut schema = json!({"type": "object", "description": kind.description, "properties": properties});
    if kind.spec.is_some() {
        schema["required"] = json!(["spec"]);
    }
    selectors::add(&mut schema);
    for rule in RULES.iter().filter(|rule| rule.kind == kind.kind) {
        rules::add(&mut schema, rule.at, rule.cel());
    }
    for (at, cel) in changes(kind.kind) {
        rules::add(&mut schema, at, cel);
    }
    schema
}
