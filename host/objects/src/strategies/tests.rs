use nicety_core::finding::Finding;
use serde_json::json;

use super::*;

fn refused(value: Value) -> Vec<String> {
    Strategies::from_value(value).unwrap_err().iter().map(Finding::to_string).collect()
}

fn name(text: &str) -> StrategyName {
    text.parse().unwrap()
}

#[test]
fn what_is_not_said_is_decided_by_the_built_in_policies() {
    let strategies = Strategies::default();
    assert_eq!(strategies.attach.default, name("networks-annotation"));
    assert_eq!(strategies.nic_selection.default, name("all"));
    assert_eq!(strategies.gateway_distribution.default, name("rendezvous"));
    assert_eq!(strategies.strategies.len(), 3);
    assert_eq!(Strategies::from_value(json!({})).unwrap(), strategies);
}

#[test]
fn a_built_in_policy_that_is_named_is_a_strategy_and_a_definition_wins() {
    let named = Strategies::from_value(json!({
        "gatewayDistribution": {"default": "jump", "egressPolicies": {"web": "hash-mod"}},
        "strategies": {
            "chain": {
                "pipeline": ["zone", "sticky-identity"],
                "onFailure": {"fallback": "least-loaded"},
                "shadow": ["round-robin"],
                "canary": {"strategy": "mine", "percent": 5},
            },
            "mine": {"policy": "builtin:rendezvous"},
            "round-robin": {"policy": "builtin:rendezvous", "config": {"bound": 2}},
        },
    }))
    .unwrap();
    let policy = |one: &str| match &named.strategies[&name(one)].body {
        Body::Policy { module, .. } => module.policy.clone(),
        Body::Pipeline(_) => panic!("`{one}` is a pipeline"),
    };
    for one in ["jump", "hash-mod", "zone", "sticky-identity", "least-loaded"] {
        assert_eq!(policy(one), PolicyRef::Builtin(one.to_owned()));
    }
    assert_eq!(policy("round-robin"), PolicyRef::Builtin("rendezvous".to_owned()));
    // What nobody names is not there, and nobody pays for it.
    assert!(!named.strategies.contains_key(&name("topology")));
}

#[test]
fn every_name_of_a_built_in_policy_may_be_a_strategys() {
    let mut strategies = Strategies::default();
    for builtin in BUILTIN {
        assert!(strategies.provide(&name(builtin)));
    }
    assert!(!strategies.provide(&name("no-such-policy")));
    assert!(BUILTIN.is_sorted());
}

#[test]
fn a_strategy_is_a_policy_or_a_pipeline() {
    let strategies = Strategies::from_value(json!({
        "nicSelection": {"default": "chain", "networks": {"storage": "one"}},
        "strategies": {
            "chain": {"pipeline": ["one", "all"], "onFailure": {"fallback": "all"}},
            "one": {"policy": "file:policies/one.wasm", "config": {"rail": 3}, "limits": {"fuel": 1000, "outputBytes": 4096}},
        },
    }))
    .unwrap();
    assert_eq!(strategies.nic_selection.to("storage"), &name("one"));
    assert_eq!(strategies.nic_selection.to("other"), &name("chain"));
    let chain = &strategies.strategies[&name("chain")];
    assert_eq!(chain.body, Body::Pipeline(vec![name("one"), name("all")]));
    assert_eq!(chain.on_failure, OnFailure::Fallback(name("all")));
    let limits = Limits { fuel: Some(1000), output_bytes: Some(4096), ..Limits::default() };
    let module = ModuleRef { policy: PolicyRef::File("policies/one.wasm".into()), signed_by: Vec::new() };
    assert_eq!(strategies.strategies[&name("one")].body, Body::Policy { module, config: json!({"rail": 3}), limits });
}

