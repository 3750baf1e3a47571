//! What several commands start with: a module, a config that it accepts, facts.

use std::path::Path;

use anyhow::{Context, bail};
use nicety_core::{
    facts::Facts,
    finding::{self, Finding},
};
use nicety_engine::{Engine, EngineConfig, Policy};
use serde_json::{Map, Value};

use super::{module, read};

/// One sandbox: a command line runs one decision at a time.
pub fn engine() -> anyhow::Result<Engine> {
    Ok(Engine::new(EngineConfig { sandboxes: 1, ..EngineConfig::default() })?)
}

pub fn policy(named: &str) -> anyhow::Result<Policy> {
    engine()?.load(&module(named)?).with_context(|| format!("cannot load `{named}`"))
}

pub fn facts(path: &Path) -> anyhow::Result<Facts> {
    serde_json::from_str(&read(path)?).with_context(|| {
        format!("`{}` holds no facts; hint: {{\"kind\": \"nic-selection\", \"facts\": {{...}}}}", path.display())
    })
}

/// What a file says, or `{}`.
pub fn config(path: Option<&Path>) -> anyhow::Result<Value> {
    match path {
        Some(path) => serde_json::from_str(&read(path)?).with_context(|| format!("`{}` is not JSON", path.display())),
        None => Ok(Value::Object(Map::new())),
    }
}

/// The config as a policy takes it, or all that it has against it.
pub fn accepted(policy: &Policy, config: &Value) -> anyhow::Result<String> {
    use nicety_core::evaluate::Evaluator;
    let refused = nicety_strategies::build::refused_config(policy, config);
    if !refused.is_empty() {
        let findings: Vec<Finding> = refused.into_iter().map(|finding| finding.within("config")).collect();
        bail!("the config is not one for policy `{}`: {}", policy.description().name, finding::list(&findings));
    }
    Ok(config.to_string())
}
