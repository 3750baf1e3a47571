//! What bounded rendezvous hashing promises, on instances of every size.

use super::*;
use crate::{
    facts,
    gateways::{Gateway, hash::text},
};

const BOUNDED: Rules = Rules { bound: 125, sticky: true };
const UNBOUNDED: Rules = Rules { bound: 0, sticky: false };

fn gateway(number: usize, weight: u32) -> Gateway {
    Gateway { weight, ..facts::gateway(&format!("gw-{number}"), &format!("192.168.1.{}", number + 1)) }
}

fn instance(weights: &[u32], endpoints: usize) -> Facts {
    let named: Vec<(String, String)> = (0..endpoints)
        .map(|n| (format!("ns/app/{n}"), format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255)))
        .collect();
    let named: Vec<(&str, &str)> = named.iter().map(|(name, address)| (name.as_str(), address.as_str())).collect();
    facts::gateways(weights.iter().enumerate().map(|(n, weight)| gateway(n, *weight)), facts::endpoints(&named))
}

fn decided(facts: &Facts, rules: Rules) -> Assignment {
    assign(facts, rules, |endpoint| text(facts.endpoints.identity.bytes_of(endpoint)))
}

fn loads(facts: &Facts, answer: &Assignment) -> Vec<usize> {
    let mut loads = vec![0; facts.gateways.len()];
    answer.primary.iter().filter(|gateway| **gateway != NONE).for_each(|gateway| loads[*gateway as usize] += 1);
    loads
}

/// The answer before is what the facts say was before.
fn then(facts: &Facts, answer: &Assignment) -> Facts {
    let mut next = facts.clone();
    next.endpoints.previous.clone_from(&answer.primary);
    next
}

#[test]
fn loads_follow_weights_and_no_gateway_is_over_its_bound() {
    for weights in [vec![1; 8], vec![1, 2, 3, 4], vec![100, 50, 50]] {
        let facts = instance(&weights, 10_000);
        let sum: u32 = weights.iter().sum();
        let free = loads(&facts, &decided(&facts, UNBOUNDED));
        let bound = loads(&facts, &decided(&facts, BOUNDED));
        for ((free, bound), weight) in free.iter().zip(&bound).zip(&weights) {
            let fair = 10_000.0 * f64::from(*weight) / f64::from(sum);
            assert!((*free as f64 - fair).abs() < fair * 0.05, "{free} of {fair} by {weights:?}");
            assert!(*bound as f64 <= (fair * 1.25).ceil(), "{bound} of {fair} by {weights:?}");
        }
    }
}

#[test]
fn a_few_endpoints_are_spread_within_the_bound_too() {
    for endpoints in [1, 2, 5, 12, 40] {
        let facts = instance(&[1; 4], endpoints);
        let most = (endpoints as f64 / 4.0 * 1.25).ceil() as usize;
        let loads = loads(&facts, &decided(&facts, BOUNDED));
        assert!(loads.iter().all(|load| *load <= most) && loads.iter().sum::<usize>() == endpoints, "{loads:?}");
    }
}

#[test]
fn the_order_of_the_facts_does_not_matter() {
    let facts = instance(&[1, 3, 2, 2, 1], 500);
    let by_name = |facts: &Facts| -> Vec<(String, String, String)> {
        let answer = decided(facts, BOUNDED);
        let id = |gateway: u32| facts.gateways.get(gateway as usize).map_or_else(String::new, |g| g.id.clone());
        let mut all: Vec<(String, String, String)> = (0..facts.endpoints.len())
            .map(|n| (facts.endpoints.identity.get(n).to_owned(), id(answer.primary[n]), id(answer.standby[n])))
            .collect();
        all.sort();
        all
    };
    let mut turned = facts.clone();
    turned.gateways.reverse();
    let count = facts.endpoints.len();
    let place = |n: usize| (n * 211 + 7) % count;
    let endpoints = &facts.endpoints;
    let texts: Vec<&str> = (0..count).map(|n| endpoints.identity.get(place(n))).collect();
    let named: Vec<(&str, String)> =
        texts.iter().enumerate().map(|(n, name)| (*name, endpoints.address(place(n)).unwrap().to_string())).collect();
    let named: Vec<(&str, &str)> = named.iter().map(|(name, address)| (*name, address.as_str())).collect();
    turned.endpoints = facts::endpoints(&named);
    assert_eq!(by_name(&facts), by_name(&turned));
}

