//! `spec.template`: what the gateways' pods have beside what the gateway itself needs.

use serde_json::{Map, Value};

use crate::{fields::Fields, report::Class};

/// Fields that are of one shape on both sides.
const SAME: [&str; 6] = [
    "affinity",
    "nodeSelector",
    "tolerations",
    "topologySpreadConstraints",
    "priorityClassName",
    "terminationGracePeriodSeconds",
];

pub(super) fn read(spec: &mut Fields) -> Value {
    let mut template = spec.part("template");
    let mut metadata = template.part("metadata");
    let mut written = Map::new();
    let kept = ["labels", "annotations"].into_iter().filter_map(|name| Some((name.to_owned(), metadata.value(name)?)));
    let kept: Map<String, Value> = kept.collect();
    template.finish(metadata);
    let mut pod = template.part("spec");
    let mut wanted: Map<String, Value> =
        SAME.into_iter().filter_map(|name| Some((name.to_owned(), pod.value(name)?))).collect();
    for mut container in pod.parts("containers") {
        container.ignore(&["name"]);
        wanted.extend(container.value("resources").map(|resources| ("resources".to_owned(), resources)));
        pod.finish(container);
    }
    if pod.value("initContainers").is_some() {
        let meaning = "gave the privileged init container its resources; here there is none";
        pod.note(Class::NoEquivalent, "initContainers", meaning, "");
    }
    template.finish(pod);
    spec.finish(template);
    for (name, part) in [("metadata", kept), ("spec", wanted)] {
        if !part.is_empty() {
            written.insert(name.to_owned(), Value::Object(part));
        }
    }
    Value::Object(written)
}
