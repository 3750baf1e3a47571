//! Do the names of a document mean something: strategies exist, and none leads back to itself.

use std::collections::{BTreeMap, BTreeSet};

use nicety_core::{finding::Finding, ids::StrategyName};
use nicety_objects::strategies::{Body, OnFailure, Strategies, Strategy};

pub fn findings(document: &Strategies) -> Vec<Finding> {
    let Strategies { strategies, attach, nic_selection, gateway_distribution } = document;
    let mut findings = Vec::new();
    for (name, strategy) in strategies {
        let path = format!("strategies.{name}");
        let unknown_ones = references(strategy).into_iter().filter(|(_, other)| !strategies.contains_key(*other));
        findings.extend(unknown_ones.map(|(field, other)| unknown(format!("{path}.{field}"), other, strategies)));
        if circular(name, strategies) {
            findings.push(Finding::new(path, "leads back to itself through pipelines or fallbacks"));
        }
    }
    let extensions = [
        ("attach", "networks", attach),
        ("nicSelection", "networks", nic_selection),
        ("gatewayDistribution", "egressPolicies", gateway_distribution),
    ];
    for (field, key, assigned) in extensions {
        let overrides = assigned.overrides.iter().map(|(of, name)| (format!("{field}.{key}.{of}"), name));
        let all = std::iter::once((format!("{field}.default"), &assigned.default)).chain(overrides);
        let unknown_ones = all.filter(|(_, name)| !strategies.contains_key(*name));
        findings.extend(unknown_ones.map(|(path, name)| unknown(path, name, strategies)));
    }
    findings
}

/// Every strategy that this one names, with the field in which it does.
fn references(strategy: &Strategy) -> Vec<(String, &StrategyName)> {
    let members = match &strategy.body {
        Body::Policy { .. } => &[][..],
        Body::Pipeline(members) => members,
    };
    let members = members.iter().enumerate().map(|(place, name)| (format!("pipeline[{place}]"), name));
    let fallback = match &strategy.on_failure {
        OnFailure::Deny => None,
        OnFailure::Fallback(name) => Some(("onFailure.fallback".to_owned(), name)),
    };
    members.chain(fallback).collect()
}

fn unknown(path: String, name: &StrategyName, strategies: &BTreeMap<StrategyName, Strategy>) -> Finding {
    let known = strategies.keys().map(StrategyName::as_str).collect::<Vec<_>>().join("`, `");
    Finding::new(path, format!("there is no strategy `{name}`; hint: there are `{known}`"))
}

/// Whether a walk from `start` comes back to it.
fn circular(start: &StrategyName, strategies: &BTreeMap<StrategyName, Strategy>) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![start];
    while let Some(name) = open.pop() {
        for (_, next) in strategies.get(name).map(references).unwrap_or_default() {
            if next == start {
                return true;
            }
            if seen.insert(next) {
                open.push(next);
            }
        }
    }
    false
}
