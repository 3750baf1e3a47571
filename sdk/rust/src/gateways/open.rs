//! What all distributions have in common: which gateways take endpoints, who keeps a gateway that drains, and the words for those who
//! get none.

use super::{Assignment, Facts, Gateway, Health, NONE};

/// The last reasons of every answer of [`each`].
pub const COMMON: [&str; 3] = [
    "kept: its gateway is draining and takes no new endpoints",
    "no gateway of the policy is usable: each is unhealthy, draining or of weight 0",
    "no usable gateway is allowed for this endpoint",
];
const KEPT: u8 = 0;
const NONE_USABLE: u8 = 1;
const NONE_ALLOWED: u8 = 2;

/// A policy's choice for one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pick {
    pub primary: u32,
    /// [`NONE`]: nobody stands by.
    pub standby: u32,
    /// An index into the policy's own reasons.
    pub reason: u8,
}

impl Gateway {
    /// One of unknown health serves: not to know is no reason to drop traffic.
    #[inline]
    pub fn serves(&self) -> bool {
        self.weight > 0 && self.health != Health::Unhealthy
    }
}

impl Facts {
    /// The gateways that take new endpoints, by the number of their canonical addresses, then by id: the same whatever the order of
    /// the facts.
    pub fn open(&self) -> Vec<u32> {
        let mut open: Vec<u32> = (0..).zip(&self.gateways).filter(|(_, g)| takes(g)).map(|(index, _)| index).collect();
        open.sort_by_key(|index| {
            let gateway = self.gateways.get(*index as usize);
            gateway.map(|g| (g.addresses.first().map(|address| (address.high, address.low)), g.id.as_str()))
        });
        open
    }

    /// The draining gateway that an endpoint has and keeps.
    #[inline]
    pub fn kept(&self, endpoint: usize) -> Option<u32> {
        let previous = self.endpoints.previous(endpoint)?;
        let gateway = self.gateways.get(previous as usize)?;
        (gateway.draining && gateway.serves() && self.allows(endpoint, previous)).then_some(previous)
    }

    /// The gateway that an endpoint has and may stay at: one that takes endpoints, and that it may use.
    #[inline]
    pub fn home(&self, endpoint: usize) -> Option<u32> {
        let home = self.endpoints.previous(endpoint)?;
        let gateway = self.gateways.get(home as usize)?;
        (takes(gateway) && self.allows(endpoint, home)).then_some(home)
    }

    /// Of `open` those that this endpoint may use, in their order. `room` is where they are put when they are not all.
    #[inline]
    pub fn allowed_of<'a>(&self, endpoint: usize, open: &'a [u32], room: &'a mut Vec<u32>) -> &'a [u32] {
        if self.allowed.is_empty() {
            return open;
        }
        room.clear();
        room.extend(open.iter().copied().filter(|gateway| self.allows(endpoint, *gateway)));
        room
    }
}

#[inline]
fn takes(gateway: &Gateway) -> bool {
    gateway.serves() && !gateway.draining
}

/// An answer for every endpoint. `pick` chooses among the gateways of `open` that the endpoint may use, of which there is one at least;
/// for an endpoint whose gateway drains its choice stands by. `reasons` are the policy's own.
pub fn each(facts: &Facts, open: &[u32], reasons: &[&str], mut pick: impl FnMut(usize, &[u32]) -> Pick) -> Assignment {
    let count = facts.endpoints.len();
    let own = u8::try_from(reasons.len()).unwrap_or(u8::MAX);
    let mut answer = Assignment {
        primary: Vec::with_capacity(count),
        standby: Vec::with_capacity(count),
        reason: Vec::with_capacity(count),
        reasons: reasons.iter().chain(&COMMON).map(|reason| (*reason).to_owned()).collect(),
        attributes: Vec::new(),
    };
    let mut room = Vec::with_capacity(open.len());
    for endpoint in 0..count {
        let candidates = facts.allowed_of(endpoint, open, &mut room);
        let none = if open.is_empty() { NONE_USABLE } else { NONE_ALLOWED };
        let picked = match candidates.is_empty() {
            true => Pick { primary: NONE, standby: NONE, reason: own.saturating_add(none) },
            false => pick(endpoint, candidates),
        };
        let Pick { primary, standby, reason } = match facts.kept(endpoint) {
            Some(kept) => Pick { primary: kept, standby: picked.primary, reason: own.saturating_add(KEPT) },
            None => picked,
        };
        answer.primary.push(primary);
        answer.standby.push(standby);
        answer.reason.push(reason);
    }
    answer
}

/// Of several candidates one beside the primary, by a hash: those that leave a gateway together do not all go to one other.
pub fn beside(candidates: &[u32], primary: u32, hash: u64) -> u32 {
    let others = candidates.iter().filter(|gateway| **gateway != primary).count();
    let Some(place) = hash.checked_rem(others as u64) else { return NONE };
    let mut rest = candidates.iter().copied().filter(|gateway| *gateway != primary);
    rest.nth(place as usize).unwrap_or(NONE)
}