#[test]
fn a_gateway_that_leaves_moves_its_own_endpoints_and_no_others() {
    let facts = instance(&[1; 5], 1_000);
    let before = decided(&facts, BOUNDED);
    let mut after = then(&facts, &before);
    after.gateways[2].health = crate::gateways::Health::Unhealthy;
    let answer = decided(&after, BOUNDED);
    for (was, is) in before.primary.iter().zip(&answer.primary) {
        assert!(*is != 2 && (*was == 2 || was == is), "from {was} to {is}");
    }
    // And what the bound now allows more pulls nobody back.
    let again = decided(&then(&after, &answer), BOUNDED);
    assert_eq!(again.primary, answer.primary);
}

#[test]
fn a_gateway_that_drains_moves_nobody_and_neither_do_its_endpoints_when_they_go_elsewhere() {
    for endpoints in 1..120 {
        let facts = instance(&[1; 3], endpoints);
        let before = decided(&facts, BOUNDED);
        let mut draining = then(&facts, &before);
        draining.gateways[0].draining = true;
        let answer = decided(&draining, BOUNDED);
        assert_eq!(answer.primary, before.primary, "{endpoints} endpoints");
        // It is gone, its own have to leave.
        let mut gone = then(&draining, &answer);
        gone.gateways[0].weight = 0;
        let after = decided(&gone, BOUNDED);
        let others = before.primary.iter().zip(&after.primary).filter(|(was, is)| **was != 0 && was != is);
        assert_eq!(others.count(), 0, "{endpoints} endpoints");
    }
}

#[test]
fn a_gateway_that_joins_takes_what_is_over_the_bound_and_no_more() {
    let five = instance(&[1; 5], 1_000);
    let before = {
        let mut four = five.clone();
        four.gateways[4].weight = 0;
        decided(&four, BOUNDED)
    };
    let answer = decided(&then(&five, &before), BOUNDED);
    let moved = before.primary.iter().zip(&answer.primary).filter(|(was, is)| was != is).count();
    let over: usize = loads(&five, &before).iter().map(|load| load.saturating_sub(250)).sum();
    assert!(moved <= 200 + over, "{moved} moved, {over} were over the bound");
    // Where nothing is sticky the newcomer gets its fair share, and all that moves moves to it.
    let (before, after) = (decided(&instance(&[1; 4], 1_000), UNBOUNDED), decided(&five, UNBOUNDED));
    let moved: Vec<u32> =
        before.primary.iter().zip(&after.primary).filter(|(was, is)| was != is).map(|(_, is)| *is).collect();
    assert!(moved.iter().all(|gateway| *gateway == 4) && moved.len() < 250, "{} moved", moved.len());
}

#[test]
fn who_may_use_one_gateway_alone_has_it_over_the_bound_and_is_told() {
    let mut facts = instance(&[1; 4], 8);
    facts.allowed = vec![0b0001; 8];
    let answer = decided(&facts, BOUNDED);
    assert!(answer.primary.iter().all(|gateway| *gateway == 0));
    assert_eq!(answer.reason.iter().filter(|reason| **reason == OVER).count(), 8 - 3);
}

#[test]
fn a_standby_is_another_gateway_that_may_be_used() {
    let facts = instance(&[1; 6], 300);
    let answer = decided(&facts, BOUNDED);
    assert!(answer.primary.iter().zip(&answer.standby).all(|(primary, standby)| primary != standby && *standby < 6));
    let alone = instance(&[1], 3);
    assert!(decided(&alone, BOUNDED).standby.iter().all(|standby| *standby == NONE));
}
