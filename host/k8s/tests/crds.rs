//! The documents that are made from the types, and that what lies in the repository is what they say now.

use std::{fs, path::PathBuf};

use nicety_k8s::crd::{Document, KINDS, RULES, documents, keywords, kustomization, page};
use nicety_objects::{text, transition::IMMUTABLE, yaml};
use serde_json::Value;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/crds")
}

/// Every schema of a document, with its path.
fn walk<'s>(path: &str, schema: &'s Value, all: &mut Vec<(String, &'s Value)>) {
    all.push((path.to_owned(), schema));
    for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        walk(&format!("{path}.{name}"), inner, all);
    }
    for (keyword, ending) in [("items", "[]"), ("additionalProperties", "{}")] {
        if let Some(inner) = schema.get(keyword).filter(|inner| inner.is_object()) {
            walk(&format!("{path}{ending}"), inner, all);
        }
    }
}

fn schemas(document: &Document) -> Vec<(String, &Value)> {
    let mut all = Vec::new();
    walk("", document.definition.pointer("/spec/versions/0/schema/openAPIV3Schema").unwrap(), &mut all);
    all
}

#[test]
fn the_files_are_what_the_types_say() {
    let documents = documents();
    for document in &documents {
        let path = folder().join(&document.file);
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == document.text(),
            "`{}` is stale; run `cargo run -p nicety-k8s --bin nicety-crds`",
            path.display()
        );
        assert_eq!(yaml::documents(&written).unwrap(), [document.definition.clone()]);
    }
    assert_eq!(fs::read_to_string(folder().join("kustomization.yaml")).unwrap_or_default(), kustomization());
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<String> = files.filter(|name| name.starts_with("nicety.dev_")).collect();
    files.sort();
    assert_eq!(files, documents.iter().map(|document| document.file.clone()).collect::<Vec<_>>());
}

#[test]
fn the_page_of_all_objects_is_what_the_types_say() {
    let path = folder().join("../../docs/objects.md");
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page(), "`{}` is stale; run `cargo run -p nicety-k8s --bin nicety-crds`", path.display());
}

#[test]
fn every_schema_is_structural() {
    for document in documents() {
        for (path, schema) in schemas(&document) {
            let at = format!("{}: {path}", document.file);
            let object = schema.as_object().unwrap();
            assert!(object.get("type").is_some_and(Value::is_string), "{at} has no type: {schema}");
            for keyword in ["$ref", "oneOf", "anyOf", "allOf", "not", "const", "$defs", "uniqueItems"] {
                assert!(!object.contains_key(keyword), "{at} has `{keyword}`");
            }
            let both = object.contains_key("properties") && object.contains_key("additionalProperties");
            assert!(!both, "{at} has fields and further fields");
        }
    }
}

#[test]
fn every_field_that_people_write_is_explained() {
    for document in documents() {
        for (path, schema) in schemas(&document).iter().filter(|(path, _)| path.starts_with(".spec")) {
            let entry = path.ends_with("[]") || path.ends_with("{}");
            assert!(entry || schema.get("description").is_some(), "{}: {path} has no description", document.file);
        }
    }
}

#[test]
fn every_format_is_known_to_the_server_in_some_way() {
    for format in text::formats() {
        let elsewhere = ["policy-reference", "pod-pattern"];
        assert!(keywords(format).is_some() || elsewhere.contains(&format), "{format}");
    }
    let allowed = ["cidr", "ipv4", "ipv6", "date-time", "int32", "int64", "double"];
    for document in documents() {
        for (path, schema) in schemas(&document) {
            if let Some(format) = schema.get("format").and_then(Value::as_str) {
                assert!(allowed.contains(&format), "{}: {path}: {format}", document.file);
            }
        }
    }
}

#[test]
fn every_rule_stands_in_its_document() {
    let documents = documents();
    let count = |kind: &str| -> usize {
        let document =
            documents.iter().find(|one| one.definition.pointer("/spec/names/kind").unwrap() == kind).unwrap();
        let rules = |(_, schema): &(String, &Value)| {
            schema.get("x-kubernetes-validations").and_then(Value::as_array).map_or(0, Vec::len)
        };
        let all = schemas(document).iter().map(rules).sum::<usize>();
        // What formats and selectors bring is not of the tables.
        let own = |(_, schema): &(String, &Value)| {
            let list = schema.get("x-kubernetes-validations").and_then(Value::as_array).cloned().unwrap_or_default();
            let of_format = |rule: &&Value| {
                let message = rule["message"].as_str().unwrap();
                message.starts_with("must be a") || message.starts_with("`In` and `NotIn`")
            };
            list.iter().filter(of_format).count()
        };
        all - schemas(document).iter().map(own).sum::<usize>()
    };
    for kind in KINDS {
        let rules = RULES.iter().filter(|rule| rule.kind == kind.kind).count();
        let changes = IMMUTABLE.iter().filter(|field| field.kind == kind.kind).count();
        assert_eq!(count(kind.kind), rules + changes, "{}", kind.kind);
    }
}
