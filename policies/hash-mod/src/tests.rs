//! The rows of Cilium's several gateways, and what else is promised.

use nicety_policy_sdk::{facts, gateways::Gateway};

use super::*;

fn uid(number: u8) -> String {
    format!("00000000-0000-0000-0000-{number:012}")
}

fn instance(gateways: usize, uids: &[String]) -> Facts {
    let all = [("k8s1", "192.168.1.1"), ("k8s2", "192.168.1.2"), ("k8s3", "192.168.1.3"), ("k8s4", "192.168.1.4")];
    let named: Vec<(String, String)> =
        uids.iter().enumerate().map(|(n, _)| (format!("ns/ep{n}"), format!("10.0.0.{}", n + 1))).collect();
    let named: Vec<(&str, &str)> = named.iter().map(|(name, address)| (name.as_str(), address.as_str())).collect();
    let mut facts = facts::gateways(
        all.into_iter().take(gateways).map(|(id, at)| facts::gateway(id, at)),
        facts::endpoints(&named),
    );
    facts.endpoints.uid = uids.iter().collect();
    facts
}

fn primaries(facts: &Facts) -> Vec<u32> {
    decide(&Config::default(), facts).unwrap().primary
}

#[test]
fn the_published_rows_hold_for_two_three_and_four_gateways() {
    let uids = [uid(1), uid(2), uid(3), String::new()];
    assert_eq!(primaries(&instance(2, &uids)), [0, 1, 0, 1]);
    assert_eq!(primaries(&instance(3, &uids)), [1, 2, 0, 1]);
    assert_eq!(primaries(&instance(4, &uids)), [2, 3, 0, 1]);
    assert_eq!(primaries(&instance(1, &uids)), [0; 4]);
}

#[test]
fn gateways_are_ordered_by_the_number_of_their_address() {
    let mut facts = instance(2, &[uid(1), uid(2)]);
    let at = |id: &str, address: &str| facts::gateway(id, address);
    // As text 192.168.1.10 would come first.
    facts.gateways = vec![at("far", "192.168.1.10"), at("near", "192.168.1.9")];
    assert_eq!(primaries(&facts), [1, 0]);
}

#[test]
fn an_endpoint_that_goes_moves_nobody_and_finds_its_gateway_again() {
    let uids: Vec<String> = (1..=4).map(uid).collect();
    let all = primaries(&instance(3, &uids));
    assert_eq!(primaries(&instance(3, &uids[1..])), all[1..]);
}

#[test]
fn a_pod_that_is_made_again_keeps_its_gateway_by_identity() {
    let by_identity = Config { key: Key::Identity };
    let before = decide(&by_identity, &instance(3, &[uid(1), uid(2)])).unwrap().primary;
    assert_eq!(decide(&by_identity, &instance(3, &[uid(7), uid(8)])).unwrap().primary, before);
}

#[test]
fn an_unhealthy_gateway_is_not_counted_and_nobody_stands_by_for_itself() {
    let uids: Vec<String> = (0..50).map(uid).collect();
    let mut facts = instance(4, &uids);
    facts.gateways[1] = Gateway { health: nicety_policy_sdk::gateways::Health::Unhealthy, ..facts.gateways[1].clone() };
    let answer = decide(&Config::default(), &facts).unwrap();
    for (primary, standby) in answer.primary.iter().zip(&answer.standby) {
        assert!(*primary != 1 && *standby != 1 && primary != standby, "{primary} {standby}");
    }
    assert!((0..4).filter(|g| *g != 1).all(|gateway| answer.standby.contains(&gateway)), "standbys are spread");
}
