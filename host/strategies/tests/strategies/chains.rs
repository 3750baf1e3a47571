//! Each strategy of a pipeline narrows or reorders what the one before left, and the host takes the requested number last.

use std::cell::Cell;

use nicety_core::{
    decision::Decision,
    facts::{
        Attribute, Facts as Question, Request, Value,
        nic_selection::{DeviceClass, Facts, Nic, UseBy},
    },
    record::decision::Role,
};
use nicety_strategies::{Decided, No, StrategySet};
use serde_json::json;

use crate::policies::set;

/// `eth0` to `eth3`; `eth1` and `eth2` are of class `fast`; `eth1` is in use.
pub fn facts(request: Request) -> Facts {
    let user = UseBy { namespace: "other".into(), tenant: None, attachments: 3 };
    let nic = |n: usize| Nic {
        name: format!("eth{n}"),
        users: if n == 1 { vec![user.clone()] } else { Vec::new() },
        attributes: vec![Attribute { name: "rail".into(), value: Value::Number(1) }],
        ..Nic::default()
    };
    let classes = vec![DeviceClass { name: "fast".into(), members: vec![1, 2] }];
    Facts { request, candidates: (0..4).map(nic).collect(), classes, ..Facts::default() }
}

pub fn select(set: &StrategySet, facts: &Facts) -> Decided<nicety_strategies::Chosen> {
    let ticks = Cell::new(0);
    nicety_strategies::selection(set, "net1", facts, &|| ticks.replace(ticks.get() + 5))
}

pub fn names(decided: &Decided<nicety_strategies::Chosen>, facts: &Facts) -> Vec<String> {
    let chosen = decided.outcome.as_ref().unwrap_or_else(|no| panic!("{no}"));
    chosen.choices.iter().map(|choice| facts.candidates[choice.candidate as usize].name.clone()).collect()
}

fn chain(members: &[&str]) -> StrategySet {
    set(json!({
        "nicSelection": {"default": "chain"},
        "strategies": {
            "chain": {"pipeline": members},
            "reverse": {"policy": "builtin:reverse"},
            "not-eth1": {"policy": "builtin:not-eth1"},
            "rail": {"policy": "builtin:rail"},
            "class": {"policy": "builtin:device-class"},
            "spread": {"policy": "builtin:spread"},
            "denies": {"policy": "builtin:denies"},
        },
    }))
    .unwrap()
}

#[test]
fn each_strategy_narrows_or_reorders_what_the_one_before_left() {
    let facts = facts(Request::default());
    let decided = select(&chain(&["reverse", "not-eth1", "rail", "reverse"]), &facts);
    assert_eq!(names(&decided, &facts), ["eth2", "eth3"]);
}

#[test]
fn the_number_is_taken_after_the_last_strategy() {
    // If the host truncated first, the class would find `eth0` alone and drop it.
    let request = Request { nics_max: Some(1), class: Some("fast".into()), ..Request::default() };
    let facts = facts(request);
    let decided = select(&chain(&["reverse", "class"]), &facts);
    assert_eq!(names(&decided, &facts), ["eth2"]);
}

#[test]
fn built_in_policies_chain() {
    let facts = facts(Request { class: Some("fast".into()), ..Request::default() });
    let decided = select(&chain(&["class", "spread"]), &facts);
    assert_eq!(names(&decided, &facts), ["eth2", "eth1"], "`eth1` is in use");
}

#[test]
fn the_trace_says_who_dropped_what_and_why() {
    let facts = facts(Request::default());
    let decided = select(&chain(&["reverse", "not-eth1"]), &facts);
    let runs: Vec<(&str, &str, Role)> =
        decided.runs.iter().map(|run| (run.strategy.as_str(), run.policy.as_str(), run.role)).collect();
    assert_eq!(runs, [("reverse", "reverse", Role::Live), ("not-eth1", "not-eth1", Role::Live)]);
    let last = &decided.runs[1];
    assert_eq!((last.digest.as_str(), last.fuel, last.duration_us, last.config.as_str()), ("0123", 7, 5, "{}"));
    assert_eq!(last.config_hash.len(), 64);
    // The facts are those that this policy saw: the others' order, reversed.
    let Question::NicSelection(seen) = &last.facts else { panic!("{:?}", last.facts) };
    assert_eq!(seen.candidates[0].name, "eth3");
    let Ok(Decision::Selection(selection)) = &last.outcome else { panic!("{:?}", last.outcome) };
    assert_eq!((selection.dropped[0].candidate, selection.dropped[0].reason.as_str()), (2, "eth1 is mine"));
}

#[test]
fn a_policy_sees_only_the_attributes_that_it_asked_for() {
    let facts = facts(Request::default());
    let decided = select(&chain(&["reverse"]), &facts);
    let Question::NicSelection(seen) = &decided.runs[0].facts else { panic!("{:?}", decided.runs[0].facts) };
    assert!(seen.candidates.iter().all(|nic| nic.attributes.is_empty()));
}

#[test]
fn a_denial_ends_the_chain_and_names_policy_and_strategy() {
    let decided = select(&chain(&["reverse", "denies", "not-eth1"]), &facts(Request::default()));
    assert_eq!(decided.runs.len(), 2, "nobody is asked after a no");
    let no = decided.outcome.unwrap_err();
    assert_eq!(no.to_string(), "policy `denies` of strategy `denies` denied: not on a Sunday");
}

#[test]
fn too_few_nics_are_the_hosts_no() {
    let decided = select(&chain(&["not-eth1", "rail"]), &facts(Request { nics_min: 3, ..Request::default() }));
    let No::Host(denial) = decided.outcome.unwrap_err() else { panic!("not the host's") };
    assert_eq!(denial.code, "too-few-nics");
    assert!(
        denial.message.contains("`eth1`: eth1 is mine") && denial.message.contains("`eth0`: eth0 is mine"),
        "{}",
        denial.message
    );
}

#[test]
fn same_question_same_answer() {
    let (set, facts) = (chain(&["reverse", "spread", "not-eth1"]), facts(Request::default()));
    let said = || {
        let decided = select(&set, &facts);
        (decided.outcome, decided.runs)
    };
    assert_eq!(said(), said());
}
