//! `run`.

use crate::lab::{TWO_NICS, file, folder, nicety};

#[test]
fn one_decision_is_told_in_words() {
    let folder = folder("run");
    let facts = file(&folder, "facts.json", TWO_NICS);
    let said = nicety(&["policy", "run", "builtin:all", "--facts", &facts]).done();
    assert_eq!(said.out, "kept eth1: place 1 of the pool\nkept eth2: place 2 of the pool\n");
    let said = nicety(&["policy", "run", "builtin:all", "--facts", &facts, "--json"]).done().json();
    assert_eq!(said["outcome"]["decision"]["selection"]["chosen"][0]["candidate"], 0);
    assert!(said["fuel"].as_u64().unwrap() > 0);
}

#[test]
fn facts_of_another_kind_are_a_no() {
    let folder = folder("run-kind");
    let facts = file(&folder, "facts.json", r#"{"kind": "attach", "facts": {}}"#);
    nicety(&["policy", "run", "builtin:all", "--facts", &facts])
        .refused(3, &["the policy is of kind `nic-selection` and was asked for `attach`"]);
}

#[test]
fn facts_that_cannot_be_read_are_told() {
    let folder = folder("run-facts");
    let run = |facts: &str| nicety(&["policy", "run", "builtin:all", "--facts", facts]);
    run(&file(&folder, "torn.json", "{")).refused(1, &["holds no facts; hint: ", "EOF"]);
    run(&file(&folder, "field.json", r#"{"kind": "nic-selection", "facts": {"nics": []}}"#))
        .refused(1, &["unknown field `nics`"]);
    run("/nowhere.json").refused(1, &["cannot read `/nowhere.json`"]);
}

#[test]
fn a_live_strategy_without_a_daemon_is_told() {
    let folder = folder("run-live");
    let facts = file(&folder, "facts.json", TWO_NICS);
    let socket = folder.join("none.sock");
    nicety(&["policy", "run", "strategy:all", "--facts", &facts, "--socket", socket.to_str().unwrap()])
        .refused(1, &["cannot reach the daemon", "is `nicety daemon` running?"]);
}
