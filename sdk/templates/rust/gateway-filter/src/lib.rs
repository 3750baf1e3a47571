//! gateway-filter: gateways in the zone of the endpoint, as long as there is one.

use nicety_policy_sdk::{
    Denial,
    gateways::{Facts, Gateway, Health, NONE},
};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Config {
    /// What an endpoint may use that has no healthy gateway in its zone.
    pub otherwise: Otherwise,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Otherwise {
    /// Every gateway that it might use before.
    #[default]
    Any,
    /// None: its traffic is dropped rather than carried to another zone.
    None,
}

nicety_policy_sdk::policy! {
    kind: gateway-filter,
    name: "my-policy",
    summary: "gateways in the zone of the endpoint, as long as there is one",
    config: Config,
    decide: decide,
}

pub fn decide(config: &Config, facts: &Facts) -> Result<Vec<u64>, Denial> {
    let near = |endpoint: usize, gateway: &Gateway| {
        let zone = facts.endpoints.zone.get(endpoint).copied().unwrap_or(NONE);
        zone != NONE && gateway.zone == zone && gateway.health != Health::Unhealthy
    };
    let has_near = |endpoint: usize| {
        (0..).zip(&facts.gateways).any(|(index, gateway)| facts.allows(endpoint, index) && near(endpoint, gateway))
    };
    let alone: Vec<bool> = (0..facts.endpoints.len()).map(|endpoint| !has_near(endpoint)).collect();
    let any = |endpoint: usize| config.otherwise == Otherwise::Any && alone.get(endpoint) == Some(&true);
    Ok(facts.filtered(|endpoint, _, gateway| near(endpoint, gateway) || any(endpoint)))
}

#[cfg(test)]
mod tests {
    use nicety_policy_sdk::facts;

    use super::*;

    /// Gateways in zones 0 and 1, endpoints in zones 0 and 2.
    fn facts() -> Facts {
        let gateway = |id, zone| Gateway { zone, ..facts::gateway(id, "192.0.2.1") };
        let mut endpoints = facts::endpoints(&[("a", "10.0.0.1"), ("b", "10.0.0.2")]);
        endpoints.zone = vec![0, 2];
        facts::gateways([gateway("g0", 0), gateway("g1", 1)], endpoints)
    }

    #[test]
    fn a_gateway_in_the_zone_is_used_alone() {
        assert_eq!(decide(&Config::default(), &facts()).unwrap(), [0b01, 0b11]);
    }

    #[test]
    fn without_one_none_may_be_used_if_the_config_says_so() {
        assert_eq!(decide(&Config { otherwise: Otherwise::None }, &facts()).unwrap(), [0b01, 0]);
    }

    #[test]
    fn an_unhealthy_gateway_is_as_none() {
        let mut facts = facts();
        facts.gateways[0].health = Health::Unhealthy;
        assert_eq!(decide(&Config::default(), &facts).unwrap(), [0b11, 0b11]);
    }
}
