//! attach: beside its own network, a pod that asks for it by annotation gets a NIC of one more.

use nicety_policy_sdk::{
    Denial, Request,
    attach::{Facts, Mode},
};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Config {
    /// The pod asks by this annotation with the value `true`.
    pub annotation: String,
    /// Name of the network that it gets then.
    pub network: String,
}

impl Default for Config {
    fn default() -> Self {
        Config { annotation: "example.com/storage".into(), network: "storage".into() }
    }
}

nicety_policy_sdk::policy! {
    kind: attach,
    name: "my-policy",
    summary: "one more network for pods that ask for it by annotation",
    config: Config,
    validate: rules,
    decide: decide,
}

/// What the schema cannot say: every finding, not the first.
fn rules(config: &Config) -> Vec<String> {
    let fields = [("annotation", &config.annotation), ("network", &config.network)];
    let empty = fields.into_iter().filter(|(_, value)| value.trim().is_empty());
    empty.map(|(field, _)| format!("`{field}` is empty")).collect()
}

pub fn decide(config: &Config, facts: &Facts) -> Result<Vec<Request>, Denial> {
    let mut requests = Vec::new();
    if facts.call.mode != Mode::Chained {
        requests.push(facts.primary_request()?);
    }
    let asks = |label: &nicety_policy_sdk::Label| label.key == config.annotation && label.value == "true";
    // A meta plugin that asks for one attachment gets that one and no other.
    if facts.call.mode == Mode::Delegated || !facts.pod.annotations.iter().any(asks) {
        return Ok(requests);
    }
    let Some((network, offer)) = facts.offer(&config.network) else {
        let message = format!(
            "annotation `{}` asks for network `{}`, which is not on offer to this pod; {}",
            config.annotation,
            config.network,
            facts.offered()
        );
        return Err(Denial::new("unknown-network", message).about(&config.network));
    };
    if !offer.ready {
        return Err(offer.not_ready());
    }
    requests.push(Request {
        network,
        nics_min: 1,
        nics_max: Some(1),
        reason: format!("annotation {}", config.annotation),
        ..Request::default()
    });
    Ok(requests)
}

#[cfg(test)]
mod tests {
    use nicety_policy_sdk::{Pod, facts};

    use super::*;

    fn networks(mode: Mode, pod: Pod, others: &[&str]) -> Result<Vec<u32>, Denial> {
        let requests = decide(&Config::default(), &facts::attach(mode, pod, "pods", others))?;
        Ok(requests.iter().map(|request| request.network).collect())
    }

    fn asking() -> Pod {
        facts::annotated("example.com/storage", "true")
    }

    #[test]
    fn a_pod_that_asks_gets_the_network_beside_its_own() {
        assert_eq!(networks(Mode::OwnNetwork, asking(), &["storage"]).unwrap(), [0, 1]);
        assert_eq!(networks(Mode::Chained, asking(), &["storage"]).unwrap(), [1]);
        assert_eq!(networks(Mode::Delegated, asking(), &["storage"]).unwrap(), [0]);
    }

    #[test]
    fn a_pod_that_does_not_ask_gets_its_own_alone() {
        assert_eq!(networks(Mode::OwnNetwork, facts::pod("podns", "pod"), &["storage"]).unwrap(), [0]);
    }

    #[test]
    fn a_network_that_is_not_on_offer_is_named_in_the_denial() {
        let denial = networks(Mode::OwnNetwork, asking(), &["fast"]).unwrap_err();
        assert_eq!(denial.object.as_deref(), Some("storage"));
        assert!(denial.message.contains("`fast`"), "{}", denial.message);
    }

    #[test]
    fn an_empty_name_in_the_config_is_found() {
        let findings = (definition().validate_config)(r#"{"network": " "}"#).unwrap_err();
        assert_eq!(findings, ["`network` is empty"]);
    }
}
