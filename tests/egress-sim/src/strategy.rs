//! A set in which one strategy distributes all gateways.

use std::sync::Arc;

use nicety_core::{evaluate::Evaluator, finding};
use nicety_objects::{
    Set,
    set::File,
    strategies::{Limits, ModuleRef, PolicyRef},
};
use nicety_strategies::{StrategySet, Trials, build};
use serde_json::json;

use crate::Result;

/// `zone`: gateways of the pod's own zone first, then rendezvous among them.
pub fn set(name: &str, load: &dyn Fn(&str) -> Result<Arc<dyn Evaluator>, String>) -> Result<StrategySet> {
    let document = match name {
        "zone" => json!({
            "gatewayDistribution": {"default": "tried"},
            "strategies": {
                "tried": {"pipeline": ["near", "last"]},
                "near": {"policy": "builtin:zone"},
                "last": {"policy": "builtin:rendezvous"},
            },
        }),
        name => json!({
            "gatewayDistribution": {"default": "tried"},
            "strategies": {"tried": {"policy": format!("builtin:{name}")}},
        }),
    };
    let file = File { name: "strategies.yaml".to_owned(), text: document.to_string() };
    let objects = Set::parse(&[file]).map_err(|findings| finding::list(&findings))?;
    let mut builtin = |module: &ModuleRef, _: &Limits| match &module.policy {
        PolicyRef::Builtin(name) => load(name),
        other => Err(format!("{other:?} is none of the built-in policies")),
    };
    Ok(build(&objects.strategies, &mut builtin, &Trials::default()).map_err(|findings| finding::list(&findings))?)
}
