//! gateway-distribution: weighted rendezvous hashing with a bound on each gateway's load, and endpoints that stay where they may.

use nicety_policy_sdk::{
    Denial,
    gateways::{
        Assignment, Facts,
        hash::text,
        rendezvous::{Rules, assign},
    },
};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Config {
    /// Most endpoints of a gateway, in percent of its fair share by weight; 0 sets no bound.
    #[cfg_attr(test, schemars(range(max = 10000)))]
    bound_percent: u32,
    /// An endpoint stays where it is as long as that gateway may have it.
    sticky: bool,
    /// What is hashed.
    key: Key,
}

impl Default for Config {
    fn default() -> Config {
        Config { bound_percent: 125, sticky: true, key: Key::Uid }
    }
}

/// What tells endpoints apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
enum Key {
    /// The Kubernetes UID: another one for each pod that is made. The identity where there is none.
    #[default]
    Uid,
    /// Namespace, owner and ordinal: the same for a pod that is made again in the place of one before.
    Identity,
}

nicety_policy_sdk::policy! {
    kind: gateway-distribution,
    name: "rendezvous",
    summary: "weighted rendezvous hashing with bounded loads; an endpoint stays where it may",
    config: Config,
    validate: validate,
    decide: decide,
}

/// Answers for every endpoint; it never denies.
pub fn decide(config: &Config, facts: &Facts) -> Result<Assignment, Denial> {
    let rules = Rules { bound: config.bound_percent, sticky: config.sticky };
    let endpoints = &facts.endpoints;
    Ok(assign(facts, rules, |endpoint| {
        text(match (config.key, endpoints.uid.bytes_of(endpoint)) {
            // Machines alone know no UIDs; without anything that tells endpoints apart all would want the same gateway.
            (Key::Identity, _) | (Key::Uid, []) => endpoints.identity.bytes_of(endpoint),
            (Key::Uid, uid) => uid,
        })
    }))
}

fn validate(config: &Config) -> Vec<String> {
    match config.bound_percent {
        1..100 => {
            vec!["boundPercent: less than 100 leaves endpoints without a gateway; hint: 125, or 0 for none".to_owned()]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
