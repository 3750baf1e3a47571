//! Which gateways live: what this node's own probes say, what other observers have told the API, and what that comes to.

use std::collections::{BTreeMap, BTreeSet};

use nicety_core::{
    egress::{
        health::{Health, Report, Verdict, quorum},
        observers::Watchers,
        share::Share,
    },
    ids::NodeName,
};
use nicety_health::{Observed, Seen};
use nicety_objects::{EgressHealth, egress_health, manifest::Object};

use crate::node::Node;
use nicety_k8s::mirror::Answers;

/// By node, as far as anybody has said anything. It survives a while in which nobody does.
pub type Standings = BTreeMap<NodeName, Health>;

/// Of the nodes of these gateways. `before`: who knows nothing new changes nothing.
pub fn standings(node: &Node, observed: &Observed, share: &Share, before: &Standings) -> Standings {
    let here = &node.config.node;
    let healths = heard(told(node), before);
    let away = node.source.cluster().is_none_or(|cluster| {
        // What others said may be old: a node that nobody hears goes by what it sees itself.
        cluster.mirror.health().server.is_some_and(|(answers, _)| answers == Answers::No)
    });
    let machines = able(here, share, &healths, before);
    let watchers = Watchers::of(machines.iter().copied());
    let gateways: BTreeSet<&NodeName> =
        share.gateways.values().map(|gateway| &gateway.node).filter(|name| *name != here).collect();
    let standing = |of: &NodeName| {
        let own = observed.nodes.get(of);
        let now = match own {
            Some(seen) if away => seen.verdict.into(),
            _ => together(&healths, here, own, of, &watchers),
        };
        (of.clone(), now.after(before.get(of).copied().unwrap_or_default()))
    };
    gateways.into_iter().map(standing).collect()
}

/// What a node said that is dead by now is old.
fn heard(mut healths: Vec<EgressHealth>, before: &Standings) -> Vec<EgressHealth> {
    healths.retain(|health| before.get(&health.observer) != Some(&Health::Unhealthy));
    healths
}

/// Machines of which this one knows that they may watch a gateway: a node does not know all that there are.
fn able<'a>(
    here: &'a NodeName,
    share: &'a Share,
    healths: &'a [EgressHealth],
    before: &Standings,
) -> BTreeSet<&'a NodeName> {
    let gateways = share.gateways.values().map(|gateway| &gateway.node);
    let known = gateways.chain(share.senders.keys()).chain(healths.iter().map(|health| &health.observer)).chain([here]);
    known.filter(|name| before.get(*name) != Some(&Health::Unhealthy)).collect()
}

/// The word of all. One that reports alone where others watch too is not believed yet.
fn together(
    healths: &[EgressHealth],
    here: &NodeName,
    own: Option<&Seen>,
    of: &NodeName,
    watchers: &Watchers<'_>,
) -> Health {
    quorum(&reports(healths, here, own, of), watchers.watching(of).len()).health
}

pub fn dead(standings: &Standings) -> BTreeSet<NodeName> {
    let dead = standings.iter().filter(|(_, health)| **health == Health::Unhealthy);
    dead.map(|(node, _)| node.clone()).collect()
}

/// What this node has to say: of a node of which its probes know too little yet, what it said before.
pub fn to_tell(
    node: &Node,
    observed: &Observed,
    watched: &BTreeSet<NodeName>,
) -> BTreeMap<NodeName, egress_health::Observed> {
    let before = told(node).into_iter().find(|health| health.observer == node.config.node);
    let before = before.map(|health| health.observed).unwrap_or_default();
    let said = watched.iter().filter_map(|of| {
        let now = observed.nodes.get(of).map(word);
        Some((of.clone(), now.or_else(|| before.get(of).cloned())?))
    });
    said.collect()
}

fn word(Seen { verdict, since }: &Seen) -> egress_health::Observed {
    let (verdict, message) = match verdict {
        Verdict::Healthy => (egress_health::Verdict::Healthy, String::new()),
        Verdict::Unhealthy => (egress_health::Verdict::Unhealthy, "it does not answer".to_owned()),
    };
    egress_health::Observed { verdict, since: *since, message }
}

fn told(node: &Node) -> Vec<EgressHealth> {
    let known = node.source.cluster().map(|cluster| cluster.mirror.egress_healths()).unwrap_or_default();
    let healths = known.into_iter().filter_map(|known| match &*known.object {
        Object::EgressHealth(health) => Some(health.clone()),
        _ => None,
    });
    healths.collect()
}

/// Its own is fresher here than in the API.
fn reports(healths: &[EgressHealth], here: &NodeName, own: Option<&Seen>, of: &NodeName) -> Vec<Report> {
    let others = healths.iter().filter(|health| own.is_none() || health.observer != *here);
    let others = others.filter_map(|health| {
        let egress_health::Observed { verdict, since, message: _ } = health.observed.get(of)?;
        let verdict = match verdict {
            egress_health::Verdict::Healthy => Verdict::Healthy,
            egress_health::Verdict::Unhealthy => Verdict::Unhealthy,
        };
        Some(Report { observer: health.observer.clone(), verdict, since: *since })
    });
    let own = own.map(|Seen { verdict, since }| Report { observer: here.clone(), verdict: *verdict, since: *since });
    others.chain(own).collect()
}

#[cfg(test)]
mod tests;
