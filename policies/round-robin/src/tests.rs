//! What a distribution in turn promises.

use nicety_policy_sdk::{
    facts,
    gateways::{Endpoints, Gateway, Health},
};

use super::*;

const ENDPOINTS: [(&str, &str); 4] =
    [("ns/d", "10.0.0.9"), ("ns/a", "10.0.0.1"), ("ns/c", "10.0.0.3"), ("ns/b", "10.0.0.10")];

fn gateways(count: usize) -> Vec<Gateway> {
    let all = [("g1", "192.168.1.1"), ("g2", "192.168.1.2"), ("g3", "192.168.1.3")];
    all.into_iter().take(count).map(|(id, address)| facts::gateway(id, address)).collect()
}

/// Per endpoint, by identity in order: primary, standby and the place of the reason.
fn decided(facts: &Facts) -> Vec<(String, String, u8)> {
    let answer = decide(&Config {}, facts).unwrap();
    let id = |gateway: u32| facts.gateways.get(gateway as usize).map_or_else(|| "-".to_owned(), |g| g.id.clone());
    let mut all: Vec<(String, String, String, u8)> = (0..facts.endpoints.len())
        .map(|n| {
            let identity = facts.endpoints.identity.get(n).to_owned();
            (identity, id(answer.primary[n]), id(answer.standby[n]), answer.reason[n])
        })
        .collect();
    all.sort();
    all.into_iter().map(|(_, primary, standby, reason)| (primary, standby, reason)).collect()
}

fn turn(primary: &str, standby: &str) -> (String, String, u8) {
    (primary.to_owned(), standby.to_owned(), IN_TURN)
}

#[test]
fn endpoints_take_gateways_in_turn_by_the_text_of_their_addresses() {
    // In order of text: a 10.0.0.1, b 10.0.0.10, c 10.0.0.3, d 10.0.0.9.
    let facts = facts::gateways(gateways(3), facts::endpoints(&ENDPOINTS));
    assert_eq!(decided(&facts), [turn("g1", "g2"), turn("g2", "g3"), turn("g3", "g1"), turn("g1", "g2")]);
}

#[test]
fn the_order_of_the_facts_does_not_matter() {
    let facts = facts::gateways(gateways(3), facts::endpoints(&ENDPOINTS));
    let mut reversed_endpoints = ENDPOINTS;
    reversed_endpoints.reverse();
    let mut reversed_gateways = gateways(3);
    reversed_gateways.reverse();
    let other = facts::gateways(reversed_gateways, facts::endpoints(&reversed_endpoints));
    assert_eq!(decided(&facts), decided(&other));
}

#[test]
fn equal_addresses_are_told_apart_by_identity() {
    let same = [("ns/b", "10.0.0.1"), ("ns/a", "10.0.0.1")];
    let swapped = [same[1], same[0]];
    let of = |list: &[(&str, &str)]| decided(&facts::gateways(gateways(2), facts::endpoints(list)));
    assert_eq!(of(&same), [turn("g1", "g2"), turn("g2", "g1")]);
    assert_eq!(of(&same), of(&swapped));
}

#[test]
fn ipv6_endpoints_are_ordered_by_text_too() {
    let list = [("ns/a", "fd00::9"), ("ns/b", "fd00::10"), ("ns/c", "10.0.0.1")];
    // In order of text: c, b, a.
    let facts = facts::gateways(gateways(3), facts::endpoints(&list));
    assert_eq!(decided(&facts), [turn("g3", "g1"), turn("g2", "g3"), turn("g1", "g2")]);
}

#[test]
fn a_single_gateway_has_nobody_to_stand_by() {
    let facts = facts::gateways(gateways(1), facts::endpoints(&ENDPOINTS[..1]));
    assert_eq!(decided(&facts), [turn("g1", "-")]);
}

