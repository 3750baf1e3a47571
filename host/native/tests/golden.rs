//! Every native policy on every golden case, without wasmtime: quick enough to run after each change of a policy. The same cases
//! run through the sandbox in `tests/policies`.
//!
//! A case is `tests/golden/POLICY/CASE.json`. With `NICETY_BLESS=1` the answers are recorded anew; read the difference before you
//! commit it.

#![expect(clippy::unwrap_used, reason = "a case that cannot be read is a failure of the test")]

use std::{collections::BTreeSet, fs, path::PathBuf};

use nicety_core::{
    decision::Decision,
    evaluate::{Evaluator, Refusal},
    facts::{Facts, attach, nic_selection},
    review,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What the case shows, as a sentence.
    shows: String,
    config: serde_json::Value,
    facts: serde_json::Value,
    answer: Option<Answer>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Answer {
    Decision(Decision),
    Refusal(Refusal),
}

impl Case {
    fn facts(&self) -> Facts {
        serde_json::from_value(self.facts.clone()).unwrap()
    }

    fn decided(&self, policy: &dyn Evaluator) -> Answer {
        match policy.evaluate(&self.config.to_string(), &self.facts()).outcome {
            Ok(decision) => Answer::Decision(decision),
            Err(refusal) => Answer::Refusal(refusal),
        }
    }
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Names of the entries of a folder, sorted.
fn entries(folder: &str) -> BTreeSet<PathBuf> {
    fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn names(folder: &str) -> BTreeSet<String> {
    entries(folder).iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

fn cases(policy: &str) -> Vec<(PathBuf, Case)> {
    let read = |path: PathBuf| {
        let case = serde_json::from_str(&fs::read_to_string(&path).unwrap());
        let case = case.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, case)
    };
    entries(&format!("tests/golden/{policy}")).into_iter().map(read).collect()
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
        for (path, mut case) in cases(name) {
            let answer = case.decided(&*policy);
            if bless {
                case.answer = Some(answer);
                fs::write(&path, text(&case)).unwrap();
            } else {
                assert_eq!(text(&answer), text(&case.answer), "{}: {}", path.display(), case.shows);
            }
        }
    }
}

#[test]
fn what_the_built_in_policies_decide_passes_review() {
    for (name, policy) in nicety_native::evaluators() {
        for (path, case) in cases(name) {
            let facts = case.facts();
            let findings = match (&facts, case.decided(&*policy)) {
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
