//! gateway-distribution: each endpoint keeps its gateway, and new ones go to the gateway with the least load for its weight.

use nicety_policy_sdk::{
    Denial,
    gateways::{Assignment, Facts, Gateway, Health, NONE},
};
use serde::Deserialize;

const KEPT: u8 = 0;
const LEAST_LOADED: u8 = 1;
const NO_GATEWAY: u8 = 2;

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Config {
    /// An endpoint stays with the gateway that it has while that is usable.
    pub sticky: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config { sticky: true }
    }
}

nicety_policy_sdk::policy! {
    kind: gateway-distribution,
    name: "my-policy",
    summary: "the gateway with the least load for its weight; endpoints keep theirs",
    config: Config,
    decide: decide,
}

pub fn decide(config: &Config, facts: &Facts) -> Result<Assignment, Denial> {
    let endpoints = &facts.endpoints;
    let mut primary = vec![NONE; endpoints.len()];
    let mut reason = vec![NO_GATEWAY; endpoints.len()];
    let mut load = vec![0_u64; facts.gateways.len()];
    for (endpoint, place) in primary.iter_mut().enumerate().filter(|_| config.sticky) {
        let previous = endpoints.previous(endpoint).filter(|gateway| facts.allows(endpoint, *gateway));
        if let Some(gateway) = previous.filter(|gateway| facts.gateways.get(*gateway as usize).is_some_and(usable)) {
            *place = gateway;
            reason[endpoint] = KEPT;
            load[gateway as usize] += 1;
        }
    }
    // By identity, so that the order in which endpoints are listed does not matter.
    let mut new: Vec<usize> = (0..endpoints.len()).filter(|endpoint| primary[*endpoint] == NONE).collect();
    new.sort_by_key(|endpoint| endpoints.identity.bytes_of(*endpoint));
    for endpoint in new {
        if let Some(gateway) = least_loaded(facts, endpoint, &load, NONE) {
            primary[endpoint] = gateway;
            reason[endpoint] = LEAST_LOADED;
            load[gateway as usize] += 1;
        }
    }
    let standby = (0..).zip(&primary).map(|(endpoint, primary)| match *primary {
        NONE => NONE,
        primary => least_loaded(facts, endpoint, &load, primary).unwrap_or(NONE),
    });
    Ok(Assignment {
        standby: standby.collect(),
        primary,
        reason,
        reasons: ["kept", "the least load for its weight", "no usable gateway is allowed"].map(str::to_owned).into(),
        ..Assignment::default()
    })
}

fn usable(gateway: &Gateway) -> bool {
    gateway.health != Health::Unhealthy && gateway.weight > 0
}

/// The gateway whose load, with one endpoint more, is the smallest share of its weight. Of equals the first by id.
fn least_loaded(facts: &Facts, endpoint: usize, load: &[u64], but: u32) -> Option<u32> {
    let open = (0_u32..).zip(&facts.gateways).filter(|(index, gateway)| {
        *index != but && usable(gateway) && !gateway.draining && facts.allows(endpoint, *index)
    });
    let least = open.min_by(|(a, one), (b, other)| {
        let of_one = (load[*a as usize] + 1) * u64::from(other.weight);
        let of_other = (load[*b as usize] + 1) * u64::from(one.weight);
        of_one.cmp(&of_other).then_with(|| one.id.cmp(&other.id))
    });
    least.map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use nicety_policy_sdk::facts;

    use super::*;

    /// Gateways of weights 2 and 1, and four endpoints.
    fn facts() -> Facts {
        let heavy = Gateway { weight: 2, ..facts::gateway("g0", "192.0.2.1") };
        let list = [("a", "10.0.0.1"), ("b", "10.0.0.2"), ("c", "10.0.0.3"), ("d", "10.0.0.4")];
        facts::gateways([heavy, facts::gateway("g1", "192.0.2.2")], facts::endpoints(&list))
    }

    #[test]
    fn endpoints_are_shared_out_by_weight() {
        let assignment = decide(&Config::default(), &facts()).unwrap();
        assert_eq!(assignment.primary, [0, 0, 1, 0]);
        assert_eq!(assignment.standby, [1, 1, 0, 1]);
    }

    #[test]
    fn an_endpoint_stays_where_it_is() {
        let mut facts = facts();
        facts.endpoints.previous = vec![1, 1, 1, NONE];
        assert_eq!(decide(&Config::default(), &facts).unwrap().primary, [1, 1, 1, 0]);
        assert_eq!(decide(&Config { sticky: false }, &facts).unwrap().primary, [0, 0, 1, 0]);
    }

    #[test]
    fn a_draining_gateway_takes_no_new_endpoint() {
        let mut facts = facts();
        facts.gateways[0].draining = true;
        facts.endpoints.previous[0] = 0;
        assert_eq!(decide(&Config::default(), &facts).unwrap().primary, [0, 1, 1, 1]);
    }

    #[test]
    fn without_a_usable_gateway_the_reason_says_so() {
        let mut facts = facts();
        facts.gateways.iter_mut().for_each(|gateway| gateway.health = Health::Unhealthy);
        let assignment = decide(&Config::default(), &facts).unwrap();
        assert_eq!(assignment.primary, [NONE; 4]);
        assert_eq!(assignment.reasons[usize::from(assignment.reason[0])], "no usable gateway is allowed");
    }
}
