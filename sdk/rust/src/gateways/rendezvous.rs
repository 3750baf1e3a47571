//! Weighted rendezvous hashing with a bound on each gateway's load. Every endpoint has an order of the gateways that nobody else's coming or
//! going changes; a gateway that is full keeps those that rank it highest. That is a stable matching, and of those the one that is best
//! for the endpoints is the only one: the order of the facts does not matter.

mod matching;
mod ranks;
#[cfg(test)]
mod tests;

use super::{
    Assignment, Facts, NONE,
    hash::mix,
    open::{Pick, each},
};
use ranks::Ranks;

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

/// What is known of an endpoint before anybody asks.
struct Wish {
    /// Its two best of those that it may use; [`NONE`]: none.
    first: u32,
    second: u32,
}

/// `key` tells endpoints apart: what it is made of is what an endpoint keeps its gateway by.
pub fn assign(facts: &Facts, rules: Rules, key: impl Fn(usize) -> u64) -> Assignment {
    let open = facts.open();
    let ranks = Ranks::of(facts, &open);
    let key = |endpoint| mix(key(endpoint));
    let wishes: Vec<Wish> =
        (0..facts.endpoints.len()).map(|endpoint| ranks.best(facts, endpoint, key(endpoint))).collect();
    let given = matching::given(facts, rules, &open, &ranks, &wishes, &key);
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
#[inline]
fn home(facts: &Facts, rules: Rules, endpoint: usize) -> Option<u32> {
    facts.home(endpoint).filter(|_| rules.sticky)
}
