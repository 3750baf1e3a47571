use proptest::prelude::*;

use super::*;
use crate::facts::gateways::Endpoints;

fn gateway(id: &str) -> Gateway {
    Gateway {
        id: id.into(),
        node: NONE,
        zone: NONE,
        addresses: vec!["10.0.0.1".parse().unwrap()],
        weight: 1,
        health: Health::Healthy,
        draining: false,
        since: None,
        attributes: vec![],
    }
}

/// Gateways `g0`, ... and endpoints `e0`, ..., all allowed, none served before.
fn facts(gateways: usize, endpoints: usize) -> Facts {
    Facts {
        gateways: (0..gateways).map(|n| gateway(&format!("g{n}"))).collect(),
        endpoints: Endpoints { identity: (0..endpoints).map(|n| format!("e{n}")).collect(), ..Endpoints::default() },
        ..Facts::default()
    }
}

fn assignment(primary: &[u32], standby: &[u32]) -> Assignment {
    Assignment {
        primary: primary.to_vec(),
        standby: standby.to_vec(),
        reason: vec![0; primary.len()],
        reasons: vec!["in turn".into()],
        attributes: vec![],
    }
}

fn check(facts: &Facts, assignment: &Assignment) -> Vec<String> {
    distribution(facts, assignment).iter().map(Finding::to_string).collect()
}

const PASSED: [&str; 0] = [];

#[test]
fn every_endpoint_is_answered_with_gateways_that_exist() {
    let facts = facts(2, 3);
    assert_eq!(check(&facts, &assignment(&[0, 1, NONE], &[1, NONE, NONE])), PASSED);
    assert_eq!(
        check(&facts, &assignment(&[0, 1], &[1, 0])),
        [
            "primary: has 2 entries for 3 endpoints",
            "standby: has 2 entries for 3 endpoints",
            "reason: has 2 entries for 3 endpoints",
        ]
    );
    assert_eq!(
        check(&facts, &assignment(&[2, 0, NONE], &[0, 0, 1])),
        [
            "primary[0]: endpoint `e0`: 2 is no gateway; there are 2",
            "standby[1]: endpoint `e1`: is the primary gateway too",
            "standby[2]: endpoint `e2`: stands by for no primary gateway",
        ]
    );
}

#[test]
fn every_endpoint_has_a_reason() {
    let facts = facts(1, 1);
    let none = Assignment { reasons: vec![], ..assignment(&[0], &[NONE]) };
    assert_eq!(check(&facts, &none), ["reason[0]: endpoint `e0`: 0 is no reason; there are 0"]);
    let empty = Assignment { reasons: vec![String::new()], ..assignment(&[0], &[NONE]) };
    assert_eq!(check(&facts, &empty), ["reasons[0]: is empty; every choice carries a reason"]);
}

#[test]
fn an_unhealthy_gateway_may_stand_by_and_no_more() {
    let mut facts = facts(2, 1);
    facts.gateways[1].health = Health::Unhealthy;
    assert_eq!(check(&facts, &assignment(&[0], &[1])), PASSED);
    assert_eq!(check(&facts, &assignment(&[1], &[0])), ["primary[0]: endpoint `e0`: gateway `g1` is unhealthy"]);
    facts.gateways[1].health = Health::Unknown;
    assert_eq!(check(&facts, &assignment(&[1], &[0])), PASSED);
}

#[test]
fn a_draining_gateway_keeps_what_it_has_and_one_without_weight_nothing() {
    let mut facts = facts(2, 2);
    facts.gateways[0].draining = true;
    facts.endpoints.previous = vec![0, 1];
    assert_eq!(
        check(&facts, &assignment(&[0, 0], &[NONE, NONE])),
        ["primary[1]: endpoint `e1`: gateway `g0` is draining and takes no new endpoints"]
    );
    facts.gateways[0].weight = 0;
    assert_eq!(
        check(&facts, &assignment(&[0, 1], &[NONE, NONE])),
        ["primary[0]: endpoint `e0`: gateway `g0` has weight 0 and takes no endpoints"]
    );
}

#[test]
fn what_a_filter_took_away_stays_away() {
    let mut facts = facts(65, 2);
    facts.allowed = vec![1, 1, u64::MAX, 0];
    assert_eq!(check(&facts, &assignment(&[64, 63], &[0, NONE])), PASSED);
    assert_eq!(
        check(&facts, &assignment(&[1, 64], &[NONE, 0])),
        [
            "primary[0]: endpoint `e0`: gateway `g1` is not allowed",
            "primary[1]: endpoint `e1`: gateway `g64` is not allowed",
        ]
    );
}

#[test]
fn a_filter_covers_every_endpoint() {
    let told = filter(&facts(65, 2), &[0]).iter().map(Finding::to_string).collect::<Vec<_>>();
    assert_eq!(told, ["allowed: has 1 words; 2 endpoints of 2 words need 4"]);
    assert_eq!(filter(&facts(65, 0), &[]), []);
    assert_eq!(filter(&facts(0, 3), &[]), []);
}

#[test]
fn a_filter_adds_nothing() {
    let mut facts = facts(2, 2);
    assert_eq!(filter(&facts, &[0b11, 0b00]), []);
    let told =
        |facts: &Facts, allowed: &[u64]| filter(facts, allowed).iter().map(Finding::to_string).collect::<Vec<_>>();
    assert_eq!(told(&facts, &[0b100, 0]), ["allowed[0]: endpoint `e0`: 2 is no gateway; there are 2"]);
    facts.allowed = vec![0b01, 0b11];
    assert_eq!(
        told(&facts, &[0b11, 0b11]),
        ["allowed[0]: endpoint `e0`: gateway `g1` was not allowed before; a filter only narrows"]
    );
}

#[test]
fn a_flood_of_faults_is_counted_not_listed() {
    let told = check(&facts(1, 1000), &assignment(&[7; 1000], &[NONE; 1000]));
    assert_eq!((told.len(), told[20].as_str()), (21, "and 980 findings more"));
}

proptest! {
    #[test]
    fn a_filter_passes_exactly_when_it_is_a_subset(
        gateways in 1..130_usize, before in proptest::collection::vec(any::<bool>(), 260), after in proptest::collection::vec(any::<bool>(), 260),
    ) {
        let mut facts = facts(gateways, 2);
        let words = facts.words_per_endpoint();
        let bit = |bits: &[bool], endpoint: usize, gateway: usize| bits[endpoint * 130 + gateway];
        let pack = |bits: &[bool]| {
            let mut packed = vec![0_u64; 2 * words];
            for endpoint in 0..2 {
                for gateway in (0..gateways).filter(|gateway| bit(bits, endpoint, *gateway)) {
                    packed[endpoint * words + gateway / 64] |= 1 << (gateway % 64);
                }
            }
            packed
        };
        facts.allowed = pack(&before);
        let subset = |bits: &[bool]| (0..2).all(|e| (0..gateways).all(|g| bit(&before, e, g) || !bit(bits, e, g)));
        prop_assert_eq!(filter(&facts, &pack(&after)).is_empty(), subset(&after));
        let narrowed: Vec<bool> = before.iter().zip(&after).map(|(a, b)| *a && *b).collect();
        prop_assert_eq!(filter(&facts, &pack(&narrowed)), []);
    }
}
