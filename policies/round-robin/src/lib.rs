//! gateway-distribution: endpoints and gateways in the order of their canonical addresses' texts; endpoint `i` leaves through
//! gateway `i` modulo their number.

mod order;

use nicety_policy_sdk::{
    Denial,
    gateways::{Assignment, Facts, NONE, open::COMMON},
};
use serde::Deserialize;

/// It takes no settings.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Config {}

nicety_policy_sdk::policy! {
    kind: gateway-distribution,
    name: "round-robin",
    summary: "endpoints and gateways in order of their addresses' texts, endpoint i to gateway i modulo their number",
    config: Config,
    decide: decide,
}

/// Why an endpoint has its gateway, or none; the answer names them by place.
const REASONS: [&str; 4] = ["in turn, by the order of addresses", COMMON[0], COMMON[1], COMMON[2]];
const IN_TURN: u8 = 0;
const KEPT: u8 = 1;
const NONE_USABLE: u8 = 2;
const NONE_ALLOWED: u8 = 3;

/// Answers for every endpoint; it never denies.
pub fn decide(_: &Config, facts: &Facts) -> Result<Assignment, Denial> {
    let count = facts.endpoints.len();
    let usable = usable(facts);
    let mut assignment = Assignment {
        primary: vec![NONE; count],
        standby: vec![NONE; count],
        reason: vec![NONE_USABLE; count],
        reasons: REASONS.map(str::to_owned).to_vec(),
        attributes: Vec::new(),
    };
    let mut allowed = Vec::with_capacity(usable.len());
    for (place, endpoint) in order::endpoints(&facts.endpoints).into_iter().enumerate() {
        let endpoint = endpoint as usize;
        let (mut primary, mut standby, mut reason) = if facts.allowed.is_empty() {
            in_turn(&usable, place, NONE_USABLE)
        } else {
            allowed.clear();
            allowed.extend(usable.iter().copied().filter(|gateway| facts.allows(endpoint, *gateway)));
            in_turn(&allowed, place, if usable.is_empty() { NONE_USABLE } else { NONE_ALLOWED })
        };
        if let Some(kept) = facts.kept(endpoint) {
            (primary, standby, reason) = (kept, primary, KEPT);
        }
        set(&mut assignment.primary, endpoint, primary);
        set(&mut assignment.standby, endpoint, standby);
        set(&mut assignment.reason, endpoint, reason);
    }
    Ok(assignment)
}

/// The gateway whose turn it is at this place, the next one to stand by, and why.
fn in_turn(gateways: &[u32], place: usize, otherwise: u8) -> (u32, u32, u8) {
    let at = |place: usize| place.checked_rem(gateways.len()).and_then(|turn| gateways.get(turn)).copied();
    let standby = if gateways.len() > 1 { at(place + 1) } else { None };
    at(place).map_or((NONE, NONE, otherwise), |primary| (primary, standby.unwrap_or(NONE), IN_TURN))
}

/// The gateways that take new endpoints, in order. One of unknown health is used: not to know is no reason to drop traffic.
fn usable(facts: &Facts) -> Vec<u32> {
    order::gateways(&facts.gateways)
        .into_iter()
        .filter(|index| {
            facts.gateways.get(*index as usize).is_some_and(|gateway| gateway.serves() && !gateway.draining)
        })
        .collect()
}

fn set<T>(list: &mut [T], place: usize, value: T) {
    if let Some(entry) = list.get_mut(place) {
        *entry = value;
    }
}

#[cfg(test)]
mod tests;
