//! Gateways that pods were moved off and that live still: for some minutes the node of the pods and the gateway keep what the connections of
//! these pods need, which is the gateway's mark and tunnel on the one, the way out and the way back on the other. No pod is counted
//! for it, and no floating address is held back by it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use nicety_core::{
    egress::{
        health::Health,
        share::{GatewayId, Way},
    },
    ids::NodeName,
};
use nicety_objects::listed::Pod;

use super::{Assembly, Given, decided::node_of};
use crate::view::Name;

/// What a connection has at least after its pod was moved.
const LINGERS: Duration = Duration::from_secs(600);
/// Ends fall on the same moments, so that a node's slices are written once for all that end.
const STEP: Duration = Duration::from_secs(60);

/// Ways out by the gateways' nodes.
pub(super) type Ways = BTreeMap<NodeName, BTreeMap<Arc<GatewayId>, Way>>;

/// Times are those of whoever asks, counted from anywhere.
#[derive(Debug, Clone, Default)]
pub(super) struct Lingering {
    now: Duration,
    /// By the node of the pods: until when.
    of_node: BTreeMap<NodeName, BTreeMap<Arc<GatewayId>, Duration>>,
    /// On so many nodes.
    all: BTreeMap<Arc<GatewayId>, u32>,
    /// Nothing ends before.
    next: Option<Duration>,
    /// Pods that have just left a gateway.
    left: Vec<(Name, Arc<Pod>, Arc<GatewayId>)>,
    /// What slices told to a node without need, as far as exits go.
    found: Vec<(NodeName, Arc<GatewayId>)>,
    /// Pods that are not known may leave by a gateway too.
    alone: bool,
}

impl Lingering {
    /// Where the pod's connections may be beside its gateway of now: on the one before, or the one that stood by once that was dead.
    pub(super) fn leaves(&mut self, name: &Name, given: &Given, dead: impl Fn(&GatewayId) -> bool) {
        let Given { pod, primary, standby, .. } = given;
        let standby = standby.as_ref().filter(|_| primary.as_deref().is_some_and(dead));
        self.left.extend(primary.iter().chain(standby).map(|id| (name.clone(), pod.clone(), id.clone())));
    }

    pub(super) fn found(&mut self, node: &NodeName, id: Arc<GatewayId>) {
        self.found.push((node.clone(), id));
    }

    pub(super) fn is_due(&self) -> bool {
        !self.left.is_empty() || !self.found.is_empty() || self.next.is_some_and(|next| next <= self.now)
    }

    pub(super) fn on(&self, node: &NodeName) -> impl Iterator<Item = &Arc<GatewayId>> + Clone {
        self.of_node.get(node).into_iter().flat_map(BTreeMap::keys)
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = &NodeName> {
        self.of_node.keys()
    }
}

impl Assembly {
    /// What time it is for whoever asks. True: something has lingered long enough, and a recomputation is due.
    pub fn at(&mut self, now: Duration) -> bool {
        self.lingering.now = now;
        self.lingering.is_due()
    }

    /// When that will be, at the earliest.
    pub fn wake(&self) -> Option<Duration> {
        self.lingering.next
    }

    /// Of an assembly of the same times, for who does not know all pods: what lingers there lingers here as long, and a way out that a
    /// policy no longer has lingers whether a pod is known that left by it or not.
    pub fn linger_as(&mut self, other: &Assembly) {
        self.lingering.alone = true;
        for (node, ids) in &other.lingering.of_node {
            for (id, until) in ids {
                if let Some(gateway) = other.gateways.get(id) {
                    self.gateways.entry(id.clone()).or_insert_with(|| gateway.clone());
                    self.lingers(node, id, *until);
                }
            }
        }
    }

