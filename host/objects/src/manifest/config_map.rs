//! The ConfigMap of strategies, with modules beside them.

use std::{collections::BTreeMap, sync::LazyLock};

use base64::{Engine, prelude::BASE64_STANDARD};
use nicety_core::finding::Finding;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    Object,
    envelope::NamespacedMetadata,
    read::{joined, read},
};
use crate::{
    Strategies,
    schema::Compiled,
    strategies::{CONFIG_MAP, CONFIG_MAP_KEY, CONFIG_MAP_MODULE_MAX, Module, Modules},
    yaml,
};

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ConfigMap {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(rename = "metadata")]
    _metadata: NamespacedMetadata,
    data: ConfigMapData,
    /// Modules in base64.
    #[serde(default)]
    binary_data: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ConfigMapData {
    #[serde(rename = "strategies.yaml")]
    strategies: String,
}

pub(super) fn config_map(document: Value, name: &str) -> Result<Object, Vec<Finding>> {
    static SCHEMA: LazyLock<Compiled> = LazyLock::new(Compiled::new::<ConfigMap>);
    if name != CONFIG_MAP {
        let message = format!("`{name}` is no ConfigMap of ours; hint: the strategies are in `{CONFIG_MAP}`");
        return Err(vec![Finding::new("metadata.name", message)]);
    }
    read(&SCHEMA, document, |map: ConfigMap| {
        let inside = |findings: Vec<Finding>| -> Vec<Finding> {
            let path = format!("data[\"{CONFIG_MAP_KEY}\"]");
            findings.into_iter().map(|finding| finding.within(&path)).collect()
        };
        let documents = yaml::documents(&map.data.strategies);
        let documents = documents.map_err(|error| inside(vec![Finding::new("", error.to_string())]))?;
        let strategies = match <[Value; 1]>::try_from(documents) {
            Ok([document]) => Strategies::from_value(document).map_err(inside),
            Err(documents) if documents.is_empty() => Ok(Strategies::default()),
            Err(_) => Err(inside(vec![Finding::new("", "has more than one document; hint: remove the `---`")])),
        };
        let (modules, findings) = modules(map.binary_data);
        joined(findings, strategies).map(|strategies| Object::Strategies(Strategies { modules, ..strategies }))
    })
}

/// `binaryData` as bytes, and what of it is none.
fn modules(encoded: BTreeMap<String, String>) -> (Modules, Vec<Finding>) {
    let (mut modules, mut findings) = (Modules::new(), Vec::new());
    for (key, text) in encoded {
        let path = format!("binaryData[\"{key}\"]");
        match BASE64_STANDARD.decode(text.trim_end()) {
            Err(error) => findings.push(Finding::new(path, format!("is not base64: {error}"))),
            Ok(bytes) if bytes.len() > CONFIG_MAP_MODULE_MAX => {
                let message = format!(
                    "has {} bytes, and a module in a ConfigMap at most {CONFIG_MAP_MODULE_MAX}; hint: push it to a registry and refer to it by `oci://`",
                    bytes.len()
                );
                findings.push(Finding::new(path, message));
            }
            Ok(bytes) => {
                modules.insert(key, Module(bytes.into()));
            }
        }
    }
    (modules, findings)
}
