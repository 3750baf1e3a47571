//! Destinations of several policies as disjoint intervals, for packet filters whose sets know no longest match: at each address the
//! policy with the longest prefix wins, then the one of greatest priority, then the first by name. What a policy excludes is carved out
//! of that policy alone; what belongs to the cluster belongs to none.

#[cfg(test)]
mod tests;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::{IpNet, IpSubnets, Ipv4Subnets, Ipv6Subnets};

use crate::address::{Family, number};

/// What one policy claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim<'a> {
    pub policy: &'a str,
    pub priority: i32,
    pub destinations: &'a [IpNet],
    pub excluded: &'a [IpNet],
}

/// Addresses from `first` to `last`, of one family; both belong to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval<'a> {
    pub first: IpAddr,
    pub last: IpAddr,
    pub policy: &'a str,
}

/// Ascending, IPv4 first; no two overlap, and two that touch are of different policies. `cluster`: the cluster's own addresses.
pub fn flatten<'a>(claims: &[Claim<'a>], cluster: &[IpNet]) -> Vec<Interval<'a>> {
    [Family::V4, Family::V6].into_iter().flat_map(|family| of_family(family, claims, cluster)).collect()
}

impl Interval<'_> {
    /// The fewest prefixes that hold the same addresses, for hosts that know no intervals.
    pub fn prefixes(&self) -> Vec<IpNet> {
        match (self.first, self.last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => IpSubnets::V4(Ipv4Subnets::new(first, last, 0)).collect(),
            (IpAddr::V6(first), IpAddr::V6(last)) => IpSubnets::V6(Ipv6Subnets::new(first, last, 0)).collect(),
            _ => Vec::new(),
        }
    }
}

/// Best first: the longest prefix, the greatest priority, the first by name.
type Rank<'a> = (Reverse<u8>, Reverse<i32>, &'a str);

/// What begins or ends where.
enum Event<'a> {
    Claimed(Rank<'a>),
    Excluded(&'a str),
    Cluster,
}

/// Which side of an event.
#[derive(Clone, Copy)]
enum Edge {
    Begins,
    Ends,
}

/// What holds between two events. Prefixes of one policy may overlap, so they are counted.
#[derive(Default)]
struct Now<'a> {
    claimed: BTreeMap<Rank<'a>, u32>,
    excluded: BTreeMap<&'a str, u32>,
    cluster: u32,
}

fn of_family<'a>(family: Family, claims: &[Claim<'a>], cluster: &[IpNet]) -> Vec<Interval<'a>> {
    let mut events: BTreeMap<u128, Vec<(Edge, Event<'a>)>> = BTreeMap::new();
    let mut between = |net: &IpNet, event: &dyn Fn() -> Event<'a>| {
        if Family::of(net.addr()) != family {
            return;
        }
        events.entry(number(net.network())).or_default().push((Edge::Begins, event()));
        // What reaches the last address ends with it.
        if let Some(after) = number(net.broadcast()).checked_add(1) {
            events.entry(after).or_default().push((Edge::Ends, event()));
        }
    };
    let mut seen = BTreeSet::new();
    for claim in claims {
        for net in claim.destinations {
            // Twice the same is once the same; a policy that comes twice is two claims.
            if seen.insert((claim.policy, claim.priority, net.trunc())) {
                let rank = (Reverse(net.prefix_len()), Reverse(claim.priority), claim.policy);
                between(net, &|| Event::Claimed(rank));
            }
        }
        claim.excluded.iter().for_each(|net| between(net, &|| Event::Excluded(claim.policy)));
    }
    cluster.iter().for_each(|net| between(net, &|| Event::Cluster));

    let mut now = Now::default();
    let mut open: Option<(u128, &'a str)> = None;
    let mut intervals = Vec::new();
    for (at, changes) in events {
        changes.into_iter().for_each(|(edge, event)| now.take(edge, event));
        let winner = now.winner();
        if open.map(|(_, policy)| policy) == winner {
            continue;
        }
        if let Some((first, policy)) = open {
            intervals.extend(interval(family, first, at - 1, policy));
        }
        open = winner.map(|policy| (at, policy));
    }
    if let Some((first, policy)) = open {
        intervals.extend(interval(family, first, family.max(), policy));
    }
    intervals
}

fn interval(family: Family, first: u128, last: u128, policy: &str) -> Option<Interval<'_>> {
    Some(Interval { first: family.address(first)?, last: family.address(last)?, policy })
}

impl<'a> Now<'a> {
    fn take(&mut self, edge: Edge, event: Event<'a>) {
        match event {
            Event::Claimed(rank) => count(&mut self.claimed, rank, edge),
            Event::Excluded(policy) => count(&mut self.excluded, policy, edge),
            Event::Cluster => match edge {
                Edge::Begins => self.cluster += 1,
                Edge::Ends => self.cluster = self.cluster.saturating_sub(1),
            },
        }
    }

    fn winner(&self) -> Option<&'a str> {
        let free = |policy: &&str| !self.excluded.contains_key(policy);
        self.claimed.keys().map(|(_, _, policy)| *policy).find(free).filter(|_| self.cluster == 0)
    }
}

fn count<Key: Ord>(counts: &mut BTreeMap<Key, u32>, key: Key, edge: Edge) {
    match edge {
        Edge::Begins => *counts.entry(key).or_default() += 1,
        Edge::Ends => {
            if let Some(left) = counts.get_mut(&key) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    counts.remove(&key);
                }
            }
        }
    }
}
