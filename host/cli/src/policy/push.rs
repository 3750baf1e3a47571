//! `nicety policy push`: a component into a registry.

use std::process::ExitCode;

use serde_json::json;

use super::registry;
use crate::{args::PolicyPush, text::say};

pub fn run(arguments: &PolicyPush) -> anyhow::Result<ExitCode> {
    let PolicyPush { module, reference, registry } = arguments;
    anyhow::ensure!(
        !module.starts_with("strategy:"),
        "`{module}` is a strategy; hint: push the component that it runs"
    );
    let module = super::module(module)?;
    let digest = nicety_oci::push(reference, &module, &registry::options(registry))?;
    let pinned = reference.pinned(&digest).to_string();
    say(&if registry.json {
        serde_json::to_string_pretty(&json!({ "reference": pinned, "digest": digest.as_str() }))?
    } else {
        pinned
    });
    Ok(ExitCode::SUCCESS)
}
