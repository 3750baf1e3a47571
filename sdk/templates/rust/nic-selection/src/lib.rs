//! nic-selection: the NICs that are up and fast enough, the fastest first.

use std::cmp::Reverse;

use nicety_policy_sdk::{
    Denial,
    nic_selection::{Facts, LinkState, Selection},
};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Config {
    /// Bits per second below which a NIC is dropped. A NIC of unknown speed counts as 0.
    pub least_speed: u64,
}

nicety_policy_sdk::policy! {
    kind: nic-selection,
    name: "my-policy",
    summary: "the NICs that are up and fast enough, the fastest first",
    config: Config,
    decide: decide,
}

/// Every candidate is chosen or dropped, with a reason for the decision record. Of NICs that are equally fast, the one with less
/// bandwidth promised to others is first.
pub fn decide(config: &Config, facts: &Facts) -> Result<Selection, Denial> {
    let mut selection = Selection::default();
    let mut fit = Vec::new();
    for (candidate, nic) in facts.indexed() {
        let speed = nic.speed.unwrap_or(0);
        if nic.state == LinkState::Down {
            selection.drop(candidate, "its link is down");
        } else if speed < config.least_speed {
            selection.drop(candidate, format!("{speed} bit/s is less than {}", config.least_speed));
        } else {
            fit.push((Reverse(speed), nic.promised, candidate));
        }
    }
    fit.sort();
    for (Reverse(speed), promised, candidate) in fit {
        selection.choose(candidate, format!("{speed} bit/s, of which {promised} are promised"));
    }
    Ok(selection)
}

#[cfg(test)]
mod tests {
    use nicety_policy_sdk::{facts, nic_selection::Nic};

    use super::*;

    fn nic(name: &str, speed: u64, promised: u64) -> Nic {
        Nic { speed: Some(speed), promised, ..facts::nic(name) }
    }

    fn chosen(config: &Config, nics: impl IntoIterator<Item = Nic>) -> Vec<u32> {
        let selection = decide(config, &facts::selection(nics)).unwrap();
        selection.chosen.iter().map(|choice| choice.candidate).collect()
    }

    #[test]
    fn the_fastest_is_first_and_of_equals_the_least_promised() {
        let nics = [nic("eth1", 10, 0), nic("eth2", 100, 50), nic("eth3", 100, 0)];
        assert_eq!(chosen(&Config::default(), nics), [2, 1, 0]);
    }

    #[test]
    fn what_is_too_slow_or_down_is_dropped() {
        let down = Nic { state: LinkState::Down, ..nic("eth3", 100, 0) };
        let nics = [nic("eth1", 10, 0), nic("eth2", 100, 0), down, facts::nic("eth4")];
        assert_eq!(chosen(&Config { least_speed: 50 }, nics), [1]);
    }
}
