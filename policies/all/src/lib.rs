//! nic-selection: the masters that were asked for, in their order; without masters, the network's pool in its order.

use nicety_policy_sdk::{
    Denial,
    log::{self, Level},
    nic_selection::{Facts, Selection},
};
use serde::Deserialize;

/// It takes no settings.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Config {}

nicety_policy_sdk::policy! {
    kind: nic-selection,
    name: "all",
    summary: "the masters that were asked for, in their order; without masters, the network's pool in its order",
    config: Config,
    decide: decide,
}

/// Masters that are no candidates are passed over, with a warning; when none is one, the answer is no: a misspelt name must not
/// attach a pod to every NIC.
pub fn decide(_: &Config, facts: &Facts) -> Result<Selection, Denial> {
    let masters = &facts.request.masters;
    let mut selection = Selection::default();
    if masters.is_empty() {
        for (candidate, _) in facts.indexed() {
            selection.choose(candidate, format!("place {} of the pool", candidate + 1));
        }
        return Ok(selection);
    }
    for (place, master) in masters.iter().enumerate() {
        let named = facts.indexed().find(|(_, nic)| nic.name == *master);
        match named {
            Some((candidate, _)) if selection.chosen.iter().any(|choice| choice.candidate == candidate) => {}
            Some((candidate, _)) => selection.choose(candidate, format!("master {} of the request", place + 1)),
            None => log::emit(Level::Warn, &format!("master `{master}` is no candidate and was passed over")),
        }
    }
    if selection.chosen.is_empty() {
        return Err(unknown(facts));
    }
    for (candidate, _) in facts.indexed() {
        if selection.chosen.iter().all(|choice| choice.candidate != candidate) {
            selection.drop(candidate, "not among the masters of the request");
        }
    }
    Ok(selection)
}

fn unknown(facts: &Facts) -> Denial {
    let list = |names: Vec<&str>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let asked: Vec<&str> = facts.request.masters.iter().map(String::as_str).collect();
    let there = list(facts.candidates.iter().map(|nic| nic.name.as_str()).collect());
    let there = if there.is_empty() { "there is none".to_owned() } else { format!("they are {there}") };
    let message =
        format!("no master of the request ({}) is a NIC of this network on this node; {there}", list(asked.clone()));
    Denial::new("unknown-nic", message).about(asked.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nicety_policy_sdk::facts;

    /// The answer to a request with these masters over three NICs: names in order, then those dropped; or the denial's code.
    fn asked(masters: &[&str]) -> Result<(Vec<String>, Vec<String>), Denial> {
        let mut facts = facts::selection(["eth1", "eth2", "eth3"].map(facts::nic));
        facts.request.masters = masters.iter().map(|master| (*master).to_owned()).collect();
        let name = |candidate: u32| facts.candidates[candidate as usize].name.clone();
        decide(&Config {}, &facts).map(|selection| {
            let chosen = selection.chosen.iter().map(|choice| name(choice.candidate)).collect();
            (chosen, selection.dropped.iter().map(|verdict| name(verdict.candidate)).collect())
        })
    }

    #[test]
    fn without_masters_the_pool_is_taken_in_order() {
        assert_eq!(asked(&[]).unwrap().0, ["eth1", "eth2", "eth3"]);
    }

    #[test]
    fn masters_are_taken_in_their_order_and_once() {
        let (chosen, dropped) = asked(&["eth3", "eth1", "eth3"]).unwrap();
        assert_eq!((chosen, dropped), (vec!["eth3".to_owned(), "eth1".to_owned()], vec!["eth2".to_owned()]));
    }

    #[test]
    fn a_master_that_is_no_candidate_is_passed_over_with_a_warning() {
        log::take();
        assert_eq!(asked(&["eth1", "ethX"]).unwrap().0, ["eth1"]);
        assert!(log::take().iter().any(|(level, line)| *level == Level::Warn && line.contains("`ethX`")));
    }

    #[test]
    fn masters_of_which_none_is_a_candidate_are_a_denial_and_never_all() {
        let denial = asked(&["ethX", "ethY"]).unwrap_err();
        assert_eq!((denial.code.as_str(), denial.retryable), ("unknown-nic", false));
        assert!(denial.message.contains("`ethX`, `ethY`") && denial.message.contains("`eth2`"), "{}", denial.message);
    }

    #[test]
    fn every_choice_and_every_drop_says_why() {
        let mut facts = facts::selection(["eth1", "eth2"].map(facts::nic));
        facts.request.masters = vec!["eth2".into()];
        let selection = decide(&Config {}, &facts).unwrap();
        assert_eq!(selection.chosen[0].reason, "master 1 of the request");
        assert_eq!(selection.dropped[0].reason, "not among the masters of the request");
    }
}
