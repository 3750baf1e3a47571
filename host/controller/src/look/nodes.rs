//! Nodes: the taint of those that are not ready, and what nodes that are gone have left behind.

use std::collections::BTreeSet;

use nicety_core::{
    cluster::readiness::{Readiness, Speaks, readiness},
    ids::NodeName,
};
use nicety_k8s::{Place, kinds};

use super::{Look, Taints};
use crate::{
    patience::Patience,
    taints::{Wish, is_tainted, wanted},
    write::{Act, Write},
};

impl Look<'_> {
    /// How many nodes are to be tainted.
    pub(super) fn node_writes(
        &self,
        unwritten: &BTreeSet<NodeName>,
        patience: &mut Patience,
        writes: &mut Vec<Write>,
    ) -> usize {
        self.left_behind(writes);
        let mut tainted = 0;
        for (name, member) in &self.members {
            let speaks = if member.host.is_some() { Speaks::Yes } else { Speaks::No };
            // Without any Network there is nothing to wait for.
            let ready = match self.snapshot.networks.is_empty() {
                true => Readiness::Ready,
                false => readiness(name, speaks, unwritten),
            };
            let wish = match ready {
                Readiness::Ready => Wish::Clean,
                Readiness::NoDaemon | Readiness::NoBlocks => Wish::Tainted,
            };
            tainted += usize::from(wish == Wish::Tainted);
            if self.settings.taints == Taints::Left || wanted(&member.node.taints, wish).is_none() {
                continue;
            }
            // A daemon that is just starting spares its node two writes.
            let lasts = |patience: &mut Patience| {
                patience.lasts(&format!("{ready:?} {name}"), self.settings.daemon_grace, self.now.instant)
            };
            if wish == Wish::Clean || is_tainted(&member.node.taints) || lasts(patience) {
                writes.push(Write::new(format!("Node {name}"), Act::Taint(name.clone(), wish)));
            }
        }
        tainted
    }

    /// HostInterfaces of nodes that are gone. What people wrote is theirs to delete.
    fn left_behind(&self, writes: &mut Vec<Write>) {
        let hosts = self.snapshot.hosts.iter().filter(|(name, _)| !self.snapshot.nodes.contains_key(*name));
        for (name, host) in hosts.filter(|(_, host)| !host.people && !host.head.deleting) {
            let Ok(node) = name.parse::<NodeName>() else { continue };
            let of = |kind| Place::of_cluster(kind, name.as_str());
            let at =
                |key: &str, act| Write { unless_there: Some(node.clone()), ..Write::new(format!("{key} {name}"), act) };
            writes.push(at("StrategyStatus", Act::Delete(of(kinds::strategy_status()), String::new())));
            writes.push(at("HostInterface", Act::Delete(of(kinds::host_interface()), host.head.uid.clone())));
        }
    }
}
