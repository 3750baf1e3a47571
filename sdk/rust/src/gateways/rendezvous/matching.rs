//! Who gets which gateway when not everybody can have their first choice: endpoints ask in their order, a full gateway turns away the
//! one that it wants least.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{
    Rules, Wish, home,
    ranks::{Ranks, Worth},
};
use crate::{
    gateways::{
        Facts, NONE,
        hash::{mix, text},
    },
    types::Address,
};

/// The least wanted first: those that are not here already before those that are, then by what the gateway is worth to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Asking {
    here: bool,
    worth: u64,
    /// Where two are of equal worth: of the address, which no two have in common.
    tie: u64,
    endpoint: u32,
}

/// Whom an endpoint has asked last.
#[derive(Clone, Copy)]
enum Asked {
    Home,
    /// By its order, not by its being there.
    Ranked(Worth),
}

/// Per endpoint its gateway; [`NONE`] where all are full, or none may be used. Mostly everybody has whom they ask first.
#[inline]
pub(super) fn given(
    facts: &Facts,
    rules: Rules,
    open: &[u32],
    ranks: &Ranks,
    wishes: &[Wish],
    key: &impl Fn(usize) -> u64,
) -> Vec<u32> {
    let mut loads = vec![0_usize; ranks.count()];
    // Those whose gateway drains count: they will ask the others one day, and the others' own must not make room for that by going.
    let mut shared = 0;
    let ask = |(endpoint, wish): (usize, &Wish)| {
        if wish.first == NONE {
            return NONE;
        }
        shared += 1;
        // Those whose gateway drains ask nobody else.
        if facts.kept(endpoint).is_some() {
            return NONE;
        }
        let first = home(facts, rules, endpoint).unwrap_or(wish.first);
        if let Some(load) = loads.get_mut(first as usize) {
            *load += 1;
        }
        first
    };
    let given: Vec<u32> = wishes.iter().enumerate().map(ask).collect();
    let most = most(rules, open, ranks, shared);
    let full = loads.iter().zip(&most).any(|(load, most)| load > most);
    if full { Matching { facts, rules, open, ranks, wishes, key, most }.settled(given, &loads) } else { given }
}

/// Most endpoints of each gateway, by its index.
fn most(rules: Rules, open: &[u32], ranks: &Ranks, endpoints: usize) -> Vec<usize> {
    let weight = |gateway: &u32| u128::from(ranks.weight(*gateway));
    let all: u128 = open.iter().map(weight).sum();
    let mut most = vec![usize::MAX; ranks.count()];
    for gateway in open.iter().filter(|_| rules.bound > 0) {
        let share = (endpoints as u128 * u128::from(rules.bound) * weight(gateway)).div_ceil((all * 100).max(1));
        if let Some(entry) = most.get_mut(*gateway as usize) {
            *entry = usize::try_from(share).unwrap_or(usize::MAX);
        }
    }
    most
}

struct Matching<'a, Key> {
    facts: &'a Facts,
    rules: Rules,
    open: &'a [u32],
    ranks: &'a Ranks,
    wishes: &'a [Wish],
    key: &'a Key,
    most: Vec<usize>,
}

/// Whom a gateway has. Most never have more than they may: those need no order.
enum Queue {
    Room(Vec<u32>),
    Full(BinaryHeap<Reverse<Asking>>),
}

impl<Key: Fn(usize) -> u64> Matching<'_, Key> {
    /// From whom everybody asks first, and how many ask each gateway, to whom they get.
    fn settled(&self, mut given: Vec<u32>, loads: &[usize]) -> Vec<u32> {
        let mut queues: Vec<Queue> = loads.iter().map(|load| Queue::Room(Vec::with_capacity(*load))).collect();
        let mut turned_away = Vec::new();
        for (endpoint, gateway) in (0..).zip(&given) {
            turned_away.extend(self.ask(&mut queues, *gateway, endpoint));
        }
        // What each has asked last matters only of those that are turned away.
        let mut asked: Vec<Option<Asked>> = vec![None; given.len()];
        let mut room = Vec::with_capacity(self.open.len());
        while let Some(endpoint) = turned_away.pop() {
            let place = endpoint as usize;
            let (Some(asked), Some(given)) = (asked.get_mut(place), given.get_mut(place)) else { continue };
            *given = NONE;
            let last = asked.unwrap_or_else(|| self.first(place));
            let Some((worth, gateway)) = self.next(place, last, &mut room) else { continue };
            (*asked, *given) = (Some(Asked::Ranked(worth)), gateway);
            turned_away.extend(self.ask(&mut queues, gateway, endpoint));
        }
        given
    }

    /// What an endpoint asks first.
    fn first(&self, endpoint: usize) -> Asked {
        match home(self.facts, self.rules, endpoint) {
            Some(_) => Asked::Home,
            None => {
                let first = self.wishes.get(endpoint).map_or(NONE, |wish| wish.first);
                Asked::Ranked(self.ranks.worth((self.key)(endpoint), first))
            }
        }
    }

    /// The best of those that it has not asked.
    fn next(&self, endpoint: usize, last: Asked, room: &mut Vec<u32>) -> Option<(Worth, u32)> {
        let (key, home) = ((self.key)(endpoint), home(self.facts, self.rules, endpoint));
        let left = |one: &(Worth, u32)| {
            let later = match last {
                Asked::Ranked(last) => one.0 < last,
                Asked::Home => true,
            };
            later && Some(one.1) != home
        };
        let candidates = self.facts.allowed_of(endpoint, self.open, room).iter();
        candidates.map(|gateway| (self.ranks.worth(key, *gateway), *gateway)).filter(left).max()
    }

    /// Who is turned away, if somebody is.
    fn ask(&self, queues: &mut [Queue], gateway: u32, endpoint: u32) -> Option<u32> {
        let most = *self.most.get(gateway as usize)?;
        let queue = queues.get_mut(gateway as usize)?;
        match queue {
            Queue::Room(those) => {
                those.push(endpoint);
                if those.len() <= most {
                    return None;
                }
                let asking = those.iter().map(|endpoint| Reverse(self.asking(gateway, *endpoint)));
                *queue = Queue::Full(asking.collect());
            }
            Queue::Full(those) => those.push(Reverse(self.asking(gateway, endpoint))),
        }
        let Queue::Full(those) = queue else { return None };
        those.pop().map(|Reverse(asking)| asking.endpoint)
    }

    fn asking(&self, gateway: u32, endpoint: u32) -> Asking {
        let place = endpoint as usize;
        Asking {
            here: home(self.facts, self.rules, place) == Some(gateway),
            worth: self.ranks.worth((self.key)(place), gateway),
            tie: tie(self.facts, place),
            endpoint,
        }
    }
}

/// The first address; of an endpoint that has none, its names.
fn tie(facts: &Facts, endpoint: usize) -> u64 {
    match facts.endpoints.address(endpoint) {
        Some(Address { high, low }) => mix(high ^ mix(low)),
        None => text(facts.endpoints.identity.bytes_of(endpoint)) ^ text(facts.endpoints.uid.bytes_of(endpoint)),
    }
}
