//! Do the names of a document mean something: strategies exist, and none leads back to itself.

use std::collections::{BTreeMap, BTreeSet};

use nicety_core::{finding::Finding, ids::StrategyName};
use nicety_objects::strategies::{Body, OnFailure, Strategies, Strategy};

/// Policies of one strategy, with all that it leads to.
const MOST_POLICIES: usize = 64;

pub fn findings(document: &Strategies) -> Vec<Finding> {
    let Strategies { strategies, attach, nic_selection, gateway_distribution, modules: _ } = document;
    let mut findings = Vec::new();
    for (name, strategy) in strategies {
        let path = format!("strategies.{name}");
        let unknown_ones = references(strategy).into_iter().filter(|(_, other)| !strategies.contains_key(*other));
        findings.extend(unknown_ones.map(|(field, other)| unknown(format!("{path}.{field}"), other, strategies)));
        if circular(name, strategies) {
            findings.push(Finding::new(path, "leads back to itself through pipelines, fallbacks, shadows or canaries"));
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
    let assigned = |name| extensions.iter().any(|(_, _, assigned)| assigned.names(name));
    for (name, strategy) in strategies.iter().filter(|(name, _)| !assigned(name)) {
        let idle = [("shadow", !strategy.shadow.is_empty()), ("canary", strategy.canary.is_some())];
        let message = "would never be asked: no extension point names this strategy, and in pipelines and fallbacks it rests; hint: write it at the strategy that an extension point names";
        findings.extend(
            idle.iter()
                .filter(|(_, there)| *there)
                .map(|(field, _)| Finding::new(format!("strategies.{name}.{field}"), message)),
        );
    }
    findings
}

/// Strategies that one decision would ask too many policies through: pipelines of pipelines multiply. Without circles only.
pub fn too_long(document: &Strategies) -> Vec<Finding> {
    let mut known = BTreeMap::new();
    let long =
        document.strategies.keys().filter(|name| policies(name, &document.strategies, &mut known) > MOST_POLICIES);
    let message = format!("comes to more than {MOST_POLICIES} policies with its pipelines and fallbacks");
    long.map(|name| Finding::new(format!("strategies.{name}"), message.clone())).collect()
}

/// Policies that one decision asks at most.
fn policies<'a>(
    name: &'a StrategyName,
    strategies: &'a BTreeMap<StrategyName, Strategy>,
    known: &mut BTreeMap<&'a StrategyName, usize>,
) -> usize {
    if let Some(count) = known.get(name) {
        return *count;
    }
    let Some(strategy) = strategies.get(name) else { return 0 };
    let own = usize::from(matches!(strategy.body, Body::Policy { .. }));
    let count = references(strategy)
        .into_iter()
        .fold(own, |sum, (_, other)| sum.saturating_add(policies(other, strategies, known)));
    known.insert(name, count);
    count
}

/// Whether any strategy leads back to itself.
pub fn circles(document: &Strategies) -> bool {
    document.strategies.keys().any(|name| circular(name, &document.strategies))
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
    let shadow = strategy.shadow.iter().enumerate().map(|(place, name)| (format!("shadow[{place}]"), name));
    let canary = strategy.canary.iter().map(|canary| ("canary.strategy".to_owned(), &canary.strategy));
    members.chain(fallback).chain(shadow).chain(canary).collect()
}

fn unknown(path: String, name: &StrategyName, strategies: &BTreeMap<StrategyName, Strategy>) -> Finding {
    Finding::new(path, nicety_objects::strategies::unknown(name, strategies))
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
