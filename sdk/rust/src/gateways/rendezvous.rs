//! Weighted rendezvous hashing with a bound on each gateway's load. Every endpoint has an order of the gateways that nobody else's coming or
//! going changes; a gateway that is full keeps those that rank it highest. That is a stable matching, and of those the one that is best
//! for the endpoints is the only one: the order of the facts does not matter.

mod matching;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use super::{
    Assignment, Facts, NONE,
    hash::{fnv1a_64, minus_log2, mix},
    open::{Pick, each},
};

/// How a gateway's load is bounded, and what counts besides the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Most endpoints of a gateway, in percent of its fair share by weight. 0: no bound.
    pub bound: u32,
    /// An endpoint stays where it is as long as that gateway may have it.
    pub sticky: bool,
}

const REASONS: [&str; 4] = [
    "its first choice by weighted rendezvous hashing",
    "kept: it is here already",
    "its next choice: those before are full",
    "all that it may use are full: its first choice takes it over the bound",
];
const FIRST: u8 = 0;
const STAYS: u8 = 1;
const NEXT: u8 = 2;
const OVER: u8 = 3;

/// What a gateway is worth to an endpoint: more is better, and of two of equal worth the earlier one in order.
type Worth = (u64, Reverse<u32>);

/// Gateways as they are ranked. All lists are by index of a gateway.
struct Ranks {
    seeds: Vec<u64>,
    weights: Vec<u32>,
    /// Its place among those that are open, which does not depend on the order of the facts.
    places: Vec<u32>,
    /// All weights are: then nobody needs logarithms.
    equal: bool,
}

impl Ranks {
    fn of(facts: &Facts, open: &[u32]) -> Ranks {
        let weights: Vec<u32> = facts.gateways.iter().map(|gateway| gateway.weight).collect();
        let mut of_open = open.iter().filter_map(|gateway| weights.get(*gateway as usize));
        let first = of_open.next();
        let equal = of_open.all(|weight| Some(weight) == first);
        let seeds = facts.gateways.iter().map(|gateway| mix(fnv1a_64(gateway.id.as_bytes()))).collect();
        let mut places = vec![0; weights.len()];
        for (place, gateway) in (0..).zip(open) {
            if let Some(entry) = places.get_mut(*gateway as usize) {
                *entry = place;
            }
        }
        Ranks { seeds, weights, places, equal }
    }

    fn worth(&self, key: u64, gateway: u32) -> Worth {
        let index = gateway as usize;
        let place = Reverse(self.places.get(index).copied().unwrap_or_default());
        // Both are mixed already: one multiplication carries each bit to the top, where the order is made.
        let hash = (key ^ self.seeds.get(index).copied().unwrap_or_default()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        if self.equal {
            return (hash, place);
        }
        // The hash as an exponential waiting time, shorter for more weight: the first to come is chosen by weight. What the logarithm
        // leaves out tells those apart that come together.
        let weight = u64::from(self.weights.get(index).copied().unwrap_or(1).max(1));
        let waiting = ((minus_log2(hash) << 24) / weight) & !LAST;
        (u64::MAX - (waiting | (hash & LAST)), place)
    }

    /// The two best of some gateways, which stand in order.
    fn best(&self, key: u64, gateways: &[u32]) -> (u32, u32) {
        let (mut first, mut second) = ((0, NONE), (0, NONE));
        for gateway in gateways {
            let (worth, _) = self.worth(key, *gateway);
            if first.1 == NONE || worth > first.0 {
                (second, first) = (first, (worth, *gateway));
            } else if second.1 == NONE || worth > second.0 {
                second = (worth, *gateway);
            }
        }
        (first.1, second.1)
    }
}

/// Bits of a waiting time that the logarithm does not fill.
const LAST: u64 = 0xffff;

/// What is known of an endpoint before anybody asks.
struct Wish {
    key: u64,
    /// Its two best of those that it may use; [`NONE`]: none.
    first: u32,
    second: u32,
}

/// `key` tells endpoints apart: what it is made of is what an endpoint keeps its gateway by.
pub fn assign(facts: &Facts, rules: Rules, key: impl Fn(usize) -> u64) -> Assignment {
    let open = facts.open();
    let ranks = Ranks::of(facts, &open);
    let mut room = Vec::with_capacity(open.len());
    let wishes = (0..facts.endpoints.len()).map(|endpoint| {
        let key = mix(key(endpoint));
        let (first, second) = ranks.best(key, facts.allowed_of(endpoint, &open, &mut room));
        Wish { key, first, second }
    });
    let wishes: Vec<Wish> = wishes.collect();
    let given = matching::given(facts, rules, &open, &ranks, &wishes);
    each(facts, &open, &REASONS, |endpoint, _| {
        let (given, wish) = (given.get(endpoint).copied().unwrap_or(NONE), wishes.get(endpoint));
        let (first, second) = wish.map_or((NONE, NONE), |wish| (wish.first, wish.second));
        let (primary, reason) = match given {
            NONE => (first, OVER),
            given if home(facts, rules, endpoint) == Some(given) => (given, STAYS),
            given if given == first => (first, FIRST),
            given => (given, NEXT),
        };
        Pick { primary, standby: if primary == first { second } else { first }, reason }
    })
}

/// Where an endpoint is already, if that counts and it may stay.
fn home(facts: &Facts, rules: Rules, endpoint: usize) -> Option<u32> {
    let home = facts.endpoints.previous(endpoint).filter(|_| rules.sticky)?;
    let gateway = facts.gateways.get(home as usize)?;
    (gateway.serves() && !gateway.draining && facts.allows(endpoint, home)).then_some(home)
}
