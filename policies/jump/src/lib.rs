//! gateway-distribution: the jump consistent hash of the endpoint's key over the gateways in the order of their addresses. Growing and
//! shrinking at the end of that order moves as little as can be.

use nicety_policy_sdk::{
    Denial,
    gateways::{
        Assignment, Facts, NONE,
        hash::{fnv1a_64, mix},
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
    name: "jump",
    summary: "jump consistent hash of the endpoint over the gateways in the order of their addresses",
    config: Config,
    decide: decide,
}

const REASONS: [&str; 1] = ["by the jump consistent hash of its key"];

/// Answers for every endpoint; it never denies.
pub fn decide(config: &Config, facts: &Facts) -> Result<Assignment, Denial> {
    let endpoints = &facts.endpoints;
    Ok(each(facts, &facts.open(), &REASONS, |endpoint, candidates| {
        let key = match config.key {
            Key::Uid => endpoints.uid.bytes_of(endpoint),
            Key::Identity => endpoints.identity.bytes_of(endpoint),
        };
        let hash = fnv1a_64(key);
        let primary = candidates.get(jump(hash, candidates.len())).copied().unwrap_or(NONE);
        Pick { primary, standby: beside(candidates, primary, mix(hash)), reason: 0 }
    }))
}

/// Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm" (arXiv 1406.2294): a bucket below `buckets`. Products and
/// quotients of this precision are the same on every processor.
fn jump(mut key: u64, buckets: usize) -> usize {
    let (mut bucket, mut next) = (0_u64, 0_u64);
    while next < buckets as u64 {
        bucket = next;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        let stretch = (1_u64 << 31) as f64 / ((key >> 33) + 1) as f64;
        next = ((bucket + 1) as f64 * stretch) as u64;
    }
    bucket as usize
}

#[cfg(test)]
mod tests;
