//! `schema`.

use std::fs;

use serde_json::Value;

use crate::lab::{nicety, repository};

#[test]
fn the_schema_of_a_policy_is_the_one_in_its_folder() {
    let said = nicety(&["policy", "schema", "builtin:spread"]).done().json();
    let file = fs::read_to_string(repository().join("policies/spread/config.schema.json")).unwrap();
    assert_eq!(said, serde_json::from_str::<Value>(&file).unwrap());
}

#[test]
fn our_own_forms_have_schemas() {
    let facts = nicety(&["policy", "schema", "--of", "facts"]).done().out;
    assert!(facts.contains("\"nic-selection\"") && facts.contains("candidates"), "{facts}");
    let decision = nicety(&["policy", "schema", "--of", "decision"]).done().out;
    assert!(decision.contains("\"chosen\""), "{decision}");
    let strategies = nicety(&["policy", "schema", "--of", "strategies"]).done().json();
    assert!(strategies["properties"]["strategies"].is_object(), "{strategies}");
}

#[test]
fn one_thing_is_asked_for() {
    nicety(&["policy", "schema"]).refused(2, &["required"]);
    nicety(&["policy", "schema", "builtin:all", "--of", "facts"]).refused(2, &["cannot be used with"]);
    nicety(&["policy", "schema", "--of", "weather"]).refused(2, &["facts, decision, strategies"]);
}
