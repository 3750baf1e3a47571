//! Who gets which gateway when not everybody can have their first choice: endpoints ask in their order, a full gateway turns away the
//! one that it wants least.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{Ranks, Rules, Wish, Worth, home};
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
    Nobody,
    Home,
    /// By its order, not by its being there.
    Ranked(Worth),
}

/// Per endpoint its gateway; [`NONE`] where all are full, or none may be used.
pub(super) fn given(facts: &Facts, rules: Rules, open: &[u32], ranks: &Ranks, wishes: &[Wish]) -> Vec<u32> {
    let mut room = Vec::with_capacity(open.len());
    let mut given = vec![NONE; wishes.len()];
    let mut asked = vec![Asked::Nobody; wishes.len()];
    // Those whose gateway drains ask nobody else.
    let asks = |(endpoint, wish): &(u32, &Wish)| wish.first != NONE && facts.kept(*endpoint as usize).is_none();
    let mut asking: Vec<u32> = (0..).zip(wishes).filter(asks).map(|(endpoint, _)| endpoint).collect();
    // Those whose gateway drains count: they will ask the others one day, and the others' own must not make room for that by going.
    let shared = wishes.iter().filter(|wish| wish.first != NONE).count();
    let mut shares = Shares::of(rules, open, ranks, shared);
    while let Some(endpoint) = asking.pop() {
        let place = endpoint as usize;
        let (Some(wish), Some(asked), Some(given_now)) =
            (wishes.get(place), asked.get_mut(place), given.get_mut(place))
        else {
            continue;
        };
        let home = home(facts, rules, place);
        let ranked = |gateway: u32| (ranks.worth(wish.key, gateway), gateway);
        let next = match (*asked, home) {
            (Asked::Nobody, Some(home)) => Some((ranked(home), Asked::Home)),
            (Asked::Nobody, None) => Some(ranked(wish.first)).map(|next| (next, Asked::Ranked(next.0))),
            (last, home) => {
                let left = |one: &(Worth, u32)| {
                    let later = match last {
                        Asked::Ranked(last) => one.0 < last,
                        Asked::Home | Asked::Nobody => true,
                    };
                    later && Some(one.1) != home
                };
                let candidates = facts.allowed_of(place, open, &mut room).iter().copied();
                candidates.map(ranked).filter(left).max().map(|next| (next, Asked::Ranked(next.0)))
            }
        };
        let Some(((worth, gateway), now)) = next else { continue };
        (*asked, *given_now) = (now, gateway);
        let tie = tie(facts, place);
        if let Some(out) = shares.ask(gateway, Asking { here: home == Some(gateway), worth, tie, endpoint }) {
            if let Some(entry) = given.get_mut(out as usize) {
                *entry = NONE;
            }
            asking.push(out);
        }
    }
    given
}

/// The first address; of an endpoint that has none, its names.
fn tie(facts: &Facts, endpoint: usize) -> u64 {
    match facts.endpoints.address(endpoint) {
        Some(Address { high, low }) => mix(high ^ mix(low)),
        None => text(facts.endpoints.identity.bytes_of(endpoint)) ^ text(facts.endpoints.uid.bytes_of(endpoint)),
    }
}

/// What each gateway may have, and who has it.
struct Shares {
    /// By index of a gateway. None: no bound.
    most: Vec<Option<usize>>,
    queues: Vec<Queue>,
}

/// Most gateways never have more than they may: those need no order.
enum Queue {
    Room(Vec<Reverse<Asking>>),
    Full(BinaryHeap<Reverse<Asking>>),
}

impl Shares {
    fn of(rules: Rules, open: &[u32], ranks: &Ranks, endpoints: usize) -> Shares {
        let weight = |gateway: &u32| u128::from(ranks.weight(*gateway));
        let all: u128 = open.iter().map(weight).sum();
        let mut most = vec![None; ranks.all.len()];
        for gateway in open.iter().filter(|_| rules.bound > 0) {
            let share = (endpoints as u128 * u128::from(rules.bound) * weight(gateway)).div_ceil((all * 100).max(1));
            if let Some(entry) = most.get_mut(*gateway as usize) {
                *entry = Some(usize::try_from(share).unwrap_or(usize::MAX));
            }
        }
        Shares { most, queues: ranks.all.iter().map(|_| Queue::Room(Vec::new())).collect() }
    }

    /// Who is turned away, if somebody is.
    fn ask(&mut self, gateway: u32, asking: Asking) -> Option<u32> {
        let most = self.most.get(gateway as usize).copied().flatten()?;
        let queue = self.queues.get_mut(gateway as usize)?;
        match queue {
            Queue::Room(those) => {
                those.push(Reverse(asking));
                if those.len() <= most {
                    return None;
                }
                *queue = Queue::Full(BinaryHeap::from(std::mem::take(those)));
            }
            Queue::Full(those) => those.push(Reverse(asking)),
        }
        let Queue::Full(those) = queue else { return None };
        those.pop().map(|Reverse(asking)| asking.endpoint)
    }
}
