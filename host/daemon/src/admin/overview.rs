//! The daemon's condition, from what it holds.

use nicety_core::{facts::nic_selection::LinkState, record::State};
use nicety_strategies::{
    StrategySet,
    set::{Body, Extension, Strategy},
};

use super::view;
use crate::{gather::Snapshot, node::Node};

pub fn of(node: &Node) -> view::Status {
    let (snapshot, records) = (node.snapshot(), node.store.records());
    let Snapshot { world, nics, usage, .. } = &snapshot;
    let networks: Vec<view::Network> = world
        .objects
        .networks
        .values()
        .map(|network| view::Network {
            name: network.name.to_string(),
            link: network.link.name().to_owned(),
            unready: snapshot.unready(network),
            nics: snapshot.candidates(network).into_iter().map(|candidate| candidate.nic.name).collect(),
            leases: node.store.leases(&network.name).len(),
        })
        .collect();
    let attachments =
        |name: &str| name.parse().ok().and_then(|name| usage.get(&name)).map_or(0, |used| used.attachments());
    view::Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        node: node.config.node.to_string(),
        started: node.started.0,
        generation: world.generation,
        refused: node.refused(),
        overlay: node.inventory.findings(),
        served: node.served(),
        nics: nics
            .iter()
            .map(|one| view::Nic {
                name: one.nic.name.clone(),
                state: state(one.nic.state).to_owned(),
                addresses: one.nic.addresses.iter().map(ToString::to_string).collect(),
                numa: one.nic.numa,
                attachments: attachments(&one.nic.name),
            })
            .collect(),
        strategies: strategies(&world.strategies),
        records: records.len(),
        unfinished: records
            .iter()
            .filter(|record| record.state != State::Attached)
            .map(|record| record.key.clone())
            .collect(),
        leases: records.iter().flat_map(|record| &record.interfaces).map(|interface| interface.addresses.len()).sum(),
        networks,
    }
}

fn state(state: LinkState) -> &'static str {
    match state {
        LinkState::Up => "up",
        LinkState::Down => "down",
        LinkState::Unknown => "unknown",
    }
}

fn strategies(set: &StrategySet) -> Vec<view::Strategy> {
    let StrategySet { attach, nic_selection, gateway_distribution, strategies } = set;
    let extensions = [
        ("attach", "networks", attach),
        ("nicSelection", "networks", nic_selection),
        ("gatewayDistribution", "egressPolicies", gateway_distribution),
    ];
    let one = |strategy: &Strategy| {
        let decides = extensions.iter().flat_map(|(field, key, extension)| places(field, key, extension, strategy));
        let (policy, pipeline) = match &strategy.body {
            Body::Policy(configured) => {
                let policy = &configured.policy;
                (Some((policy.description().name.clone(), policy.digest().to_owned())), Vec::new())
            }
            Body::Pipeline(members) => (None, members.iter().map(|member| member.name.to_string()).collect()),
        };
        view::Strategy {
            name: strategy.name.to_string(),
            kind: strategy.kind(),
            policy,
            pipeline,
            decides: decides.collect(),
        }
    };
    strategies.values().map(|strategy| one(strategy)).collect()
}

/// Where a strategy decides within one extension point.
fn places(field: &str, key: &str, extension: &Extension, strategy: &Strategy) -> Vec<String> {
    let default = (extension.default.name == strategy.name).then(|| format!("{field}.default"));
    let overrides = extension.overrides.iter().filter(|(_, other)| other.name == strategy.name);
    default.into_iter().chain(overrides.map(|(of, _)| format!("{field}.{key}.{of}"))).collect()
}