#[test]
fn gateways_that_are_unhealthy_draining_or_of_weight_0_take_nobody() {
    let spoil: [fn(&mut Gateway); 3] =
        [|gateway| gateway.health = Health::Unhealthy, |gateway| gateway.draining = true, |gateway| gateway.weight = 0];
    for spoil in spoil {
        let mut facts = facts::gateways(gateways(2), facts::endpoints(&ENDPOINTS));
        spoil(&mut facts.gateways[0]);
        assert!(decided(&facts).iter().all(|(primary, standby, _)| primary == "g2" && standby == "-"));
    }
}

#[test]
fn a_gateway_of_unknown_health_is_used() {
    let mut facts = facts::gateways(gateways(1), facts::endpoints(&ENDPOINTS));
    facts.gateways[0].health = Health::Unknown;
    assert!(decided(&facts).iter().all(|(primary, _, _)| primary == "g1"));
}

#[test]
fn an_endpoint_takes_its_turn_among_the_gateways_that_it_may_use() {
    let mut facts = facts::gateways(gateways(3), facts::endpoints(&[("ns/a", "10.0.0.1"), ("ns/b", "10.0.0.2")]));
    facts.allowed = vec![0b110, 0b000];
    assert_eq!(decided(&facts), [turn("g2", "g3"), ("-".to_owned(), "-".to_owned(), NONE_ALLOWED)]);
}

#[test]
fn without_a_usable_gateway_an_endpoint_has_none_and_the_reason_says_why() {
    for mut gateways in [gateways(0), gateways(1)] {
        gateways.iter_mut().for_each(|gateway| gateway.weight = 0);
        let facts = facts::gateways(gateways, facts::endpoints(&ENDPOINTS[..1]));
        assert_eq!(decided(&facts), [("-".to_owned(), "-".to_owned(), NONE_USABLE)]);
    }
    assert!(REASONS[usize::from(NONE_USABLE)].contains("no gateway"));
}

#[test]
fn a_draining_gateway_keeps_the_endpoints_that_it_has_and_gets_no_new_ones() {
    let mut facts = facts::gateways(gateways(3), facts::endpoints(&[("ns/a", "10.0.0.1"), ("ns/b", "10.0.0.2")]));
    facts.gateways[0].draining = true;
    facts.endpoints.previous = vec![NONE, 0];
    assert_eq!(decided(&facts), [turn("g2", "g3"), ("g1".to_owned(), "g3".to_owned(), KEPT)]);
    facts.gateways[0].health = Health::Unhealthy;
    assert_eq!(decided(&facts), [turn("g2", "g3"), turn("g3", "g2")], "an unhealthy one keeps nobody");
}

#[test]
fn the_gateway_before_counts_only_while_it_drains() {
    let mut facts = facts::gateways(gateways(2), facts::endpoints(&[("ns/a", "10.0.0.1")]));
    facts.endpoints.previous = vec![1];
    assert_eq!(decided(&facts), [turn("g1", "g2")]);
}

#[test]
fn a_hundred_thousand_endpoints_are_spread_evenly() {
    let list: Vec<(String, String)> = (0..100_000_u32)
        .map(|n| (format!("ns/pod-{n}"), std::net::Ipv4Addr::from_bits(0x0a00_0000 + n).to_string()))
        .collect();
    let list: Vec<(&str, &str)> =
        list.iter().map(|(identity, address)| (identity.as_str(), address.as_str())).collect();
    let many: Vec<Gateway> = (0..64).map(|n| facts::gateway(&format!("g{n}"), &format!("192.168.1.{n}"))).collect();
    let answer = decide(&Config {}, &facts::gateways(many, facts::endpoints(&list))).unwrap();
    let mut load = [0_u32; 64];
    answer.primary.iter().for_each(|gateway| load[*gateway as usize] += 1);
    assert!(load.iter().all(|load| (1562..=1563).contains(load)), "{load:?}");
}

#[test]
fn nobody_to_serve_is_an_empty_answer() {
    let answer = decide(&Config {}, &facts::gateways(gateways(2), Endpoints::default())).unwrap();
    assert_eq!((answer.primary.len(), answer.standby.len(), answer.reason.len()), (0, 0, 0));
}
