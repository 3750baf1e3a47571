//! Weighted rendezvous hashing with a bound on each gateway's load. Every endpoint has an order of the gateways that nobody else's coming or
//! going changes; a gateway that is full keeps those that rank it highest. That is a stable matching, and of those the one that is best
//! for the endpoints is the only one: the order of the facts does not matter.

mod matching;
#[cfg(test)]
mod tests;

use super::{
    Assignment, Facts, Gateway, NONE,
    hash::{minus_log2, mix, text},
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

/// What a gateway is worth to an endpoint: more is better. The last 16 bits are its place from behind, so that of two of equal worth the
/// earlier one is worth more, and nobody needs to carry along whose it is. Never 0.
type Worth = u64;
const PLACE: u64 = 0xffff;

/// Gateways as they are ranked.
struct Ranks {
    /// By index of a gateway.
    all: Vec<Ranked>,
    /// Those that take new endpoints, side by side in their order: each endpoint looks at all of them.
    open: Vec<(Ranked, u32)>,
    /// All weights are: then nobody needs logarithms.
    equal: bool,
}

#[derive(Debug, Clone, Copy)]
struct Ranked {
    seed: u64,
    /// Odd.
    factor: u64,
    weight: u32,
    /// 2^31 by the weight: a division for each look would be most of the work. A logarithm is at most 2^32.
    share: u64,
    /// Its place among those that are open, from behind: it does not depend on the order of the facts.
    place: u64,
}

impl Ranks {
    fn of(facts: &Facts, open: &[u32]) -> Ranks {
        let ranked = |gateway: &Gateway| {
            let weight = gateway.weight;
            let share = (1 << 31) / u64::from(weight.max(1));
            let seed = text(gateway.id.as_bytes());
            Ranked { seed, factor: mix(seed) | 1, weight, share, place: PLACE }
        };
        let mut all: Vec<Ranked> = facts.gateways.iter().map(ranked).collect();
        for (place, gateway) in (0..PLACE).zip(open) {
            if let Some(ranked) = all.get_mut(*gateway as usize) {
                ranked.place = PLACE - place;
            }
        }
        let open: Vec<(Ranked, u32)> =
            open.iter().filter_map(|gateway| Some((*all.get(*gateway as usize)?, *gateway))).collect();
        let equal = open.iter().all(|(ranked, _)| Some(ranked.weight) == open.first().map(|(first, _)| first.weight));
        Ranks { all, open, equal }
    }

    fn weight(&self, gateway: u32) -> u32 {
        self.all.get(gateway as usize).map_or(0, |ranked| ranked.weight)
    }

    fn worth(&self, key: u64, gateway: u32) -> Worth {
        let Some(ranked) = self.all.get(gateway as usize) else { return 1 };
        if self.equal { ranked.by_hash(key) } else { ranked.by_weight(key) }
    }

    /// The two best of those that an endpoint may use.
    fn best(&self, facts: &Facts, endpoint: usize, key: u64) -> (u32, u32) {
        let (first, second) = match (facts.allowed.is_empty(), self.equal) {
            // The same three times, so that what most policies need is a loop of few instructions.
            (true, true) => two(self.open.iter().map(|(ranked, _)| ranked.by_hash(key))),
            (true, false) => two(self.open.iter().map(|(ranked, _)| ranked.by_weight(key))),
            (false, _) => {
                let allowed = self.open.iter().filter(|(_, gateway)| facts.allows(endpoint, *gateway));
                two(allowed.map(|(_, gateway)| self.worth(key, *gateway)))
            }
        };
        let whose = |worth: Worth| match worth {
            0 => NONE,
            worth => self.open.get((PLACE - (worth & PLACE)) as usize).map_or(NONE, |(_, gateway)| *gateway),
        };
        (whose(first), whose(second))
    }
}

impl Ranked {
    fn hash(&self, key: u64) -> u64 {
        // The key is mixed already. A factor of the gateway's own carries each bit to the top, where the order is made, in another way
        // than its neighbours': with one factor for all, some gateways would be the best of more endpoints than others.
        (key ^ self.seed).wrapping_mul(self.factor)
    }

    fn by_hash(&self, key: u64) -> Worth {
        (self.hash(key) & !PLACE) | self.place
    }

    /// The hash as an exponential waiting time, shorter for more weight: the first to come is chosen by weight.
    fn by_weight(&self, key: u64) -> Worth {
        let waiting = minus_log2(self.hash(key)).wrapping_mul(self.share);
        (!waiting & !PLACE) | self.place
    }
}

/// The most and the next; 0 where there is none. Without a branch: which it would take, nobody can foretell.
fn two(gateways: impl Iterator<Item = Worth>) -> (Worth, Worth) {
    gateways.fold((0, 0), |(first, second), worth| (first.max(worth), second.max(first.min(worth))))
}

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
    let wishes = (0..facts.endpoints.len()).map(|endpoint| {
        let key = mix(key(endpoint));
        let (first, second) = ranks.best(facts, endpoint, key);
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
    facts.home(endpoint).filter(|_| rules.sticky)
}
