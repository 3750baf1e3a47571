//! Candidates: in shadow they change nothing and are compared; as a canary they take their share until they fail too often.

use nicety_core::{
    compare::Agreement,
    facts::{Request, nic_selection::Facts},
    record::decision::Role,
};
use nicety_strategies::{StrategySet, Trials};
use serde_json::{Value, json};

use crate::{
    chains::{facts, names, select},
    policies::{refused, set, set_of},
};

/// `mine` decides, by `policy`.
fn with(policy: &str, beside: Value) -> Value {
    let mut mine = json!({"policy": format!("builtin:{policy}")});
    mine.as_object_mut().unwrap().extend(beside.as_object().unwrap().clone());
    json!({
        "nicSelection": {"default": "mine"},
        "strategies": {
            "mine": mine,
            "turned": {"policy": "builtin:reverse"},
            "stalls": {"policy": "builtin:stalls"},
            "denies": {"policy": "builtin:denies"},
        },
    })
}

fn of_pod(name: &str) -> Facts {
    let mut facts = facts(Request { nics_max: Some(1), ..Request::default() });
    facts.pod.namespace = "default".into();
    facts.pod.name = name.into();
    facts
}

fn canary(name: &str, percent: u8) -> Value {
    json!({"canary": {"strategy": name, "percent": percent, "maxFailurePercent": 10, "judgedAfter": 10}})
}

#[test]
fn a_shadow_changes_nothing_and_is_compared() {
    let set = set(with("all", json!({"shadow": ["turned", "stalls", "denies", "mine-too"]}))
        .as_object()
        .cloned()
        .map(|mut document| {
            document["strategies"]["mine-too"] = json!({"policy": "builtin:all"});
            Value::Object(document)
        })
        .unwrap())
    .unwrap();
    let facts = of_pod("web");
    let decided = select(&set, &facts);
    assert_eq!(names(&decided, &facts), ["eth0"]);
    assert!(decided.runs.iter().all(|run| run.role == Role::Live), "{:?}", decided.runs);
    let tried: Vec<_> = decided.shadows.iter().map(|shadowed| shadowed.ask(&|| 0).unwrap()).collect();
    let agreements: Vec<_> = tried.iter().map(|one| (one.candidate.as_str(), one.comparison.agreement)).collect();
    assert_eq!(
        agreements,
        [
            ("turned", Agreement::Different),
            ("stalls", Agreement::NowFailed),
            ("denies", Agreement::NowDenied),
            ("mine-too", Agreement::Same)
        ]
    );
    let differences = &tried[0].comparison.differences;
    assert!(differences.iter().any(|difference| difference.object.contains("eth3")), "{differences:?}");
    assert!(tried.iter().flat_map(|one| &one.runs).all(|run| run.role == Role::Shadow));
}

#[test]
fn a_canary_takes_its_share_of_the_pods() {
    let set = set(with("all", canary("turned", 30))).unwrap();
    let taken: Vec<bool> = (0..200)
        .map(|n| {
            let facts = of_pod(&format!("web-{n}"));
            let decided = select(&set, &facts);
            let by_canary = decided.runs[0].role == Role::Canary;
            assert_eq!(names(&decided, &facts), [if by_canary { "eth3" } else { "eth0" }]);
            by_canary
        })
        .collect();
    let count = taken.iter().filter(|taken| **taken).count();
    assert!((35..85).contains(&count), "{count} of 200 for 30 %");
    let again = select(&set, &of_pod("web-7"));
    assert_eq!(again.runs[0].role == Role::Canary, taken[7], "the same pod meets the same strategy");
}

#[test]
fn a_canary_that_fails_costs_no_answer_and_is_rolled_back() {
    let set = set(with("all", canary("stalls", 100))).unwrap();
    let roles = |set: &StrategySet| {
        let facts = of_pod("web");
        let decided = select(set, &facts);
        assert_eq!(names(&decided, &facts), ["eth0"]);
        decided.runs.iter().map(|run| run.role).collect::<Vec<_>>()
    };
    for _ in 0..10 {
        assert_eq!(roles(&set), [Role::Canary, Role::Fallback]);
    }
    assert_eq!(roles(&set), [Role::Live]);
    let score = set.strategies[&"mine".parse().unwrap()].canary.as_ref().unwrap().trial.score();
    assert_eq!((score.decisions, score.failures, score.rolled_back), (10, 10, true));
}

