//! attach: a NIC of every network card for pods that ask for it, by the annotation of the Amazon VPC CNI.

use nicety_policy_sdk::{
    Denial, Group, Request,
    attach::{Facts, Mode, Offer},
    log::{self, Level},
};
use serde::Deserialize;

/// Where a pod says that it wants every card, and the only value that says so.
const ANNOTATION: &str = "k8s.amazonaws.com/nicConfig";
const EVERY_CARD: &str = "multi-nic-attachment";

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The network that the cards belong to. Absent: the only network on offer that is ready and not the default one.
    network: Option<String>,
}

nicety_policy_sdk::policy! {
    kind: attach,
    name: "multi-card",
    summary: "a NIC of every network card for pods that ask for it by k8s.amazonaws.com/nicConfig",
    config: Config,
    wants: ["unready-reason"],
    validate: rules,
    decide: decide,
}

pub fn rules(config: &Config) -> Vec<String> {
    let empty = config.network.as_deref() == Some("");
    if empty { vec!["`network` is empty; name a network, or leave it out".to_owned()] } else { Vec::new() }
}

/// A meta plugin's call is answered with the one interface that it asks for.
pub fn decide(config: &Config, facts: &Facts) -> Result<Vec<Request>, Denial> {
    let primary = match facts.call.mode {
        Mode::Chained => None,
        Mode::OwnNetwork | Mode::Delegated => Some(facts.primary_request()?),
    };
    let extra = match facts.call.mode {
        Mode::Delegated => None,
        Mode::OwnNetwork | Mode::Chained if asks_for_every_card(facts) => Some(every_card(config, facts)?),
        Mode::OwnNetwork | Mode::Chained => None,
    };
    Ok(primary.into_iter().chain(extra).collect())
}

/// Any other value counts as absent, as it does in the system whose annotation it is.
fn asks_for_every_card(facts: &Facts) -> bool {
    let value = facts.pod.annotation(ANNOTATION);
    if let Some(other) = value.filter(|value| *value != EVERY_CARD) {
        let message =
            format!("annotation `{ANNOTATION}`: `{other}` is ignored; the only value that counts is `{EVERY_CARD}`");
        log::emit(Level::Warn, &message);
    }
    value == Some(EVERY_CARD)
}

fn every_card(config: &Config, facts: &Facts) -> Result<Request, Denial> {
    let (network, _) = match &config.network {
        Some(name) => named(name, facts)?,
        None => only(facts)?,
    };
    Ok(Request {
        network,
        nics_min: 1,
        distinct: Some(Group::Card),
        reason: format!("annotation {ANNOTATION}: one NIC of every card"),
        ..Request::default()
    })
}

fn named<'a>(name: &str, facts: &'a Facts) -> Result<(u32, &'a Offer), Denial> {
    match facts.offer(name) {
        Some((_, offer)) if !offer.ready => Err(offer.not_ready()),
        Some(found) => Ok(found),
        None => {
            let message = format!(
                "`{name}`, which the strategy's config names, is no network that this pod may use; {}",
                facts.offered()
            );
            Err(Denial::new("unknown-network", message).about(name))
        }
    }
}

fn only(facts: &Facts) -> Result<(u32, &Offer), Denial> {
    let others = || (0..).zip(&facts.networks).filter(|(_, offer)| !offer.default);
    let mut ready = others().filter(|(_, offer)| offer.ready);
    match (ready.next(), ready.next(), others().next()) {
        (Some(one), None, _) => Ok(one),
        (None, _, Some((_, waiting))) => Err(waiting.not_ready()),
        (None, _, None) => Err(ambiguous("there is no network beside the default one", facts)),
        (Some(_), Some(_), _) => Err(ambiguous("there are several networks beside the default one", facts)),
    }
}

