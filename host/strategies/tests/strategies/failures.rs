//! A policy that fails, lies or stalls denies, or its fallback decides; the trace says which.

use nicety_core::{facts::Request, record::decision::Role};
use nicety_strategies::{No, StrategySet};
use serde_json::json;

use crate::{
    chains::{facts, names, select},
    policies::set,
};

/// The default strategy is `policy`, with `all` in its place if it fails and `fallback` is asked for.
fn with(policy: &str, fallback: Option<&str>) -> StrategySet {
    let on_failure = fallback.map_or(json!("deny"), |name| json!({"fallback": name}));
    set(json!({
        "nicSelection": {"default": "mine"},
        "strategies": {
            "mine": {"policy": format!("builtin:{policy}"), "onFailure": on_failure},
            "broken": {"policy": "builtin:stalls", "onFailure": {"fallback": "all"}},
        },
    }))
    .unwrap()
}

#[test]
fn a_choice_that_is_not_a_candidate_is_refused() {
    let decided = select(&with("foreign-nic", None), &facts(Request::default()));
    let no = decided.outcome.unwrap_err();
    let No::Refused { findings, .. } = &no else { panic!("{no:?}") };
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].path.starts_with("chosen[4]"), "{findings:?}");
    assert!(no.to_string().starts_with("what policy `foreign-nic` of strategy `mine` said was refused: "), "{no}");
    assert_eq!(decided.runs[0].findings, *findings, "the trace keeps what review found");
}

#[test]
fn an_answer_of_another_kind_is_refused() {
    let no = select(&with("wrong-kind", None), &facts(Request::default())).outcome.unwrap_err();
    assert!(matches!(no, No::Refused { .. }), "{no:?}");
}

#[test]
fn a_policy_that_stalls_denies() {
    let no = select(&with("stalls", None), &facts(Request::default())).outcome.unwrap_err();
    assert!(matches!(no, No::Failed { .. }), "{no:?}");
    assert!(no.to_string().starts_with("policy `stalls` of strategy `mine` failed: "), "{no}");
}

#[test]
fn a_fallback_decides_for_a_policy_that_fails_or_lies() {
    for policy in ["stalls", "foreign-nic", "wrong-kind"] {
        let facts = facts(Request::default());
        let decided = select(&with(policy, Some("all")), &facts);
        assert_eq!(names(&decided, &facts), ["eth0", "eth1", "eth2", "eth3"], "{policy}");
        let roles: Vec<(&str, Role)> = decided.runs.iter().map(|run| (run.strategy.as_str(), run.role)).collect();
        assert_eq!(roles, [("mine", Role::Live), ("all", Role::Fallback)], "{policy}");
    }
}

#[test]
fn a_fallback_may_have_a_fallback() {
    let facts = facts(Request::default());
    let decided = select(&with("stalls", Some("broken")), &facts);
    assert_eq!(names(&decided, &facts).len(), 4);
    assert_eq!(decided.runs.len(), 3);
}

#[test]
fn a_denial_is_an_answer_and_no_fallback_overrules_it() {
    let decided = select(&with("denies", Some("all")), &facts(Request::default()));
    assert!(matches!(decided.outcome, Err(No::Denied { .. })));
    assert_eq!(decided.runs.len(), 1);
}

#[test]
fn the_fallback_of_a_pipeline_starts_from_what_the_pipeline_was_asked() {
    let set = set(json!({
        "nicSelection": {"default": "outer"},
        "strategies": {
            "outer": {"pipeline": ["not-eth1", "inner"]},
            "inner": {"pipeline": ["rail", "stalls"], "onFailure": {"fallback": "reverse"}},
            "not-eth1": {"policy": "builtin:not-eth1"},
            "rail": {"policy": "builtin:rail"},
            "stalls": {"policy": "builtin:stalls"},
            "reverse": {"policy": "builtin:reverse"},
        },
    }))
    .unwrap();
    let facts = facts(Request::default());
    let decided = select(&set, &facts);
    // `eth0`, which the failed pipeline dropped, is back; `eth1`, dropped before it, is not.
    assert_eq!(names(&decided, &facts), ["eth3", "eth2", "eth0"]);
    assert_eq!(decided.runs.len(), 4);
}
