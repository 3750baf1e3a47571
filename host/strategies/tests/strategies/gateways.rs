//! Filters narrow which gateways an endpoint may use; one distribution assigns.

use nicety_core::facts::{
    Kind,
    gateways::{Endpoints, Facts, Gateway, Health},
};
use nicety_strategies::{Decided, No};
use serde_json::json;

use crate::policies::set;

fn facts() -> Facts {
    let gateway = |n: u8| Gateway {
        id: format!("gw{n}"),
        node: u32::MAX,
        zone: u32::MAX,
        addresses: vec![std::net::Ipv4Addr::new(10, 0, 0, n).into()],
        weight: 1,
        health: Health::Healthy,
        draining: false,
        since: None,
        attributes: Vec::new(),
    };
    let endpoints = Endpoints {
        identity: (0..3).map(|n| format!("default/web/{n}")).collect(),
        addresses: (0..3).map(|n| vec![std::net::Ipv4Addr::new(10, 1, 0, n).into()]).collect(),
        ..Endpoints::default()
    };
    Facts { policy: "web".into(), gateways: vec![gateway(1), gateway(2)], endpoints, ..Facts::default() }
}

fn distribute(pipeline: &[&str]) -> Decided<nicety_core::decision::Assignment> {
    let set = set(json!({
        "gatewayDistribution": {"egressPolicies": {"web": "chain"}},
        "strategies": {
            "chain": {"pipeline": pipeline},
            "first": {"policy": "builtin:first-gateway-only"},
            "every": {"policy": "builtin:every-gateway"},
        },
    }))
    .unwrap();
    nicety_strategies::distribution(&set, "web", &facts(), &|| 0)
}

#[test]
fn without_a_filter_endpoints_take_gateways_in_turn() {
    assert_eq!(distribute(&["round-robin"]).outcome.unwrap().primary, [0, 1, 0]);
}

#[test]
fn a_distribution_sees_what_the_filters_left() {
    let decided = distribute(&["first", "round-robin"]);
    assert_eq!(decided.outcome.unwrap().primary, [0, 0, 0]);
    let kinds: Vec<Kind> = decided.runs.iter().map(|run| run.facts.kind()).collect();
    assert_eq!(kinds, [Kind::GatewayFilter, Kind::GatewayDistribution]);
}

#[test]
fn a_filter_that_widens_is_refused() {
    let no = distribute(&["first", "every", "round-robin"]).outcome.unwrap_err();
    let No::Refused { policy, findings, .. } = no else { panic!("{no:?}") };
    assert_eq!(policy, "every-gateway");
    assert!(findings.iter().any(|finding| finding.message.contains("a filter only narrows")), "{findings:?}");
}
