//! gateway-distribution: endpoints stay where they are as long as they may; the others go to the gateway with the least load for its
//! weight.

use std::cmp::Reverse;

use nicety_policy_sdk::{
    Denial,
    gateways::{
        Assignment, Facts, NONE,
        hash::{fnv1a_64, mix},
        open::{Pick, beside, each},
    },
};
use serde::Deserialize;

/// It takes no settings.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Config {}

nicety_policy_sdk::policy! {
    kind: gateway-distribution,
    name: "least-loaded",
    summary: "endpoints stay where they are; new ones go to the gateway with the least load for its weight",
    config: Config,
    decide: decide,
}

const REASONS: [&str; 2] = ["kept: it is here already", "it has the least load for its weight"];
const STAYS: u8 = 0;
const LEAST: u8 = 1;

/// Answers for every endpoint; it never denies.
pub fn decide(_: &Config, facts: &Facts) -> Result<Assignment, Denial> {
    let open = facts.open();
    let given = given(facts, &open);
    Ok(each(facts, &open, &REASONS, |endpoint, candidates| {
        let hash = mix(fnv1a_64(facts.endpoints.identity.bytes_of(endpoint)));
        let given = given.get(endpoint).copied().unwrap_or(NONE);
        // Whose gateway drains has it in any case; what is chosen here stands by for it.
        let primary = if facts.kept(endpoint).is_some() { beside(candidates, given, hash) } else { given };
        let reason = if facts.endpoints.previous(endpoint) == Some(primary) { STAYS } else { LEAST };
        Pick { primary, standby: beside(candidates, primary, hash), reason }
    }))
}

/// First those who stay, then the others in the order of their names, each where least is.
fn given(facts: &Facts, open: &[u32]) -> Vec<u32> {
    let count = facts.endpoints.len();
    let (mut given, mut loads) = (vec![NONE; count], Loads::of(facts));
    let mut homeless = Vec::new();
    for (endpoint, entry) in given.iter_mut().enumerate() {
        // One that drains counts too: it is no less loaded for it.
        match facts.home(endpoint).or_else(|| facts.kept(endpoint)) {
            Some(home) => {
                *entry = home;
                loads.one_more(home);
            }
            None => homeless.push(endpoint),
        }
    }
    let name =
        |endpoint: &usize| (facts.endpoints.identity.bytes_of(*endpoint), facts.endpoints.uid.bytes_of(*endpoint));
    homeless.sort_unstable_by(|one, other| name(one).cmp(&name(other)));
    let mut room = Vec::with_capacity(open.len());
    for endpoint in homeless {
        let least = loads.least(facts.allowed_of(endpoint, open, &mut room));
        if let (Some(least), Some(entry)) = (least, given.get_mut(endpoint)) {
            *entry = least;
            loads.one_more(least);
        }
    }
    given
}

/// Endpoints and weight by index of a gateway.
struct Loads(Vec<(u64, u64)>);

impl Loads {
    fn of(facts: &Facts) -> Loads {
        Loads(facts.gateways.iter().map(|gateway| (0, u64::from(gateway.weight))).collect())
    }

    fn one_more(&mut self, gateway: u32) {
        if let Some((load, _)) = self.0.get_mut(gateway as usize) {
            *load += 1;
        }
    }

    /// Where one more would weigh least; of several the one of most weight, then the first in order.
    fn least(&self, candidates: &[u32]) -> Option<u32> {
        let of = |gateway: u32| self.0.get(gateway as usize).copied().unwrap_or_default();
        candidates.iter().copied().reduce(|best, other| {
            let ((load, weight), (other_load, other_weight)) = (of(best), of(other));
            // (load + 1) / weight, without dividing.
            let (ours, theirs) = ((load + 1) * other_weight, (other_load + 1) * weight);
            if (theirs, Reverse(other_weight)) < (ours, Reverse(weight)) { other } else { best }
        })
    }
}

#[cfg(test)]
mod tests;
