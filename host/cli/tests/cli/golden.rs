//! `test`: a module against its golden cases.

use std::fs;

use serde_json::{Value, json};

use crate::lab::{TWO_NICS, file, folder, nicety};

/// A case with these facts, and an answer if there is one.
fn case(facts: &str, answer: Value) -> String {
    let facts: Value = serde_json::from_str(facts).unwrap();
    json!({ "shows": "two NICs", "facts": facts, "answer": answer }).to_string()
}

#[test]
fn the_cases_of_a_built_in_policy_hold() {
    let said = nicety(&["policy", "test", "builtin:spread", "tests/golden/spread"]).done();
    assert!(said.out.contains("ok       fewest-first.json") && said.out.ends_with("4 of 4 cases hold\n"), "{said:?}");
}

#[test]
fn a_new_case_is_recorded_by_update_and_holds_from_then_on() {
    let folder = folder("golden-new");
    let path = file(&folder, "a.json", case(TWO_NICS, Value::Null));
    let test = |more: &[&str]| nicety(&[&["policy", "test", "builtin:all", folder.to_str().unwrap()], more].concat());
    test(&[]).refused(3, &["new      a.json", "--update"]);
    assert!(test(&["--update"]).done().out.contains("updated  a.json"));
    let after: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(after["answer"]["decision"]["selection"]["chosen"][1]["candidate"], 1);
    assert_eq!(after["facts"], serde_json::from_str::<Value>(TWO_NICS).unwrap());
    test(&[]).done();
}

#[test]
fn a_difference_is_told_by_what_it_is_about() {
    let folder = folder("golden-differs");
    let choice = |candidate: u32, reason: &str| json!({ "candidate": candidate, "reason": reason });
    let selection = json!({ "chosen": [choice(1, "the best")], "dropped": [choice(0, "too old")] });
    let text = case(TWO_NICS, json!({ "decision": { "selection": selection } }));
    let path = file(&folder, "a.json", &text);
    let said = nicety(&["policy", "test", "builtin:all", folder.to_str().unwrap()]);
    said.refused(3, &["DIFFERS  a.json: two NICs", "eth1", "too old", "expected", "got"]);
    assert_eq!(said.out, "0 of 1 case hold\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), text, "nothing is written without --update");
    let said = nicety(&["policy", "test", "builtin:all", folder.to_str().unwrap(), "--json"]);
    assert_eq!((said.code, &said.json()[0]["verdict"]), (3, &json!("differs")));
}

#[test]
fn what_is_wrong_with_a_case_is_told_and_the_others_are_tried() {
    let folder = folder("golden-wrong");
    file(&folder, "a-torn.json", "{");
    file(&folder, "b-no-facts.json", r#"{"facts": {"kind": "weather"}}"#);
    file(&folder, "c-config.json", r#"{"facts": {"kind": "nic-selection", "facts": {}}, "config": {"nics": 1}}"#);
    let said = nicety(&["policy", "test", "builtin:all", folder.to_str().unwrap(), "--update"]);
    said.refused(
        3,
        &[
            "UNUSABLE a-torn.json",
            "UNUSABLE b-no-facts.json",
            "UNUSABLE c-config.json",
            "weather",
            "none is known here",
        ],
    );
}

#[test]
fn facts_of_another_kind_are_told_and_never_recorded_as_an_answer_by_mistake() {
    let folder = folder("golden-kind");
    file(&folder, "a.json", case(r#"{"kind": "attach", "facts": {}}"#, Value::Null));
    let said = nicety(&["policy", "test", "builtin:all", folder.to_str().unwrap(), "--update"]);
    said.refused(3, &["UNUSABLE a.json", "is of kind `nic-selection` and was asked for `attach`"]);
}

#[test]
fn a_folder_that_is_missing_or_empty_is_told() {
    nicety(&["policy", "test", "builtin:all", "/nowhere"]).refused(1, &["cannot read `/nowhere`"]);
    let empty = folder("golden-empty");
    nicety(&["policy", "test", "builtin:all", empty.to_str().unwrap()]).refused(1, &["holds no case"]);
}
