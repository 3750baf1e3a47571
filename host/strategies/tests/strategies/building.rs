//! What is wrong with a set is said before any of it decides.

use serde_json::json;

use crate::policies::{refused, set};

#[test]
fn an_empty_document_is_the_built_in_set() {
    let set = set(json!({})).unwrap();
    assert_eq!(set.attach.of("any").name.as_str(), "networks-annotation");
    assert_eq!(set.nic_selection.of("any").name.as_str(), "all");
    assert_eq!(set.gateway_distribution.of("any").name.as_str(), "rendezvous");
}

#[test]
fn names_that_lead_nowhere_are_all_named_with_their_field() {
    assert_eq!(
        refused(json!({
            "nicSelection": {"default": "lost", "networks": {"storage": "gone"}},
            "strategies": {"chain": {"pipeline": ["all", "absent"], "onFailure": {"fallback": "nobody"}}},
        })),
        [
            "strategies.chain.pipeline[1]: there is no strategy `absent`; hint: there are `all`, `chain`, `networks-annotation`, `rendezvous`, and each built-in policy by its name",
            "strategies.chain.onFailure.fallback: there is no strategy `nobody`; hint: there are `all`, `chain`, `networks-annotation`, `rendezvous`, and each built-in policy by its name",
            "nicSelection.default: there is no strategy `lost`; hint: there are `all`, `chain`, `networks-annotation`, `rendezvous`, and each built-in policy by its name",
            "nicSelection.networks.storage: there is no strategy `gone`; hint: there are `all`, `chain`, `networks-annotation`, `rendezvous`, and each built-in policy by its name",
        ]
    );
}

#[test]
fn a_circle_through_pipelines_and_fallbacks_is_found() {
    let findings = refused(json!({"strategies": {
        "a": {"pipeline": ["b"]},
        "b": {"policy": "builtin:all", "onFailure": {"fallback": "a"}},
        "outside": {"pipeline": ["a"]},
    }}));
    assert_eq!(
        findings,
        [
            "strategies.a: leads back to itself through pipelines, fallbacks, shadows or canaries",
            "strategies.b: leads back to itself through pipelines, fallbacks, shadows or canaries",
        ]
    );
}

#[test]
fn every_policy_that_cannot_be_loaded_and_every_bad_config_is_named() {
    assert_eq!(
        refused(json!({"strategies": {
            "unknown": {"policy": "builtin:nothing"},
            "missing": {"policy": "file:lost.wasm"},
            "schema": {"policy": "builtin:rail", "config": {"from": 8, "form": 1}},
            "rules": {"policy": "builtin:rail", "config": {"from": 7}},
            "trap": {"policy": "builtin:traps-on-config"},
            "bare": {"policy": "builtin:no-schema"},
        }}))
        .iter()
        .map(|line| line.split("; hint").next().unwrap_or_default().to_owned())
        .collect::<Vec<_>>(),
        [
            "strategies.bare.config: policy `no-schema` publishes no usable schema: the schema is not a JSON Schema: \
             type: the value is not valid under any of the schemas listed in the 'anyOf' keyword",
            "strategies.missing.policy: `file:lost.wasm` is not there",
            "strategies.rules.config: `from` is the last rail",
            "strategies.rules.config: choose another",
            "strategies.schema.config.form: is not a known field",
            "strategies.schema.config.from: `8` is more than 7",
            "strategies.trap.config: policy `traps-on-config` could not check its config: the policy trapped: unreachable",
            "strategies.unknown.policy: there is no policy `nothing`",
        ]
    );
}

#[test]
fn a_strategy_decides_what_its_extension_point_asks() {
    assert_eq!(
        refused(json!({
            "attach": {"default": "all", "networks": {"one": "networks-annotation"}},
            "nicSelection": {"default": "round-robin"},
            "gatewayDistribution": {"egressPolicies": {"web": "filter"}},
            "strategies": {"filter": {"policy": "builtin:first-gateway-only"}},
        })),
        [
            "attach.default: strategy `all` decides nic-selection, not attach",
            "nicSelection.default: strategy `round-robin` decides gateway-distribution, not nic-selection",
            "gatewayDistribution.egressPolicies.web: strategy `filter` decides gateway-filter, not gateway-distribution; \
             hint: a filter stands in a `pipeline` before a distribution: name one that ends in a distribution",
        ]
    );
}

#[test]
fn a_pipeline_is_of_one_kind_but_for_filters_before_a_distribution() {
    let pipeline = |members: &[&str]| {
        json!({"strategies": {
            "filter": {"policy": "builtin:first-gateway-only"},
            "chain": {"pipeline": members},
        }})
    };
    assert!(set(pipeline(&["filter", "filter", "round-robin"])).is_ok());
    assert_eq!(
        refused(pipeline(&["all", "round-robin"])),
        [
            "strategies.chain.pipeline[0]: strategy `all` decides nic-selection, which cannot stand before gateway-distribution"
        ]
    );
    assert_eq!(
        refused(pipeline(&["round-robin", "round-robin"])),
        [
            "strategies.chain.pipeline[0]: strategy `round-robin` decides gateway-distribution, which cannot stand before gateway-distribution"
        ]
    );
    assert_eq!(
        refused(pipeline(&["networks-annotation", "networks-annotation"])),
        ["strategies.chain.pipeline: attach strategies do not chain; hint: name one"]
    );
    assert_eq!(
        refused(json!({"strategies": {"a": {"policy": "builtin:all", "onFailure": {"fallback": "round-robin"}}}})),
        ["strategies.a.onFailure.fallback: `round-robin` does not decide nic-selection, as this strategy does"]
    );
}

#[test]
fn one_module_under_the_same_limits_is_loaded_once() {
    let document = json!({"strategies": {
        "a": {"policy": "builtin:spread"},
        "b": {"policy": "builtin:spread"},
        "c": {"policy": "builtin:spread", "limits": {"fuel": 5}},
    }});
    let document = nicety_objects::Strategies::from_value(document).unwrap();
    let mut loads = Vec::new();
    let built = nicety_strategies::build(
        &document,
        &mut |module, limits| {
            loads.push((module.policy.to_string(), limits.fuel));
            crate::policies::load(&module.policy)
        },
        &nicety_strategies::Trials::default(),
    );
    assert!(built.is_ok());
    let spread: Vec<_> = loads.iter().filter(|(reference, _)| reference == "builtin:spread").collect();
    assert_eq!(spread, [&("builtin:spread".to_owned(), None), &("builtin:spread".to_owned(), Some(5))]);
}

#[test]
fn the_names_of_built_in_policies_are_those_that_are_built() {
    let built: Vec<&str> = nicety_native::evaluators().into_iter().map(|(name, _)| name).collect();
    assert_eq!(built, nicety_objects::strategies::BUILTIN);
}

#[test]
fn a_built_in_policy_runs_by_its_name_alone() {
    let set =
        set(json!({"gatewayDistribution": {"default": "least-loaded", "egressPolicies": {"web": "jump"}}})).unwrap();
    let named = ["any", "web"].map(|one| set.gateway_distribution.of(one).name.to_string());
    assert_eq!(named, ["least-loaded", "jump"]);
}
