//! gateway-filter: the gateways of the endpoint's own zone, strictly or first, with the region between the zone and the rest.

use std::collections::BTreeMap;

use nicety_policy_sdk::{
    Denial,
    gateways::{Facts, Gateway, NONE},
};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What the endpoint's zone decides.
    mode: Mode,
    /// With `localPriority`: so many gateways are used, the nearest first; 0 is all.
    active: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
enum Mode {
    /// Nothing.
    Disabled,
    /// Gateways of the zone and no others: without one the traffic is dropped.
    LocalOnly,
    /// Gateways of the zone while one of them is usable, then those of its region, then all.
    #[default]
    LocalOnlyFirst,
    /// `active` gateways: those of the zone, then of its region, then others.
    LocalPriority,
}

nicety_policy_sdk::policy! {
    kind: gateway-filter,
    name: "zone",
    summary: "gateways of the endpoint's own zone, strictly or first, then of its region, then all",
    config: Config,
    validate: validate,
    decide: decide,
}

/// How far a gateway is from a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Distance {
    Zone,
    Region,
    Elsewhere,
}

/// Never denies. What is not known keeps nobody from anything: an endpoint of no known zone has all gateways.
pub fn decide(config: &Config, facts: &Facts) -> Result<Vec<u64>, Denial> {
    if config.mode == Mode::Disabled {
        return Ok(facts.filtered(|_, _, _| true));
    }
    let open = facts.open();
    // Endpoints of one zone have the same gateways, as long as no filter before has told them apart.
    let mut of_zone: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    let (mut allowed, mut room) = (Vec::new(), Vec::new());
    for endpoint in 0..facts.endpoints.len() {
        let zone = facts.endpoints.zone.get(endpoint).copied().unwrap_or(NONE);
        let mut near = || words(&nearest(config, facts, zone, facts.allowed_of(endpoint, &open, &mut room)));
        let row = match facts.allowed.is_empty() {
            true => of_zone.entry(zone).or_insert_with(near).clone(),
            false => near(),
        };
        let kept = facts.kept(endpoint).filter(|kept| {
            config.mode != Mode::LocalOnly || zone == NONE || distance(facts, zone, *kept) == Distance::Zone
        });
        for (word, bits) in (0..).zip(row) {
            let kept = kept.filter(|kept| kept / 64 == word).map_or(0, |kept| 1 << (kept % 64));
            allowed.push((bits | kept) & before(facts, endpoint, word));
        }
    }
    Ok(allowed)
}

/// Which of all gateways an endpoint of this zone may use. `open`: those that it may use so far and that take endpoints.
fn nearest(config: &Config, facts: &Facts, zone: u32, open: &[u32]) -> Vec<bool> {
    let all = || (0..).zip(&facts.gateways).map(|(index, _): (u32, &Gateway)| index);
    let within = |most: Distance| all().map(|gateway| distance(facts, zone, gateway) <= most).collect();
    match if zone == NONE { Mode::Disabled } else { config.mode } {
        Mode::Disabled => vec![true; facts.gateways.len()],
        Mode::LocalOnly => within(Distance::Zone),
        Mode::LocalOnlyFirst => {
            let nearest = open.iter().map(|gateway| distance(facts, zone, *gateway)).min();
            within(nearest.unwrap_or(Distance::Elsewhere))
        }
        Mode::LocalPriority => {
            let mut order: Vec<u32> = open.to_vec();
            order.sort_by_key(|gateway| distance(facts, zone, *gateway));
            if config.active > 0 {
                order.truncate(config.active as usize);
            }
            all().map(|gateway| order.contains(&gateway)).collect()
        }
    }
}

fn distance(facts: &Facts, zone: u32, gateway: u32) -> Distance {
    let of = facts.gateways.get(gateway as usize).map_or(NONE, |gateway| gateway.zone);
    let region = |zone: u32| facts.zone_region.get(zone as usize).copied().filter(|region| *region != NONE);
    if of != NONE && of == zone {
        Distance::Zone
    } else if region(of).is_some_and(|region_of| region(zone) == Some(region_of)) {
        Distance::Region
    } else {
        Distance::Elsewhere
    }
}

/// What the filters before have left of a word.
fn before(facts: &Facts, endpoint: usize, word: u32) -> u64 {
    let words = facts.gateways.len().div_ceil(64);
    match facts.allowed.is_empty() {
        true => u64::MAX,
        false => facts.allowed.get(endpoint * words + word as usize).copied().unwrap_or_default(),
    }
}

fn words(gateways: &[bool]) -> Vec<u64> {
    let word = |chunk: &[bool]| (0_u32..).zip(chunk).fold(0, |bits, (bit, on)| bits | u64::from(*on) << bit);
    gateways.chunks(64).map(word).collect()
}

fn validate(config: &Config) -> Vec<String> {
    match (config.mode, config.active) {
        (Mode::LocalPriority, _) | (_, 0) => Vec::new(),
        _ => vec!["active: has a meaning with `mode: localPriority` alone".to_owned()],
    }
}

#[cfg(test)]
mod tests;
