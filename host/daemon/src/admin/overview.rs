//! The daemon's condition, from what it holds.

use nicety_core::{
    facts::nic_selection::LinkState,
    finding::{self, Finding},
    record::State,
};
use nicety_k8s::mirror::{Answers, Phase};
use nicety_objects::condition::ConditionStatus;
use nicety_strategies::StrategySet;

use super::view;
use crate::{egress::summary, gather::Snapshot, node::Node, peers::Outcome, source::Source};

pub fn of(node: &Node) -> view::Status {
    let (snapshot, records) = (node.snapshot(), node.store.records());
    let Snapshot { world, nics, usage, .. } = &snapshot;
    let outcomes = node.peers.outcome();
    let egress = node.egress.outcome();
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
            routes: outcomes.get(&network.name).map(routes),
        })
        .collect();
    let attachments =
        |name: &str| name.parse().ok().and_then(|name| usage.get(&name)).map_or(0, |used| used.attachments());
    view::Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        node: node.config.node.to_string(),
        started: node.started.0,
        generation: world.generation,
        conditions: conditions(&node.refused(), &world.strategies, summary::verdict(&egress)),
        refused: node.refused(),
        source: source(node),
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
        strategies: nicety_deciding::listing::strategies(&world.strategies),
        records: records.len(),
        unfinished: records
            .iter()
            .filter(|record| record.state != State::Attached)
            .map(|record| record.key.clone())
            .collect(),
        leases: records.iter().flat_map(|record| &record.interfaces).map(|interface| interface.addresses.len()).sum(),
        networks,
        egress: summary::line(&egress),
    }
}

/// So many reasons are told of each network.
const EXAMPLES: usize = 10;

fn routes(outcome: &Outcome) -> view::Routes {
    let Outcome { table, routes, missing, faults } = outcome;
    view::Routes {
        table: *table,
        in_place: *routes,
        missing: missing.len(),
        examples: faults.iter().chain(missing).take(EXAMPLES).cloned().collect(),
    }
}

/// Where objects come from, and how old they are.
fn source(node: &Node) -> view::Source {
    let cluster = match &node.source {
        Source::Folder(folder) => return view::Source::Folder { folder: folder.display().to_string() },
        Source::Cluster(cluster) => cluster,
    };
    let health = cluster.mirror.health();
    let feeds = health.feeds.iter().map(|(feed, of)| view::Feed {
        name: feed.name().to_owned(),
        objects: cluster.mirror.count(*feed),
        state: match &of.phase {
            Phase::Unknown => "nothing heard yet".to_owned(),
            Phase::Saved => "as saved".to_owned(),
            Phase::Live => "live".to_owned(),
            Phase::Missing => {
                "the server does not know this kind; hint: install the CustomResourceDefinitions".to_owned()
            }
            Phase::Failing(why) => format!("failing: {why}"),
        },
        since: of.since.0,
        heard: of.heard.map(|heard| heard.0),
    });
    view::Source::Kubernetes {
        reachable: health.server.map(|(answers, _)| answers == Answers::Yes),
        since: health.server.map(|(_, since)| since.0),
        heard: health.oldest().map(|heard| heard.0),
        now: crate::node::now().0,
        unready: node.world().unready.clone(),
        strategies: node.world().origin.version.clone(),
        feeds: feeds.collect(),
        annotations_lost: cluster.annotations.lost(),
        events_lost: cluster.events.lost(),
    }
}

/// Whether what was read is in force, how each canary fares, and how egress is.
fn conditions(refused: &[Finding], set: &StrategySet, egress: Option<summary::Verdict>) -> Vec<view::Condition> {
    let condition = |kind: &str, status, reason: &str, message| view::Condition {
        kind: kind.to_owned(),
        status,
        reason: reason.to_owned(),
        message,
    };
    let in_force = match refused {
        [] => condition("ManifestsInForce", true, "Loaded", "what was read is in force".to_owned()),
        findings => condition(
            "ManifestsInForce",
            false,
            "Refused",
            format!("{} findings keep what was read out of force: {}", findings.len(), finding::list(findings)),
        ),
    };
    let canaries = set.strategies.values().filter_map(|strategy| Some((strategy, strategy.canary.as_ref()?)));
    let canaries = canaries.map(|(strategy, canary)| {
        let (score, of) = (canary.trial.score(), &canary.strategy.name);
        let counts = format!("{} of {} decisions failed", score.failures, score.decisions);
        let kind = format!("CanaryHealthy/{}", strategy.name);
        match score.rolled_back {
            false => condition(
                &kind,
                true,
                "OnTrial",
                format!("`{of}` takes {} % of the pods; {counts}", canary.terms.percent),
            ),
            true => condition(
                &kind,
                false,
                "RolledBack",
                format!(
                    "`{of}` gets no more decisions: {counts}, more than {} %; hint: mend it, or take `canary` out",
                    canary.terms.max_failure_percent
                ),
            ),
        }
    });
    let egress = egress.map(|egress| {
        condition(summary::CONDITION, egress.status == ConditionStatus::True, egress.reason, egress.message)
    });
    std::iter::once(in_force).chain(canaries).chain(egress).collect()
}

fn state(state: LinkState) -> &'static str {
    match state {
        LinkState::Up => "up",
        LinkState::Down => "down",
        LinkState::Unknown => "unknown",
    }
}
