//! Alerts and dashboard: they ask for metrics that there are.

use std::{collections::BTreeSet, fs, path::Path};

use crate::manifests::{deploy, documents};

/// What the daemon registers, by its source: the text of `/metrics` is nowhere whole without a daemon.
fn registered() -> BTreeSet<String> {
    let text = source("host/deciding/src/metrics.rs");
    let calls = text.split("registry.register(").skip(1);
    let of_egress = source("host/daemon/src/egress/metrics.rs");
    let egress: BTreeSet<String> = of_egress
        .split("family(")
        .skip(1)
        .map(|call| format!("nicety_egress_{}", call.split('"').nth(1).unwrap()))
        .collect();
    assert!(egress.len() > 8, "{egress:?}");
    calls.map(|call| format!("nicety_{}", call.split('"').nth(1).unwrap())).chain(egress).collect()
}

/// What the controller registers: its gauges stand in a list of names with their help.
fn of_the_controller() -> BTreeSet<String> {
    let text = source("host/controller/src/metrics.rs");
    let names = text.split("    (\"").skip(1).chain(text.split("registry.register(\"").skip(1));
    names.map(|call| format!("nicety_controller_{}", call.split('"').next().unwrap())).collect()
}

fn source(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}

fn asked(text: &str) -> BTreeSet<String> {
    let words = text.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
    let metrics = words.filter(|word| word.starts_with("nicety_"));
    let stem = |word: &str| {
        ["_total", "_bucket", "_count", "_sum"]
            .iter()
            .fold(word.to_owned(), |word, end| word.strip_suffix(end).map_or(word.clone(), str::to_owned))
    };
    metrics.map(stem).collect()
}

#[test]
fn alerts_and_dashboard_ask_for_metrics_that_there_are() {
    let controller = of_the_controller();
    assert!(controller.len() > 10, "{controller:?}");
    let registered: BTreeSet<String> = registered().union(&controller).cloned().collect();
    assert!(registered.len() - controller.len() > 8, "{registered:?}");
    for file in ["alerts.yaml", "dashboard.json"] {
        let asked = asked(&fs::read_to_string(deploy().join("monitoring").join(file)).unwrap());
        assert!(!asked.is_empty(), "{file}");
        let unknown: Vec<_> = asked.difference(&registered).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
}

#[test]
fn every_metric_is_on_the_dashboard() {
    let asked = asked(&fs::read_to_string(deploy().join("monitoring/dashboard.json")).unwrap());
    let missing: Vec<_> = registered()
        .into_iter()
        .filter(|metric| !asked.contains(metric) && metric != "nicety_canary_rolled_back")
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn an_outage_of_egress_raises_an_alert() {
    let asked = asked(&fs::read_to_string(deploy().join("monitoring/alerts.yaml")).unwrap());
    for metric in ["unassigned_pods", "held_pods", "stopped_packets", "faults"] {
        assert!(asked.contains(&format!("nicety_egress_{metric}")), "{metric}");
    }
}

#[test]
fn every_alert_says_what_it_means_and_what_to_do() {
    for document in documents(&deploy().join("monitoring/alerts.yaml")) {
        let groups = document.pointer("/spec/groups").unwrap().as_array().unwrap();
        for rule in groups.iter().flat_map(|group| group["rules"].as_array().unwrap()) {
            for field in ["/annotations/summary", "/annotations/description", "/labels/severity", "/expr"] {
                assert!(rule.pointer(field).is_some_and(|text| !text.as_str().unwrap().is_empty()), "{rule}: {field}");
            }
        }
    }
}
