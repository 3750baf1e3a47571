//! The last step: strategies in one ConfigMap, every object checked as if a person had written it, then all of them together.

use std::collections::BTreeMap;

use nicety_objects::{
    Set,
    manifest::{Bare, parse},
    set::File,
    strategies::{CONFIG_MAP, CONFIG_MAP_KEY},
};
use serde_json::{Value, json};

use crate::{
    Conversion, Report, Source,
    ours::{Converted, title, yaml},
    report::{Class, Note, Outcome},
};

/// Where the ConfigMap of the strategies lives.
const NAMESPACE: &str = "nicety-system";

pub(crate) fn assemble(sources: &[Source], mut converted: Vec<Converted>) -> Conversion {
    let place = |name: &str| sources.iter().position(|source| source.name == name);
    converted.sort_by_key(|converted| (place(&converted.entry.source), converted.entry.document));
    let mut objects = Vec::new();
    let mut strategies = BTreeMap::new();
    for converted in &mut converted {
        let Converted { entry, objects: own, strategies: asked } = converted;
        for object in own.drain(..) {
            match parse(object.clone(), Bare::Nothing).1 {
                Ok(_) => {
                    entry.into.push(title(&object));
                    objects.push(object);
                }
                Err(findings) => {
                    let refused = findings.into_iter().map(|finding| {
                        let meaning = format!("the {} that it makes is refused: {finding}", title(&object));
                        Note::new(Class::Refused, "", meaning, "correct it and convert again")
                    });
                    entry.notes.extend(refused);
                    entry.outcome = Outcome::NotConverted;
                }
            }
        }
        strategies.append(asked);
    }
    if !strategies.is_empty() {
        objects.insert(0, config_map(strategies));
    }
    let text = yaml(&objects);
    let together = Set::parse(&[File { name: String::new(), text }]).err().unwrap_or_default();
    Conversion {
        objects,
        report: Report { objects: converted.into_iter().map(|converted| converted.entry).collect(), together },
    }
}

fn config_map(strategies: BTreeMap<String, Value>) -> Value {
    let document = serde_saphyr::to_string(&json!({ "strategies": strategies })).unwrap_or_default();
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": CONFIG_MAP, "namespace": NAMESPACE },
        "data": { CONFIG_MAP_KEY: document },
    })
}