fn ambiguous(why: &str, facts: &Facts) -> Denial {
    let message = format!(
        "annotation `{ANNOTATION}` asks for every card, and {why}; hint: name the cards' network as `network` in the strategy's config; {}",
        facts.offered()
    );
    Denial::new("unknown-network", message).about(ANNOTATION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nicety_policy_sdk::facts;

    fn call(mode: Mode, value: &str, others: &[&str]) -> Facts {
        facts::attach(mode, facts::annotated(ANNOTATION, value), "pods", others)
    }

    /// Network and whether primary, per request.
    fn shape(requests: &[Request]) -> Vec<(u32, bool)> {
        requests.iter().map(|request| (request.network, request.primary)).collect()
    }

    #[test]
    fn a_pod_that_asks_gets_its_first_interface_and_a_nic_of_every_card() {
        let requests = decide(&Config::default(), &call(Mode::OwnNetwork, EVERY_CARD, &["cards"])).unwrap();
        assert_eq!(shape(&requests), [(0, true), (1, false)]);
        assert_eq!((requests[1].distinct, requests[1].nics_max), (Some(Group::Card), None));
    }

    #[test]
    fn any_other_value_is_as_absent_and_is_told() {
        log::take();
        for value in ["true", "Multi-NIC-Attachment", " multi-nic-attachment", ""] {
            let requests = decide(&Config::default(), &call(Mode::OwnNetwork, value, &["cards"])).unwrap();
            assert_eq!(shape(&requests), [(0, true)], "{value}");
        }
        assert_eq!(log::take().len(), 4);
        let without = facts::attach(Mode::OwnNetwork, facts::pod("podns", "pod"), "pods", &["cards"]);
        assert_eq!(shape(&decide(&Config::default(), &without).unwrap()), [(0, true)]);
        assert_eq!(log::take(), []);
    }

    #[test]
    fn behind_another_plugin_there_is_no_primary_request() {
        let asked = |value| decide(&Config::default(), &call(Mode::Chained, value, &["cards"])).unwrap();
        assert_eq!(shape(&asked(EVERY_CARD)), [(1, false)]);
        assert_eq!(shape(&asked("no")), []);
    }

    #[test]
    fn a_meta_plugin_gets_the_one_interface_that_it_asks_for() {
        let requests = decide(&Config::default(), &call(Mode::Delegated, EVERY_CARD, &["cards"])).unwrap();
        assert_eq!(shape(&requests), [(0, true)]);
    }

    #[test]
    fn the_config_names_the_network_where_there_are_several() {
        let facts = call(Mode::OwnNetwork, EVERY_CARD, &["storage", "cards"]);
        let config = Config { network: Some("cards".into()) };
        assert_eq!(shape(&decide(&config, &facts).unwrap()), [(0, true), (2, false)]);
        let denial = decide(&Config::default(), &facts).unwrap_err();
        assert!(denial.code == "unknown-network" && denial.message.contains("hint"), "{}", denial.message);
        let denial = decide(&Config { network: Some("nope".into()) }, &facts).unwrap_err();
        assert_eq!((denial.code.as_str(), denial.object.as_deref()), ("unknown-network", Some("nope")));
    }

    #[test]
    fn a_network_that_is_not_ready_may_be_asked_for_again() {
        let mut facts = call(Mode::OwnNetwork, EVERY_CARD, &["cards"]);
        facts.networks[1].ready = false;
        assert!(decide(&Config::default(), &facts).unwrap_err().retryable);
        assert!(decide(&Config { network: Some("cards".into()) }, &facts).unwrap_err().retryable);
    }

    #[test]
    fn without_a_network_beside_the_default_one_the_denial_says_what_to_do() {
        let denial = decide(&Config::default(), &call(Mode::OwnNetwork, EVERY_CARD, &[])).unwrap_err();
        assert!(denial.message.contains("no network beside the default one"), "{}", denial.message);
    }

    #[test]
    fn an_empty_network_name_is_refused_with_the_config() {
        assert!((definition().validate_config)(r#"{"network": ""}"#).is_err());
        assert!((definition().validate_config)(r#"{"network": "cards"}"#).is_ok());
    }
}
