//! What moving only what must promises.

use nicety_policy_sdk::{facts, gateways::Health};

use super::*;

fn instance(weights: &[u32], endpoints: usize) -> Facts {
    let named: Vec<(String, String)> =
        (0..endpoints).map(|n| (format!("ns/app/{n:05}"), format!("10.0.{}.{}", n >> 8, n & 255))).collect();
    let named: Vec<(&str, &str)> = named.iter().map(|(name, address)| (name.as_str(), address.as_str())).collect();
    let gateway = |(n, weight): (usize, &u32)| nicety_policy_sdk::gateways::Gateway {
        weight: *weight,
        ..facts::gateway(&format!("g{n}"), &format!("192.168.1.{n}"))
    };
    facts::gateways(weights.iter().enumerate().map(gateway), facts::endpoints(&named))
}

fn primaries(facts: &Facts) -> Vec<u32> {
    decide(&Config {}, facts).unwrap().primary
}

fn loads(facts: &Facts, primaries: &[u32]) -> Vec<usize> {
    (0..facts.gateways.len()).map(|g| primaries.iter().filter(|one| **one as usize == g).count()).collect()
}

#[test]
fn from_nothing_loads_are_the_weights_shares_to_the_one() {
    let facts = instance(&[1, 1, 2], 400);
    assert_eq!(loads(&facts, &primaries(&facts)), [100, 100, 200]);
}

#[test]
fn who_is_somewhere_stays_and_only_the_homeless_go_where_least_is() {
    let mut facts = instance(&[1, 1, 1], 9);
    facts.endpoints.previous = vec![0, 0, 0, 0, 0, NONE, NONE, NONE, NONE];
    let after = primaries(&facts);
    assert_eq!(after[..5], [0; 5]);
    assert_eq!(loads(&facts, &after), [5, 2, 2]);
}

#[test]
fn a_gateway_that_leaves_moves_its_own_endpoints_alone() {
    let facts = instance(&[1; 4], 100);
    let before = primaries(&facts);
    let mut after = facts.clone();
    after.endpoints.previous.clone_from(&before);
    after.gateways[3].health = Health::Unhealthy;
    let now = primaries(&after);
    assert!(before.iter().zip(&now).all(|(was, is)| *was == 3 || was == is));
    assert!(loads(&after, &now)[..3].iter().all(|load| (33..=34).contains(load)));
}

#[test]
fn one_that_drains_keeps_its_own_and_gets_nobody() {
    let mut facts = instance(&[1, 1], 4);
    facts.endpoints.previous = vec![0, 0, NONE, NONE];
    facts.gateways[0].draining = true;
    let answer = decide(&Config {}, &facts).unwrap();
    assert_eq!((answer.primary, answer.standby), (vec![0, 0, 1, 1], vec![1, 1, NONE, NONE]));
}

#[test]
fn the_order_of_the_facts_does_not_matter() {
    let facts = instance(&[3, 1, 2], 50);
    let by_name = |facts: &Facts| -> Vec<(String, String)> {
        let id = |gateway: u32| facts.gateways[gateway as usize].id.clone();
        let all = primaries(facts);
        let mut all: Vec<_> =
            all.iter().enumerate().map(|(n, g)| (facts.endpoints.identity.get(n).to_owned(), id(*g))).collect();
        all.sort();
        all
    };
    let mut turned = instance(&[3, 1, 2], 50);
    turned.gateways.reverse();
    let named: Vec<(String, String)> = (0..50)
        .rev()
        .map(|n| (turned.endpoints.identity.get(n).to_owned(), turned.endpoints.address(n).unwrap().to_string()))
        .collect();
    let named: Vec<(&str, &str)> = named.iter().map(|(name, address)| (name.as_str(), address.as_str())).collect();
    turned.endpoints = facts::endpoints(&named);
    assert_eq!(by_name(&facts), by_name(&turned));
}
