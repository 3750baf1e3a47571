//! Blocks: what the core's assignment comes to for each Network, as writes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use nicety_core::cluster::{
    self, Block, NewBlock, Plan, Reason, Scheme, Segment, View,
    blocks::{Change, Update},
};
use nicety_k8s::{Place, kinds};
use nicety_objects::{
    Network,
    block::FINALIZER,
    network::{Ipam, NicPool, Routing},
    render::ROUTING_LABEL,
};
use serde_json::{Value, json};

use super::{Computed, Look};
use crate::{
    force::Standing,
    items::{BLOCKS_FINALIZER, BlockItem, BlockLabels},
    patience::Patience,
    promises::{Making, Promise},
    write::{self, Act, Routed, Write},
};

pub(super) fn key(block: &str) -> String {
    format!("IPBlock {block}")
}

impl Look<'_> {
    pub(super) fn blocks<'s>(
        &self,
        standings: &'s BTreeMap<String, Standing>,
        promised: &[Promise],
    ) -> Vec<Computed<'s>> {
        let mut by_network: BTreeMap<&str, Vec<Block>> = BTreeMap::new();
        for item in self.snapshot.blocks.values() {
            if let Some(block) = &item.block {
                by_network.entry(&item.network).or_default().push(block.clone());
            }
        }
        let mut unseen: BTreeMap<&str, Vec<&Promise>> = BTreeMap::new();
        for promise in promised.iter().filter(|one| !self.snapshot.blocks.contains_key(&one.block.name())) {
            let network = promise.block.network.as_str();
            by_network.entry(network).or_default().push(promise.block.standing(i64::MAX));
            unseen.entry(network).or_default().push(promise);
        }
        let mut computed = Vec::new();
        for (name, standing) in standings {
            let blocks = by_network.remove(name.as_str()).unwrap_or_default();
            let deleting = self.snapshot.networks.get(name).is_some_and(|item| item.head.deleting);
            let force = standing.force.as_ref().map(|force| force.network.as_ref());
            let (plan, claims) = match (deleting, force) {
                (true, _) => (cluster::retire(&self.nodes, &blocks), 0),
                (false, None) => (cluster::freeze(&self.nodes, &blocks), 0),
                (false, Some(network)) => self.assigned(network, &blocks),
            };
            let doubted = doubted(unseen.remove(name.as_str()).unwrap_or_default(), &plan);
            computed.push(Computed { name, standing, plan, doubted, claims });
        }
        computed
    }

    fn assigned(&self, network: &Network, blocks: &[Block]) -> (Plan, usize) {
        let claimants: Vec<_> = self
            .members
            .iter()
            .filter_map(|(name, member)| {
                let nics = member.host.as_ref()?.nics.as_ref()?;
                Some(nics.claimants(network, name, &member.reach()))
            })
            .flatten()
            .collect();
        let plan = match scheme(network) {
            Some(scheme) => {
                cluster::assign(View { scheme: &scheme, nodes: &self.nodes, claimants: &claimants, blocks })
            }
            // Its addresses do not come in blocks.
            None => cluster::retire(&self.nodes, blocks),
        };
        (plan, claimants.len())
    }

    pub(super) fn block_writes(&self, one: &Computed<'_>, patience: &mut Patience, writes: &mut Vec<Write>) {
        let Computed { name, standing, plan, doubted, .. } = one;
        let force = standing.force.as_ref().map(|force| &force.network);
        let routed = match force.map(|network| network.routing) {
            Some(Routing::L3) => Routed::Yes,
            Some(Routing::None) | None => Routed::No,
        };
        // A network that has no finalizer yet could go and leave behind what is made meanwhile.
        let held = self.snapshot.networks.get(*name).is_some_and(|item| item.head.holds(BLOCKS_FINALIZER));
        for new in doubted.iter().chain(&plan.create).filter(|_| held) {
            writes.push(Write::new(key(&new.name()), Act::Create(new.clone(), routed)).of(name));
        }
        let mut updates: BTreeMap<&str, Option<&Update>> =
            plan.update.iter().map(|update| (update.name.as_str(), Some(update))).collect();
        for (block, item) in self.snapshot.blocks.iter().filter(|(_, item)| item.network == *name && force.is_some()) {
            let wanted = BlockLabels { right: true, l3: routed == Routed::Yes };
            if !item.head.deleting && item.block.is_some() && item.labels != wanted {
                updates.entry(block).or_insert(None);
            }
        }
        for (block, update) in updates {
            if let Some(item) = self.snapshot.blocks.get(block) {
                writes.push(Write::new(key(block), self.update(block, item, update, routed)).of(name));
            }
        }
        for change in &plan.delete {
            self.change(change, What::Delete, patience, writes);
        }
        for change in &plan.release {
            self.change(change, What::Release, patience, writes);
        }
    }

    fn update(&self, block: &str, item: &BlockItem, update: Option<&Update>, routed: Routed) -> Act {
        let mut finalizers = item.head.finalizers.clone();
        if !item.head.holds(FINALIZER) {
            finalizers.push(FINALIZER.to_owned());
        }
        let mut patch =
            json!({ "metadata": { "resourceVersion": item.head.resource_version, "finalizers": finalizers }});
        if let Some(block) = &item.block
            && let Ok(network) = item.network.parse()
        {
            let mut labels = write::labels(&network, &block.node, routed);
            if routed == Routed::No {
                labels[ROUTING_LABEL] = Value::Null; // taken away where it is
            }
            patch["metadata"]["labels"] = labels;
        }
        if let Some(Update { via, reserved, .. }) = update {
            let reserved = if reserved.is_empty() { Value::Null } else { json!(reserved) };
            patch["spec"] = json!({ "via": via, "reserved": reserved });
        }
        Act::Merge(Place::of_cluster(kinds::ip_block(), block), patch)
    }

    fn change(&self, change: &Change, what: What, patience: &mut Patience, writes: &mut Vec<Write>) {
        let Change { name, node, reason } = change;
        // A promise that turned out to be wanted no more is looked at again when it is kept.
        let Some(item) = self.snapshot.blocks.get(name) else { return };
        let unless_there = match reason {
            Reason::NodeGone => Some(node.clone()),
            Reason::NicGone | Reason::NodeSilent => {
                if !patience.lasts(&format!("{reason:?} {name}"), self.settings.grace, self.now.instant) {
                    return;
                }
                None
            }
            Reason::NetworkGone | Reason::Twice | Reason::Moved | Reason::Misplaced | Reason::Released => None,
        };
        let act = match what {
            What::Delete => Act::Delete(Place::of_cluster(kinds::ip_block(), name.as_str()), item.head.uid.clone()),
            What::Release => release(name, item),
        };
        let write = Write { unless_there, ..Write::new(key(name), act) };
        writes.push(write.of(&item.network));
    }

    /// Blocks whose Network is not there, and those that cannot be read.
    pub(super) fn orphans(&self, patience: &mut Patience, writes: &mut Vec<Write>) {
        let ownerless =
            self.snapshot.blocks.iter().filter(|(_, item)| !self.snapshot.networks.contains_key(&item.network));
        let mut blocks = Vec::new();
        for (name, item) in ownerless {
            match &item.block {
                Some(block) => blocks.push(block.clone()),
                None => self.unreadable(name, item, writes),
            }
        }
        let plan = cluster::retire(&self.nodes, &blocks);
        for change in &plan.delete {
            // It may be on its way: manifests are not applied in an order of meaning.
            if patience.lasts(&format!("no network {}", change.name), self.settings.grace, self.now.instant) {
                self.change(change, What::Delete, patience, writes);
            }
        }
        for change in &plan.release {
            self.change(change, What::Release, patience, writes);
        }
        let owned = self.snapshot.blocks.iter().filter(|(_, item)| self.snapshot.networks.contains_key(&item.network));
        for (name, item) in owned.filter(|(_, item)| item.block.is_none()) {
            self.unreadable(name, item, writes);
        }
    }

    /// Nobody hands out from a block that nobody can read: it may go as soon as somebody wants it to.
    fn unreadable(&self, name: &str, item: &Arc<BlockItem>, writes: &mut Vec<Write>) {
        if item.head.deleting && item.head.holds(FINALIZER) {
            writes.push(Write::new(key(name), release(name, item)));
        }
    }
}

