//! gateway-distribution: the 32-bit FNV-1a hash of the endpoint's UID modulo the number of gateways, in the order of their addresses, as
//! Cilium's several gateways do it.

use nicety_policy_sdk::{
    Denial,
    gateways::{
        Assignment, Facts, NONE,
        hash::{fnv1a_32, mix},
        open::{Pick, beside, each},
    },
};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What is hashed.
    key: Key,
}

/// What tells endpoints apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
enum Key {
    /// The Kubernetes UID: another one for each pod that is made.
    #[default]
    Uid,
    /// Namespace, owner and ordinal: the same for a pod that is made again in the place of one before.
    Identity,
}

nicety_policy_sdk::policy! {
    kind: gateway-distribution,
    name: "hash-mod",
    summary: "the FNV-1a hash of the endpoint's UID modulo the number of gateways",
    config: Config,
    decide: decide,
}

const REASONS: [&str; 1] = ["by the hash of its key modulo the number of gateways"];

/// Answers for every endpoint; it never denies.
pub fn decide(config: &Config, facts: &Facts) -> Result<Assignment, Denial> {
    let endpoints = &facts.endpoints;
    Ok(each(facts, &facts.open(), &REASONS, |endpoint, candidates| {
        let key = match config.key {
            Key::Uid => endpoints.uid.bytes_of(endpoint),
            Key::Identity => endpoints.identity.bytes_of(endpoint),
        };
        let hash = fnv1a_32(key);
        let place = (hash as usize).checked_rem(candidates.len()).unwrap_or_default();
        let primary = candidates.get(place).copied().unwrap_or(NONE);
        Pick { primary, standby: beside(candidates, primary, mix(u64::from(hash))), reason: 0 }
    }))
}

#[cfg(test)]
mod tests;
