//! Every built-in policy on every golden case: the answer is the recorded one, in process and in the sandbox alike, to the byte.
//!
//! A case is `tests/golden/POLICY/CASE.json`. With `NICETY_BLESS=1` the answers are recorded anew from the native policies; read the
//! difference before you commit it.

use std::{collections::BTreeSet, fs, path::PathBuf};

use nicety_core::{
    decision::Decision,
    evaluate::{Evaluator, Refusal},
    facts::Facts,
};
use nicety_tests_policies::facts::endpoints;
use serde::{Deserialize, Serialize};

use crate::lab::{alone, engine};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What the case shows, as a sentence.
    shows: String,
    config: serde_json::Value,
    /// As its author wrote it, so that recording an answer leaves the question alone.
    facts: serde_json::Value,
    answer: Option<Answer>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Answer {
    Decision(Decision),
    Refusal(Refusal),
}

impl Answer {
    fn of(policy: &dyn Evaluator, case: &Case) -> Answer {
        let facts: Facts = serde_json::from_value(case.facts.clone()).unwrap();
        match policy.evaluate(&case.config.to_string(), &facts).outcome {
            Ok(decision) => Answer::Decision(decision),
            Err(refusal) => Answer::Refusal(refusal),
        }
    }
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../golden")
}

/// File names and contents, in the order of names.
fn cases(policy: &str) -> Vec<(PathBuf, Case)> {
    let Ok(entries) = fs::read_dir(folder().join(policy)) else { return Vec::new() };
    let paths: BTreeSet<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    let read = |path: PathBuf| {
        let case = serde_json::from_str(&fs::read_to_string(&path).unwrap());
        let case = case.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, case)
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn every_built_in_policy_has_a_golden_case_and_every_case_a_policy() {
    let with_cases: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|policy| !cases(policy).is_empty())
        .collect();
    let built_in: BTreeSet<String> = nicety_builtins::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(built_in, with_cases);
}

#[test]
fn sandboxed_and_native_answers_are_the_recorded_one_to_the_byte() {
    let bless = std::env::var_os("NICETY_BLESS").is_some();
    for (name, component) in nicety_builtins::ALL {
        let native = nicety_native::get(name).unwrap_or_else(|| panic!("`{name}` has no native twin"));
        let sandboxed = engine().load(component).unwrap_or_else(|error| panic!("`{name}`: {error:?}"));
        assert_eq!(sandboxed.description(), native.description(), "`{name}`");
        for (path, mut case) in cases(name) {
            let answer = Answer::of(&*native, &case);
            let expected = text(&answer);
            assert_eq!(text(&Answer::of(&sandboxed, &case)), expected, "{}: sandboxed and native", path.display());
            if bless {
                case.answer = Some(answer);
                fs::write(&path, text(&case)).unwrap();
            } else {
                assert_eq!(expected, text(&case.answer), "{}: {}", path.display(), case.shows);
            }
        }
    }
}

#[test]
fn a_distribution_over_fifty_thousand_endpoints_is_within_its_limits() {
    const ENDPOINTS: u32 = 50_000;
    let _alone = alone();
    let facts = endpoints(ENDPOINTS, 64, |_| 1);
    let sandboxed = engine().load(nicety_builtins::get("round-robin").unwrap()).unwrap().evaluate("{}", &facts).outcome;
    let Ok(Decision::Assignment(assignment)) = &sandboxed else { panic!("{sandboxed:?}") };
    assert_eq!(assignment.primary.len(), ENDPOINTS as usize);
    assert_eq!(sandboxed, nicety_native::get("round-robin").unwrap().evaluate("{}", &facts).outcome);
}
