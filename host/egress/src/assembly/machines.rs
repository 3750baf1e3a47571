//! From nodes to gateways: which there are, their numbers, and who watches them.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use nicety_core::{
    egress::{
        observers::Watchers,
        share::{Gateway, GatewayId, Way},
    },
    ids::NodeName,
};

use super::{Assembly, active, linger::Ways};
use crate::{
    gateways::{Before, draining, resolve},
    view::ZONE_LABEL,
};

/// Numbers of tunnels: 24 bits, none is 0.
const VNIS: u32 = (1 << 24) - 1;

impl Assembly {
    /// Policies in the order of their names: of two that want one floating address the first has its say.
    pub(super) fn resolve(&mut self) {
        let needed: BTreeSet<IpAddr> =
            self.draining_addresses().into_iter().filter(|(_, needed)| *needed).map(|(address, _)| address).collect();
        let mut before: BTreeMap<IpAddr, NodeName> = self.lingering_homes().collect();
        before.append(&mut self.homes);
        let mut homes = BTreeMap::new();
        for (name, of) in &mut self.policies {
            let members = match self.view.policies.get(name) {
                Some(policy) => {
                    let before = Before { homes: before.clone(), active: active(&of.members), needed: needed.clone() };
                    resolve(policy, &self.view, &before, &mut homes)
                }
                None => Vec::new(),
            };
            if members != of.members {
                of.members = members;
                of.touched = true;
            }
        }
        self.homes = homes;
        self.watch();
    }

    /// Whether a floating address could leave a node that drains: no pod leaves with it any longer.
    pub(super) fn has_drained(&self) -> bool {
        self.draining_addresses().values().any(|needed| !needed)
    }

    /// Floating addresses on nodes that drain now, and whether any pod leaves with them, whichever policy sends it there.
    fn draining_addresses(&self) -> BTreeMap<IpAddr, bool> {
        let drains = |node: &NodeName| self.view.nodes.get(node).is_some_and(|node| draining(node).is_some());
        let mut ways: BTreeMap<&Arc<GatewayId>, &BTreeSet<IpAddr>> = BTreeMap::new();
        for member in self.policies.values().flat_map(|of| &of.members) {
            if let Some((id, Way::Addresses { addresses, floats: true })) = &member.gateway
                && drains(&member.node)
            {
                ways.insert(id, addresses);
            }
        }
        // Mostly there is none, and no pod is looked at.
        if ways.is_empty() {
            return BTreeMap::new();
        }
        let all = ways.values().copied().flatten();
        let mut needed: BTreeMap<IpAddr, bool> = all.map(|address| (*address, false)).collect();
        let primaries = self.policies.values().flat_map(|of| of.given.values()).filter_map(|one| one.primary.as_ref());
        for addresses in primaries.filter_map(|id| ways.get(id)) {
            needed.extend(addresses.iter().map(|address| (*address, true)));
        }
        needed
    }

    /// What each gateway is to those who send to it. After the decisions, which say who sends to whom.
    pub(super) fn number(&mut self) {
        let mut by_node = Ways::new();
        for member in self.policies.values().flat_map(|of| &of.members) {
            let Some((id, way)) = &member.gateway else { continue };
            let ways = by_node.entry(member.node.clone()).or_default();
            let known = ways.entry(id.clone()).or_insert_with(|| way.clone());
            // An address that is to be put there for one policy is there for the other.
            if let (Way::Addresses { floats, .. }, Way::Addresses { floats: true, .. }) = (known, way) {
                *floats = true;
            }
        }
        self.linger(&mut by_node);
        let (mut gateways, mut gateways_of) = (BTreeMap::new(), BTreeMap::new());
        for (node, ways) in by_node {
            let underlay = self.view.nodes.get(&node).map(|node| node.addresses.clone()).unwrap_or_default();
            let mut taken = BTreeSet::new();
            for (id, way) in &ways {
                // Those of one node differ; which of two gives way follows from their names alone.
                let mut vni = id.preferred_vni();
                while !taken.insert(vni) {
                    vni = vni % VNIS + 1;
                }
                let gateway = Gateway { node: node.clone(), underlay: underlay.clone(), way: way.clone(), vni };
                gateways.insert(id.clone(), gateway);
            }
            gateways_of.insert(node, ways.into_keys().collect::<BTreeSet<_>>());
        }
        let changed = gateways.iter().filter(|(id, new)| self.gateways.get(*id) != Some(*new));
        let gone = self.gateways.iter().filter(|(id, _)| !gateways.contains_key(*id));
        let others: Vec<(Arc<GatewayId>, NodeName)> =
            changed.chain(gone).map(|(id, gateway)| (id.clone(), gateway.node.clone())).collect();
        for (id, node) in others {
            let senders: Vec<NodeName> =
                self.senders.get(&node).into_iter().flat_map(BTreeMap::keys).cloned().collect();
            for touched in senders.into_iter().chain([node]) {
                self.touch(touched).gateways.insert(id.clone());
            }
        }
        (self.gateways, self.gateways_of) = (gateways, gateways_of);
    }

    /// Nodes that are not ready or on their way out watch nobody.
    fn watch(&mut self) {
        let fit = self.view.nodes.values().filter(|node| node.ready != Some(false) && !node.deleting);
        let watchers =
            Watchers::in_zones(fit.map(|node| (&node.name, node.labels.get(ZONE_LABEL).map(String::as_str))));
        let watched: BTreeSet<&NodeName> =
            self.policies.values().flat_map(|of| &of.members).map(|member| &member.node).collect();
        let mut watches: BTreeMap<NodeName, BTreeMap<_, _>> = BTreeMap::new();
        for node in watched {
            let Some(address) = self.view.nodes.get(node).and_then(|node| node.addresses.first()) else { continue };
            for watcher in watchers.watching(node) {
                watches.entry(watcher.clone()).or_default().insert(node.clone(), *address);
            }
        }
        let all = watches.keys().chain(self.watches.keys());
        let changed = all.filter(|node| watches.get(*node) != self.watches.get(*node));
        let changed: BTreeSet<NodeName> = changed.cloned().collect();
        for node in changed {
            self.touch(node).all = true;
        }
        self.watches = watches;
    }

    /// Nodes that watch this one: the only ones whose word on it counts.
    pub fn observers(&self, gateway: &NodeName) -> BTreeSet<&NodeName> {
        self.watches.iter().filter(|(_, watched)| watched.contains_key(gateway)).map(|(node, _)| node).collect()
    }
}