    /// After the decisions, `ways` being those of all policies: who begins to linger, who ends, and the ways out that only they need.
    pub(super) fn linger(&mut self, ways: &mut Ways) {
        let now = self.lingering.now;
        let until = now + LINGERS;
        let until = match (until.as_secs() % STEP.as_secs(), until.subsec_nanos()) {
            (0, 0) => until,
            (over, _) => Duration::from_secs(until.as_secs() - over) + STEP,
        };
        let found = std::mem::take(&mut self.lingering.found);
        let lingers_anew = |(node, id): &(NodeName, Arc<GatewayId>)| {
            let Lingering { of_node, all, alone, .. } = &self.lingering;
            let is_member = ways.get(node).is_some_and(|own| own.contains_key(id));
            let is_known = of_node.get(node).is_some_and(|ids| ids.contains_key(id));
            // A gateway has it for as long as another node has, and needs no time of its own.
            let is_own = node_of(id).is_some_and(|own| own == *node);
            let serves = self.held.contains_key(node) || (is_own && *alone);
            serves && !is_member && !is_known && !(is_own && all.contains_key(id))
        };
        let found: Vec<_> = found.into_iter().filter(lingers_anew).collect();
        for (node, id) in found {
            self.lingers(&node, &id, until);
        }
        for (name, pod, id) in std::mem::take(&mut self.lingering.left) {
            let Some(node) = &pod.node else { continue };
            let policies = self.held.get(node).and_then(|pods| pods.get(&name));
            // One that is gone has no connections, and those of one that is captured no more go another way.
            if policies.into_iter().flatten().any(|(_, given)| given.pod.uid == pod.uid) {
                self.lingers(node, &id, until);
            }
        }
        let dead = self.keep_ways(ways);
        // Without a captured pod nobody's connections are led anywhere; alone, others' pods may be.
        let others = |node: &NodeName| self.lingering.alone && self.view.nodes.contains_key(node);
        let is_gone = |node: &NodeName| !self.held.contains_key(node) && !others(node);
        let gone: BTreeSet<NodeName> = self.lingering.nodes().filter(|node| is_gone(node)).cloned().collect();
        if dead.is_empty() && gone.is_empty() && self.lingering.next.is_none_or(|next| now < next) {
            return;
        }
        let all = self.lingering.of_node.iter().flat_map(|(node, ids)| ids.iter().map(move |entry| (node, entry)));
        let ended = all.filter(|(node, (id, until))| **until <= now || dead.contains(*id) || gone.contains(*node));
        let ended: Vec<(NodeName, Arc<GatewayId>)> = ended.map(|(node, (id, _))| (node.clone(), id.clone())).collect();
        ended.iter().for_each(|(node, id)| self.ends(node, id));
        self.lingering.next = self.lingering.of_node.values().flat_map(BTreeMap::values).min().copied();
        // What nobody has any longer needs no way.
        for id in ended.into_iter().map(|(_, id)| id).filter(|id| !self.lingering.all.contains_key(id)) {
            let is_member = self.policies.values().flat_map(|of| &of.members).any(|member| member.id() == Some(&id));
            if !is_member && let Some(of_node) = node_of(&id).and_then(|node| ways.get_mut(&node)) {
                of_node.remove(&id);
            }
        }
        ways.retain(|_, of_node| !of_node.is_empty());
    }

    /// Puts the ways of those that linger beside the others. Which of them cannot linger any longer: their node is gone or dead, or does
    /// not have the address now.
    fn keep_ways(&self, ways: &mut Ways) -> BTreeSet<Arc<GatewayId>> {
        let mut homes: BTreeMap<IpAddr, &NodeName> =
            self.homes.iter().map(|(address, home)| (*address, home)).collect();
        let mut dead = BTreeSet::new();
        for id in self.lingering.all.keys() {
            let known = self.gateways.get(id).filter(|gateway| {
                let Some(node) = self.view.nodes.get(&gateway.node) else { return false };
                self.view.standing(&gateway.node).health != Health::Unhealthy
                    && match &gateway.way {
                        Way::Default | Way::Interface(_) => true,
                        Way::Addresses { addresses, floats } => {
                            let is_here = |address| homes.get(address).is_none_or(|home| **home == gateway.node);
                            addresses.iter().all(is_here)
                                && (*floats || addresses.is_subset(&self.view.addresses(node)))
                        }
                    }
            });
            let Some(gateway) = known else {
                dead.insert(id.clone());
                continue;
            };
            if let Way::Addresses { addresses, floats: true } = &gateway.way {
                homes.extend(addresses.iter().map(|address| (*address, &gateway.node)));
            }
            let of_node = ways.entry(gateway.node.clone()).or_default();
            of_node.entry(id.clone()).or_insert_with(|| gateway.way.clone());
        }
        dead
    }

    /// Until then, or longer if it was to be longer before.
    fn lingers(&mut self, node: &NodeName, id: &Arc<GatewayId>, until: Duration) {
        let Lingering { of_node, all, next, .. } = &mut self.lingering;
        let known = of_node.entry(node.clone()).or_default().insert(id.clone(), until);
        *next = Some(next.map_or(until, |next| next.min(until)));
        if known.is_none() {
            *all.entry(id.clone()).or_default() += 1;
            self.sends(node, id, true);
            self.touch(node.clone()).gateways.insert(id.clone());
        }
    }

    fn ends(&mut self, node: &NodeName, id: &Arc<GatewayId>) {
        let Lingering { of_node, all, .. } = &mut self.lingering;
        if let Some(ids) = of_node.get_mut(node) {
            ids.remove(id);
            if ids.is_empty() {
                of_node.remove(node);
            }
        }
        if let Some(count) = all.get_mut(id) {
            *count -= 1;
            if *count == 0 {
                all.remove(id);
            }
        }
        self.sends(node, id, false);
        self.touch(node.clone()).gateways.insert(id.clone());
    }

    /// Floating addresses that are on a node for those that linger alone: who wants them finds them there.
    pub(super) fn lingering_homes(&self) -> impl Iterator<Item = (IpAddr, NodeName)> + '_ {
        let gateways = self.lingering.all.keys().filter_map(|id| self.gateways.get(id));
        gateways.flat_map(|gateway| {
            let addresses = match &gateway.way {
                Way::Addresses { addresses, floats: true } => Some(addresses),
                Way::Addresses { .. } | Way::Default | Way::Interface(_) => None,
            };
            addresses.into_iter().flatten().map(|address| (*address, gateway.node.clone()))
        })
    }
}