#[test]
fn everything_wrong_with_the_strategies_is_said_at_once() {
    assert_eq!(
        refused(json!({
            "nicSelection": {"defualt": "all", "networks": {"Storage": "all"}},
            "strategies": {
                "both": {"policy": "builtin:all", "pipeline": ["all"]},
                "none": {},
                "mixed": {"pipeline": ["all"], "config": {}, "limits": {"fuel": 1}},
                "Bad": {"policy": "builtin:all"},
            },
        })),
        [
            "nicSelection.defualt: is not a known field; hint: did you mean `default`?",
            "nicSelection.networks.Storage: is not the name of an object",
            "strategies.Bad: is not a strategy name: lower-case letters, digits, `-` and `.`",
            "strategies.both.pipeline: stands beside `policy`; hint: a strategy is one or the other",
            "strategies.mixed.config: belongs to a policy; hint: write it at the strategies that the pipeline names",
            "strategies.mixed.limits: belongs to a policy; hint: write it at the strategies that the pipeline names",
            "strategies.none: has neither `policy` nor `pipeline`; hint: `policy: builtin:all`",
        ]
    );
    assert_eq!(
        refused(json!({"strategies": {"a": {
            "policy": "https://registry/x",
            "limits": {"fuel": 0, "memory": "64Mi"},
            "onFailure": {"fallbak": "b"},
            "config": [],
        }}})),
        [
            "strategies.a.config: is a list, but must be of type object",
            "strategies.a.limits.fuel: `0` is less than 1",
            "strategies.a.limits.memory: is `64Mi`, but must be of type integer",
            "strategies.a.onFailure.fallback: is missing",
            "strategies.a.onFailure.fallbak: is not a known field; hint: did you mean `fallback`?",
            "strategies.a.policy: `https://registry/x` is not a policy reference: `builtin:NAME`, `file:PATH`, `configmap:KEY` or `oci://REGISTRY/REPOSITORY@sha256:DIGEST`",
        ]
    );
}

#[test]
fn a_policy_reference_survives_text() {
    let digest = "0".repeat(64);
    let image = format!("oci://registry.example:5000/team/spread:1.2@sha256:{digest}");
    for text in ["builtin:device-class", "file:/etc/nicety/a.wasm", "file:a b.wasm", "configmap:spread.wasm", &image] {
        assert_eq!(text.parse::<PolicyRef>().unwrap().to_string(), text);
    }
    let no_repository = format!("oci://registry@sha256:{digest}");
    for bad in ["", "all", "builtin:", "builtin:All", "file:", "configmap:a/b", "configmap:", "oci:x", &no_repository] {
        assert!(matches!(bad.parse::<PolicyRef>(), Err(InvalidPolicyRef::Unknown { .. })), "{bad}");
    }
    for loose in ["oci://registry.example/x", "oci://registry.example/x:1", "oci://registry.example/x@sha256:0"] {
        assert!(matches!(loose.parse::<PolicyRef>(), Err(InvalidPolicyRef::Unpinned { .. })), "{loose}");
    }
}

#[test]
fn a_canary_and_shadows_stand_at_the_strategy_that_they_are_compared_with() {
    let strategies = Strategies::from_value(json!({"strategies": {
        "rails": {"policy": "builtin:spread", "shadow": ["next", "all"], "canary": {"strategy": "next", "percent": 10}},
        "next": {"policy": "builtin:topology"},
    }}))
    .unwrap();
    let rails = &strategies.strategies[&name("rails")];
    assert_eq!(rails.shadow, [name("next"), name("all")]);
    let canary = Canary { strategy: name("next"), percent: 10, max_failure_percent: 5, judged_after: 20 };
    assert_eq!(rails.canary, Some(canary));
    assert_eq!(
        refused(json!({"strategies": {"a": {"policy": "builtin:all", "canary": {"strategy": "b", "percent": 0}}}})),
        ["strategies.a.canary.percent: `0` is less than 1"]
    );
}

#[test]
fn a_signature_is_required_of_registries_by_document_or_by_strategy() {
    let image = format!("oci://registry.example/x@sha256:{}", "a".repeat(64));
    let strategies = Strategies::from_value(json!({
        "requireSignature": {"publicKeys": ["ours"]},
        "strategies": {
            "ours": {"policy": image},
            "theirs": {"policy": image, "requireSignature": {"publicKeys": ["theirs"]}},
            "file": {"policy": "file:x.wasm"},
        },
    }))
    .unwrap();
    let keys = |strategy: &str| match &strategies.strategies[&name(strategy)].body {
        Body::Policy { module, .. } => module.signed_by.clone(),
        Body::Pipeline(_) => panic!("{strategy} is a policy"),
    };
    assert_eq!((keys("ours"), keys("theirs"), keys("file")), (vec!["ours".into()], vec!["theirs".into()], vec![]));
    let findings = refused(json!({"strategies": {
        "file": {"policy": "file:x.wasm", "requireSignature": {"publicKeys": ["ours"]}},
        "none": {"policy": image, "requireSignature": {"publicKeys": []}},
    }}));
    assert!(findings.len() == 2, "{findings:?}");
    assert!(findings[1].starts_with("strategies.file.requireSignature: is for modules of a registry"), "{findings:?}");
    assert!(
        findings.iter().any(|line| line.starts_with("strategies.none.requireSignature.publicKeys: ")),
        "{findings:?}"
    );
}
