//! Every native policy on every golden case, without wasmtime: quick enough to run after each change of a policy. The same cases
//! run through the sandbox in `tests/policies`.
//!
//! A case is `tests/golden/POLICY/CASE.json`, in the form of `nicety policy test`. With `NICETY_BLESS=1` the answers are recorded anew;
//! read the difference before you commit it.

#![expect(clippy::unwrap_used, reason = "a case that cannot be read is a failure of the test")]

use std::{collections::BTreeSet, error::Error, fs, path::PathBuf};

use nicety_core::{
    decision::Decision,
    evaluate::Refusal,
    facts::{Facts, attach, nic_selection},
    review,
};
use nicety_objects::golden::{self, Answer, Golden, text};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn names(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn cases(policy: &str) -> Vec<Golden> {
    let cases = golden::folder(&root().join("tests/golden").join(policy)).unwrap();
    cases.into_iter().map(|case| case.unwrap_or_else(|error| panic!("{error}: {:?}", error.source()))).collect()
}

#[test]
fn every_policy_folder_has_a_native_twin_of_its_name_and_golden_cases() {
    let native: BTreeSet<String> = nicety_native::evaluators().iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(native, names("policies"));
    assert_eq!(native, names("tests/golden"));
    for (name, policy) in nicety_native::evaluators() {
        assert_eq!(policy.description().name, name);
        assert!(cases(name).len() >= 3, "`{name}` has {} golden cases", cases(name).len());
    }
}

#[test]
fn native_answers_are_the_recorded_ones() {
    let bless = std::env::var_os("NICETY_BLESS").is_some();
    for (name, policy) in nicety_native::evaluators() {
        for golden in cases(name) {
            let answer = golden.answered(&*policy);
            if bless {
                golden.record(answer).unwrap();
            } else {
                let Golden { path, case, .. } = golden;
                assert_eq!(text(&answer), text(&case.answer), "{}: {}", path.display(), case.shows);
            }
        }
    }
}

#[test]
fn what_the_built_in_policies_decide_passes_review() {
    for (name, policy) in nicety_native::evaluators() {
        for golden in cases(name) {
            let Golden { path, facts, .. } = &golden;
            let findings = match (facts, golden.answered(&*policy)) {
                (_, Answer::Refusal(Refusal::Denied(_))) => continue,
                (Facts::Attach(facts), Answer::Decision(Decision::Requests(requests))) => {
                    review::attach(facts, &requests)
                }
                (Facts::NicSelection(facts), Answer::Decision(Decision::Selection(selection))) => {
                    review::selection(facts, &selection)
                }
                (Facts::GatewayDistribution(facts), Answer::Decision(Decision::Assignment(assignment))) => {
                    review::distribution(facts, &assignment)
                }
                (Facts::GatewayFilter(facts), Answer::Decision(Decision::Allowed(allowed))) => {
                    review::filter(facts, &allowed)
                }
                (facts, answer) => panic!("{}: {:?} has {}", path.display(), facts.kind(), text(&answer)),
            };
            assert_eq!(findings, [], "{}", path.display());
        }
    }
}

#[test]
fn a_policy_sees_the_attributes_that_it_names_and_no_others() {
    let facts = |name: &str| {
        let value = nicety_core::facts::Value::Text("red".into());
        let attribute = nicety_core::facts::Attribute { name: name.into(), value };
        let users = vec![nic_selection::UseBy { namespace: "a".into(), tenant: Some("red".into()), attachments: 1 }];
        let mut facts = nic_selection::Facts::default();
        facts.pod.attributes = vec![attribute];
        facts.candidates = vec![nic_selection::Nic { users, ..Default::default() }];
        Facts::NicSelection(facts)
    };
    let reason = |name: &str| {
        let policy = nicety_native::get("spread").unwrap();
        match policy.evaluate(r#"{"count": "tenant"}"#, &facts(name)).outcome {
            Ok(Decision::Selection(selection)) => selection.chosen[0].reason.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(reason("tenant"), "1 attachment of tenant `red`");
    assert!(reason("owner").contains("no tenant is known"));
}

#[test]
fn facts_of_another_kind_are_a_failure() {
    let policy = nicety_native::get("all").unwrap();
    let outcome = policy.evaluate("{}", &Facts::Attach(attach::Facts::default())).outcome;
    assert!(matches!(outcome, Err(Refusal::Failed(_))), "{outcome:?}");
    assert_eq!(policy.validate_config("{}").unwrap(), [""; 0]);
    assert_eq!(policy.validate_config(r#"{"nics": 1}"#).unwrap().len(), 1);
}
