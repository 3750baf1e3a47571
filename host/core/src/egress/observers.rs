//! Who watches a gateway: a few other nodes, by rendezvous hashing, so that the work grows with the gateways and not with the cluster, and
//! a node's coming or going changes one watcher in five at most. Everybody who knows the nodes knows the watchers.

use crate::{hash, ids::NodeName};

/// Watchers of one gateway.
pub const MOST: usize = 5;

/// Nodes that may watch, prepared: each is hashed once, however many gateways there are.
#[derive(Debug, Clone, Default)]
pub struct Watchers<'a>(Vec<(u64, &'a NodeName)>);

impl<'a> Watchers<'a> {
    pub fn of(nodes: impl IntoIterator<Item = &'a NodeName>) -> Watchers<'a> {
        Watchers(nodes.into_iter().map(|node| (hash::number(&["egress-watcher", node.as_str()]), node)).collect())
    }

    /// At most [`MOST`], best first; never the gateway itself. Fewer where there are fewer nodes.
    pub fn watching(&self, gateway: &NodeName) -> Vec<&'a NodeName> {
        let seed = hash::number(&["egress-watched", gateway.as_str()]);
        // Worst first, so that most nodes are turned away by one comparison.
        let mut best: Vec<(u64, &NodeName)> = Vec::with_capacity(MOST + 1);
        for (own, node) in self.0.iter().filter(|(_, node)| *node != gateway) {
            let worth = (mixed(own ^ seed), *node);
            if best.len() == MOST && best.first().is_some_and(|least| worth < *least) {
                continue;
            }
            let place = best.partition_point(|other| *other < worth);
            best.insert(place, worth);
            if best.len() > MOST {
                best.remove(0);
            }
        }
        best.into_iter().rev().map(|(_, node)| node).collect()
    }
}

/// Spreads the bits of a number: the finalizer of SplitMix64.
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn nodes(count: usize) -> Vec<NodeName> {
        (0..count).map(|number| format!("node-{number}").parse().unwrap()).collect()
    }

    #[test]
    fn a_gateway_is_watched_by_five_others_or_by_all_that_there_are() {
        let all = nodes(40);
        let watchers = Watchers::of(&all);
        for gateway in &all {
            let watching = watchers.watching(gateway);
            assert_eq!(watching.len(), MOST);
            assert!(!watching.contains(&gateway));
        }
        assert_eq!(Watchers::of(&all[..3]).watching(&all[0]).len(), 2);
        assert!(Watchers::of(&all[..1]).watching(&all[0]).is_empty());
    }

    #[test]
    fn one_node_that_goes_changes_one_watcher_and_only_where_it_watched() {
        let all = nodes(40);
        let (before, after) = (Watchers::of(&all), Watchers::of(&all[..39]));
        for gateway in &all[..39] {
            let (old, new) = (before.watching(gateway), after.watching(gateway));
            let lost = usize::from(old.contains(&&all[39]));
            assert_eq!(old.iter().filter(|node| !new.contains(node)).count(), lost);
        }
    }

    #[test]
    fn the_order_of_the_nodes_does_not_matter_and_the_work_is_spread() {
        let all = nodes(100);
        let reversed: Vec<NodeName> = all.iter().rev().cloned().collect();
        let (one, other) = (Watchers::of(&all), Watchers::of(&reversed));
        let mut work: BTreeMap<&NodeName, usize> = BTreeMap::new();
        for gateway in &all {
            assert_eq!(one.watching(gateway), other.watching(gateway));
            one.watching(gateway).into_iter().for_each(|node| *work.entry(node).or_default() += 1);
        }
        assert!(work.values().max().unwrap() <= &15, "{work:?}");
    }
}
