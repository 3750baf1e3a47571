//! `spec.attachPolicy`: which policy of ours chooses the NICs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{fields::Fields, report::Class};

/// The name that a network gives, and what `nicety-strategies` must say for it.
#[derive(Debug, Clone)]
pub(super) struct Strategy {
    pub name: &'static str,
    pub definitions: BTreeMap<String, Value>,
}

pub(super) fn read(spec: &mut Fields) -> Option<Strategy> {
    let mut policy = spec.part("attachPolicy");
    policy.lost("target", "a bandwidth that was never read there", "");
    let asked = policy.text("strategy").unwrap_or_default();
    let strategy = match asked.as_str() {
        "" | "none" => None,
        "devClass" => {
            policy.note(
                Class::Changed,
                "strategy",
                "the NICs of the class that the pod names; there, the number that the pod asks for was cut before the class was \
                 looked at, and an unknown class meant all NICs; here the class comes first, and an unknown class attaches nothing",
                "",
            );
            Some(Strategy::new(
                "dev-class",
                [
                    ("dev-class", json!({ "pipeline": ["all", "dev-class-filter"] })),
                    ("dev-class-filter", json!({ "policy": "builtin:device-class" })),
                ],
            ))
        }
        "topology" => {
            policy.note(
                Class::Changed,
                "strategy",
                "the NICs near the pod's GPUs first; there, NICs that are equally near came in random order; here in the order of \
                 the network, and the same PCI switch counts before the same NUMA node",
                "",
            );
            Some(Strategy::new("topology", [("topology", json!({ "policy": "builtin:topology" }))]))
        }
        "costOpt" | "perfOpt" => {
            let meaning = format!("`{asked}` was never built there: it did what `none` does, and so does this network");
            policy.note(Class::NoEquivalent, "strategy", meaning, "write a policy that does it (`nicety policy new`)");
            None
        }
        other => {
            let meaning = format!("`{other}` is no strategy; there, that meant `none` without a word");
            policy.note(Class::NoEquivalent, "strategy", meaning, "name the strategy that was meant");
            None
        }
    };
    spec.finish(policy);
    strategy
}

impl Strategy {
    fn new<const N: usize>(name: &'static str, definitions: [(&str, Value); N]) -> Strategy {
        Strategy { name, definitions: definitions.into_iter().map(|(name, value)| (name.to_owned(), value)).collect() }
    }
}
