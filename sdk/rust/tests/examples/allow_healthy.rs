//! gateway-filter: gateways of at least some weight, and healthy ones alone. Its config is that of the other example.

use nicety_policy_sdk::{
    Denial,
    gateways::{Facts, Gateway, Health},
};

use crate::fast_first::Config;

nicety_policy_sdk::policy! {
    kind: gateway-filter,
    name: "allow-healthy",
    summary: "healthy gateways",
    config: Config,
    requires: ["tenant"],
    wants: ["target"],
    validate: rules,
    decide: decide,
}

fn rules(config: &Config) -> Vec<String> {
    let nothing = config.least == 0;
    if nothing { vec!["`least` is 0 and would allow nothing to be dropped".to_owned()] } else { Vec::new() }
}

fn decide(config: &Config, facts: &Facts) -> Result<Vec<u64>, Denial> {
    let healthy = |gateway: &Gateway| gateway.health == Health::Healthy;
    Ok(facts.filtered(|_, _, gateway| healthy(gateway) && u64::from(gateway.weight) >= config.least))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nicety_policy_sdk::facts;

    #[test]
    fn an_unhealthy_gateway_is_no_longer_allowed() {
        let sick = Gateway { health: Health::Unhealthy, ..facts::gateway("g2", "192.168.1.2") };
        let gateways = [facts::gateway("g1", "192.168.1.1"), sick];
        let facts = facts::gateways(gateways, facts::endpoints(&[("ns/a", "10.0.0.1"), ("ns/b", "10.0.0.2")]));
        assert_eq!((definition().decide)(r#"{"least": 1}"#, &facts).unwrap(), [0b01, 0b01]);
        assert_eq!((definition().decide)("[]", &facts).unwrap_err().code, "invalid-config");
    }
}
