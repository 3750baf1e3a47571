//! Which strategy is asked: the override of the network, else the default.

use nicety_core::{
    facts::{Kind, Request, attach},
    ids::NodeName,
};
use nicety_strategies::StrategySet;
use serde_json::json;

use crate::{chains::facts, policies::set};

#[test]
fn a_networks_own_strategy_comes_before_the_default() {
    let set = set(json!({
        "nicSelection": {"default": "all", "networks": {"storage": "backwards"}},
        "strategies": {"backwards": {"policy": "builtin:reverse"}},
    }))
    .unwrap();
    let first = |network: &str| {
        let chosen = nicety_strategies::selection(&set, network, &facts(Request::default()), &|| 0).outcome.unwrap();
        (chosen.strategy.to_string(), chosen.choices[0].candidate)
    };
    assert_eq!(first("storage"), ("backwards".to_owned(), 3));
    assert_eq!(first("net1"), ("all".to_owned(), 0));
}

/// Attach asks for nothing, whatever the pod says.
fn quiet() -> StrategySet {
    set(json!({
        "attach": {"default": "quiet"},
        "strategies": {"quiet": {"policy": "builtin:asks-for-nothing"}},
    }))
    .unwrap()
}

#[test]
fn attach_may_ask_for_nothing_beside_another_plugins_network() {
    let node: NodeName = "node-1".parse().unwrap();
    let call = attach::Call { ifname: "eth0".into(), mode: attach::Mode::Chained, ..attach::Call::default() };
    let node = nicety_core::facts::Node { name: node.to_string(), ..nicety_core::facts::Node::default() };
    let facts = attach::Facts { node, call, ..attach::Facts::default() };
    let decided = nicety_strategies::attach(&quiet(), "", &facts, &|| 0);
    assert_eq!(decided.outcome, Ok(Vec::new()));
    assert_eq!(decided.runs[0].facts.kind(), Kind::Attach);
}

#[test]
fn attach_without_the_primary_interface_that_the_node_needs_is_refused() {
    let call = attach::Call { ifname: "eth0".into(), mode: attach::Mode::OwnNetwork, ..attach::Call::default() };
    let networks = vec![attach::Offer { name: "net1".into(), default: true, ready: true, attributes: Vec::new() }];
    let facts = attach::Facts { call, networks, ..attach::Facts::default() };
    let decided = nicety_strategies::attach(&quiet(), "net1", &facts, &|| 0);
    assert!(matches!(decided.outcome, Err(nicety_strategies::No::Refused { .. })), "{:?}", decided.outcome);
}
