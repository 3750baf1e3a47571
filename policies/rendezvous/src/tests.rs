//! How the config reaches the algorithm, which the SDK holds and tests.

use nicety_policy_sdk::facts;

use super::*;

fn instance(endpoints: usize) -> Facts {
    let named: Vec<(String, String)> = (0..endpoints).map(|n| (format!("ns/app/{n}"), format!("10.0.0.{n}"))).collect();
    let named: Vec<(&str, &str)> = named.iter().map(|(name, address)| (name.as_str(), address.as_str())).collect();
    let gateways = (0..4).map(|n| facts::gateway(&format!("g{n}"), &format!("192.168.1.{n}")));
    facts::gateways(gateways, facts::endpoints(&named))
}

fn bounded(bound_percent: u32) -> Config {
    Config { bound_percent, ..Config::default() }
}

#[test]
fn the_bound_holds_the_fullest_and_zero_lets_it_be() {
    let facts = instance(12);
    let fullest = |config: &Config| {
        let answer = decide(config, &facts).unwrap();
        (0..4).map(|gateway| answer.primary.iter().filter(|one| **one == gateway).count()).max().unwrap()
    };
    assert!(fullest(&Config::default()) <= 4);
    assert_eq!(fullest(&bounded(100)), 3);
    assert!(fullest(&bounded(0)) >= 4);
}

#[test]
fn by_identity_a_pod_that_is_made_again_keeps_its_gateway() {
    let facts = instance(20);
    let mut again = facts.clone();
    again.endpoints.uid = (0..20).map(|n| format!("another-{n}")).collect();
    let primaries = |key, facts: &Facts| decide(&Config { key, ..Config::default() }, facts).unwrap().primary;
    assert_eq!(primaries(Key::Identity, &facts), primaries(Key::Identity, &again));
    assert_ne!(primaries(Key::Uid, &facts), primaries(Key::Uid, &again));
}

#[test]
fn without_uids_endpoints_are_told_apart_by_identity() {
    let mut facts = instance(20);
    let by_identity = decide(&Config { key: Key::Identity, ..Config::default() }, &facts).unwrap();
    facts.endpoints.uid = nicety_policy_sdk::gateways::Texts::default();
    assert_eq!(decide(&Config::default(), &facts).unwrap().primary, by_identity.primary);
}

#[test]
fn a_bound_below_the_fair_share_is_refused() {
    assert_eq!(validate(&bounded(99)).len(), 1);
    assert!(validate(&Config::default()).is_empty() && validate(&bounded(0)).is_empty());
}
