//! Who watches a gateway: a few other nodes, by rendezvous hashing, so that the work grows with the gateways and not with the cluster, and
//! a node's coming or going changes one watcher in five at most. Everybody who knows the nodes knows the watchers. Where zones are known
//! they are of as many as there are, so that what takes a zone away takes the fewest of them.

use std::{cmp::Reverse, collections::BTreeMap};

use crate::{hash, ids::NodeName};

/// Watchers of one gateway.
pub const MOST: usize = 5;

/// Nodes that may watch, prepared: each is hashed once, however many gateways there are.
#[derive(Debug, Clone, Default)]
pub struct Watchers<'a> {
    /// With the place of each one's zone.
    nodes: Vec<(u64, &'a NodeName, usize)>,
    zones: usize,
}

impl<'a> Watchers<'a> {
    pub fn of(nodes: impl IntoIterator<Item = &'a NodeName>) -> Watchers<'a> {
        Watchers::in_zones(nodes.into_iter().map(|node| (node, None)))
    }

    /// Those of which no zone is known are of one together.
    pub fn in_zones(nodes: impl IntoIterator<Item = (&'a NodeName, Option<&'a str>)>) -> Watchers<'a> {
        let mut zones: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        let hashed = nodes.into_iter().map(|(node, zone)| {
            let next = zones.len();
            let zone = *zones.entry(zone).or_insert(next);
            (hash::number(&["egress-watcher", node.as_str()]), node, zone)
        });
        let nodes = hashed.collect();
        Watchers { nodes, zones: zones.len() }
    }

    /// At most [`MOST`], best first; never the gateway itself. Fewer where there are fewer nodes.
    pub fn watching(&self, gateway: &NodeName) -> Vec<&'a NodeName> {
        let seed = hash::number(&["egress-watched", gateway.as_str()]);
        // Of each zone, worst first, so that most nodes are turned away by one comparison.
        let mut zones: Vec<Vec<(u64, &NodeName)>> = vec![Vec::new(); self.zones];
        for (own, node, zone) in self.nodes.iter().filter(|(_, node, _)| *node != gateway) {
            let Some(best) = zones.get_mut(*zone) else { continue };
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
        // The best of each zone before the second of any.
        let ranked = zones.into_iter().flat_map(|best| best.into_iter().rev().enumerate());
        let mut ranked: Vec<_> = ranked.map(|(rank, worth)| (rank, Reverse(worth))).collect();
        ranked.sort_unstable();
        ranked.into_iter().take(MOST).map(|(_, Reverse((_, node)))| node).collect()
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
    fn watchers_are_of_as_many_zones_as_there_are_and_one_that_goes_changes_one() {
        let all = nodes(60);
        for count in [2, 3, 5, 12] {
            let zones: Vec<String> = (0..count).map(|zone| format!("zone-{zone}")).collect();
            let zone = |at: usize| zones.get(at % count).map(String::as_str);
            let of = |these: &[NodeName]| -> Vec<Vec<NodeName>> {
                let watchers = Watchers::in_zones(these.iter().enumerate().map(|(at, node)| (node, zone(at))));
                all[..59].iter().map(|gateway| watchers.watching(gateway).into_iter().cloned().collect()).collect()
            };
            for (watching, less) in of(&all).into_iter().zip(of(&all[..59])) {
                let place = |node: &NodeName| all.iter().position(|one| one == node).unwrap() % count;
                let mut of_zone: BTreeMap<usize, usize> = BTreeMap::new();
                watching.iter().for_each(|node| *of_zone.entry(place(node)).or_default() += 1);
                assert_eq!((watching.len(), of_zone.len()), (MOST, MOST.min(count)));
                assert!(of_zone.values().all(|many| *many <= MOST.div_ceil(count)), "{of_zone:?}");
                let lost = usize::from(watching.contains(&all[59]));
                assert_eq!(watching.iter().filter(|node| !less.contains(node)).count(), lost);
            }
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