#[test]
fn a_denial_of_a_canary_is_an_answer() {
    let set = set(with("all", canary("denies", 100))).unwrap();
    for _ in 0..20 {
        assert!(select(&set, &of_pod("web")).outcome.is_err());
    }
}

#[test]
fn a_reload_that_changes_neither_strategy_keeps_the_score() {
    let trials = Trials::default();
    let roles = |document: Value| {
        let set = set_of(document, &trials).unwrap();
        (0..10).for_each(|_| drop(select(&set, &of_pod("web"))));
        (select(&set, &of_pod("web")).runs[0].role, set)
    };
    let (first, _held) = roles(with("all", canary("stalls", 100)));
    let (same, _too) = roles(with("all", canary("stalls", 100)));
    assert_eq!((first, same), (Role::Live, Role::Live));
    let set = set_of(with("spread", canary("stalls", 100)), &trials).unwrap();
    assert_eq!(select(&set, &of_pod("web")).runs[0].role, Role::Canary, "a strategy that is another starts anew");
}

#[test]
fn a_candidate_that_could_never_be_asked_is_a_finding() {
    let unused = |name: &str| {
        let mut document =
            with("all", json!({"shadow": ["round-robin"], "canary": {"strategy": "round-robin", "percent": 5}}));
        document["nicSelection"]["default"] = name.into();
        document
    };
    assert_eq!(
        refused(unused("mine")),
        [
            "strategies.mine.shadow[0]: `round-robin` does not decide nic-selection, as this strategy does",
            "strategies.mine.canary.strategy: `round-robin` does not decide nic-selection, as this strategy does",
        ]
    );
    let rests = refused(unused("turned"));
    assert!(
        rests[0].starts_with("strategies.mine.shadow: would never be asked: no extension point names"),
        "{rests:?}"
    );
    assert!(rests[1].starts_with("strategies.mine.canary: would never be asked"), "{rests:?}");
    let gateways = json!({
        "gatewayDistribution": {"default": "mine"},
        "strategies": {"mine": {"policy": "builtin:round-robin", "canary": {"strategy": "round-robin", "percent": 5}}},
    });
    assert_eq!(
        refused(gateways),
        [
            "strategies.mine.canary: has no share of gateway-distribution, which is decided for all endpoints at once; hint: use `shadow`"
        ]
    );
}

#[test]
fn pipelines_of_pipelines_do_not_multiply_without_bound() {
    let mut strategies = json!({"p0": {"policy": "builtin:all"}});
    for n in 1..40 {
        strategies[format!("p{n}")] = json!({"pipeline": [format!("p{}", n - 1), format!("p{}", n - 1)]});
    }
    let findings = refused(json!({"strategies": strategies}));
    assert_eq!(findings.len(), 33, "{findings:?}");
    assert!(findings[0].ends_with("comes to more than 64 policies with its pipelines and fallbacks"), "{findings:?}");
}

#[test]
fn findings_of_every_kind_come_at_once() {
    assert_eq!(
        refused(json!({
            "attach": {"default": "all"},
            "strategies": {
                "unknown": {"policy": "builtin:nothing"},
                "schema": {"policy": "builtin:rail", "config": {"from": 8}},
                "mixed": {"pipeline": ["all", "round-robin"]},
                "lost": {"pipeline": ["nowhere"]},
            },
        }))
        .iter()
        .map(|line| line.split([';', '?']).next().unwrap_or_default().to_owned())
        .collect::<Vec<_>>(),
        [
            "strategies.lost.pipeline[0]: there is no strategy `nowhere`",
            "strategies.schema.config.from: `8` is more than 7",
            "strategies.unknown.policy: there is no policy `nothing`",
            "strategies.mixed.pipeline[0]: strategy `all` decides nic-selection, which cannot stand before gateway-distribution",
            "attach.default: strategy `all` decides nic-selection, not attach",
        ]
    );
}