/// Promises that nobody has answered and that the plan still builds upon. One that it would take back at once ends here: should the
/// block be there after all, the watch tells, and what claims its index is answered that it is taken.
fn doubted(unseen: Vec<&Promise>, plan: &Plan) -> Vec<NewBlock> {
    let lasting = |change: &&Change| !matches!(change.reason, Reason::NicGone | Reason::NodeSilent);
    let unwanted: BTreeSet<&str> =
        plan.delete.iter().chain(&plan.release).filter(lasting).map(|change| change.name.as_str()).collect();
    let unknown = unseen.into_iter().filter(|promise| promise.making == Making::Unknown);
    unknown.filter(|one| !unwanted.contains(one.block.name().as_str())).map(|one| one.block.clone()).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Delete,
    Release,
}

fn release(name: &str, item: &BlockItem) -> Act {
    let left: Vec<&String> = item.head.finalizers.iter().filter(|finalizer| *finalizer != FINALIZER).collect();
    let patch = json!({ "metadata": { "resourceVersion": item.head.resource_version, "finalizers": left } });
    Act::Merge(Place::of_cluster(kinds::ip_block(), name), patch)
}

/// None: the addresses of the network do not come in blocks.
fn scheme(network: &Network) -> Option<Scheme> {
    let Ipam::Blocks { interface_bits, host_bits, excludes } = &network.ipam else { return None };
    let order = match &network.nics {
        NicPool::MasterNets(nets) => nets.iter().map(|net| Segment::Net(*net)).collect(),
        NicPool::All | NicPool::Without | NicPool::Selectors(_) => Vec::new(),
    };
    Some(Scheme {
        network: network.name.clone(),
        subnets: network.subnets.clone(),
        interface_bits: *interface_bits,
        host_bits: *host_bits,
        excludes: excludes.clone(),
        order,
    })
}
