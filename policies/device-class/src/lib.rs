//! nic-selection: the candidates that belong to the DeviceClass of the request, in their order.

use nicety_policy_sdk::{
    Denial,
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
    name: "device-class",
    summary: "the candidates that belong to the DeviceClass of the request, in their order",
    config: Config,
    decide: decide,
}

/// A request without a class passes all; one with a class that nobody knows passes none.
pub fn decide(_: &Config, facts: &Facts) -> Result<Selection, Denial> {
    let mut selection = Selection::default();
    let Some(asked) = &facts.request.class else {
        for (candidate, _) in facts.indexed() {
            selection.choose(candidate, "the request names no class");
        }
        return Ok(selection);
    };
    let class = facts.classes.iter().find(|class| class.name == *asked).ok_or_else(|| unknown(asked, facts))?;
    for (candidate, _) in facts.indexed() {
        if class.members.contains(&candidate) {
            selection.choose(candidate, format!("of class `{asked}`"));
        } else {
            selection.drop(candidate, format!("not of class `{asked}`"));
        }
    }
    Ok(selection)
}

fn unknown(asked: &str, facts: &Facts) -> Denial {
    let known: Vec<String> = facts.classes.iter().map(|class| format!("`{}`", class.name)).collect();
    let known = if known.is_empty() { "there is none".to_owned() } else { format!("there are {}", known.join(", ")) };
    Denial::new("unknown-class", format!("`{asked}` is no DeviceClass; {known}")).about(asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nicety_policy_sdk::{facts, nic_selection::DeviceClass};

    /// A request for a class over three NICs, of which the second and third are of class `fast`: names chosen, names dropped.
    fn asked(class: Option<&str>) -> Result<(Vec<String>, Vec<String>), Denial> {
        let mut facts = facts::selection(["eth1", "eth2", "eth3"].map(facts::nic));
        facts.request.class = class.map(str::to_owned);
        facts.classes = vec![
            DeviceClass { name: "fast".into(), members: vec![1, 2] },
            DeviceClass { name: "none".into(), members: vec![] },
        ];
        let name = |candidate: u32| facts.candidates[candidate as usize].name.clone();
        decide(&Config {}, &facts).map(|selection| {
            assert!(selection.chosen.iter().all(|choice| !choice.reason.is_empty()));
            let chosen = selection.chosen.iter().map(|choice| name(choice.candidate)).collect();
            (chosen, selection.dropped.iter().map(|verdict| name(verdict.candidate)).collect())
        })
    }

    #[test]
    fn members_are_chosen_in_order_and_the_others_dropped() {
        let (chosen, dropped) = asked(Some("fast")).unwrap();
        assert_eq!((chosen, dropped), (vec!["eth2".to_owned(), "eth3".to_owned()], vec!["eth1".to_owned()]));
    }

    #[test]
    fn a_request_without_a_class_passes_all() {
        assert_eq!(asked(None).unwrap().0, ["eth1", "eth2", "eth3"]);
    }

    #[test]
    fn a_class_without_members_passes_none() {
        assert_eq!(asked(Some("none")).unwrap().0, [""; 0]);
    }

    #[test]
    fn an_unknown_class_is_a_denial_that_names_those_that_there_are() {
        let denial = asked(Some("fest")).unwrap_err();
        assert_eq!((denial.code.as_str(), denial.object.as_deref()), ("unknown-class", Some("fest")));
        assert!(denial.message.contains("`fast`, `none`"), "{}", denial.message);
    }
}
