//! nic-selection: fast NICs first.

use nicety_policy_sdk::{
    Denial,
    nic_selection::{Facts, Selection},
};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Bits per second below which a NIC is dropped.
    pub least: u64,
}

nicety_policy_sdk::policy! {
    kind: nic-selection,
    name: "fast-first",
    summary: "fast NICs first",
    config: Config,
    decide: decide,
}

pub fn decide(config: &Config, facts: &Facts) -> Result<Selection, Denial> {
    let mut selection = Selection::default();
    let mut order: Vec<(u64, u32)> = facts.indexed().map(|(n, nic)| (nic.speed.unwrap_or(0), n)).collect();
    order.sort_by_key(|(speed, _)| std::cmp::Reverse(*speed));
    for (speed, candidate) in order {
        if speed < config.least {
            selection.drop(candidate, format!("{speed} bit/s is less than {}", config.least));
        } else {
            selection.choose(candidate, format!("{speed} bit/s"));
        }
    }
    Ok(selection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nicety_policy_sdk::{facts, nic_selection::Nic};

    #[test]
    fn the_fastest_nic_is_first() {
        let nic = |name, speed| Nic { speed: Some(speed), ..facts::nic(name) };
        let facts = facts::selection([nic("eth1", 10), nic("eth2", 100)]);
        assert_eq!(decide(&Config::default(), &facts).unwrap().chosen[0].candidate, 1);
    }
}
