//! That a pod finds its gateway again. The algorithm itself is held and tested by the SDK.

use nicety_policy_sdk::facts;

use super::*;

fn instance(uids: &str, count: usize) -> Facts {
    let named: Vec<(String, String)> = (0..count).map(|n| (format!("shop/db/{n}"), format!("10.0.0.{n}"))).collect();
    let named: Vec<(&str, &str)> = named.iter().map(|(name, address)| (name.as_str(), address.as_str())).collect();
    let gateways = (0..5).map(|n| facts::gateway(&format!("g{n}"), &format!("192.168.1.{n}")));
    let mut facts = facts::gateways(gateways, facts::endpoints(&named));
    facts.endpoints.uid = (0..count).map(|n| format!("{uids}-{n}")).collect();
    facts
}

#[test]
fn a_statefulset_that_is_made_again_has_the_gateways_of_before() {
    let decided = |uids: &str| decide(&Config::default(), &instance(uids, 30)).unwrap().primary;
    assert_eq!(decided("first"), decided("second"));
}

#[test]
fn one_pod_that_comes_back_alone_finds_its_gateway() {
    let unbounded = Config { bound_percent: 0, ..Config::default() };
    let all = instance("first", 30);
    let before = decide(&unbounded, &all).unwrap().primary;
    let mut again = all.clone();
    again.endpoints.previous.clone_from(&before);
    again.endpoints.previous[7] = nicety_policy_sdk::gateways::NONE;
    assert_eq!(decide(&unbounded, &again).unwrap().primary, before);
}

#[test]
fn a_bound_below_the_fair_share_is_refused() {
    assert_eq!(validate(&Config { bound_percent: 50, ..Config::default() }).len(), 1);
    assert!(validate(&Config::default()).is_empty());
}
