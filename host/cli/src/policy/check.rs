//! `nicety policy check`: loads a module as the daemon would and says everything that is against it at once.

use std::process::ExitCode;

use nicety_core::{
    evaluate::Evaluator,
    facts::{Description, registry},
    finding::Finding,
};
use nicety_engine::{Inspection, LoadError, Policy};
use nicety_objects::schema;
use serde_json::{Value, json};

use super::{SAID_NO, loaded, module};
use crate::{
    args::{PolicyCheck, PolicyInspect},
    policy::inspect::{self, count},
    text::{complain, say},
};

/// A ConfigMap holds 1 MiB, and more than the module is in it.
const CONFIG_MAP_MODULE: usize = 900 << 10;

pub(super) fn run(arguments: &PolicyCheck) -> anyhow::Result<ExitCode> {
    let named = &arguments.module.module;
    let config = arguments.config.as_deref().map(|path| loaded::config(Some(path))).transpose()?;
    let bytes = module(named)?;
    let inspection = loaded::engine()?.inspect(&bytes);
    let findings = findings(&inspection, config.as_ref());
    let notes = notes(&bytes, &inspection, config.as_ref());
    if arguments.module.json {
        let policy = inspection.policy.as_ref().ok();
        let all = json!({
            "module": named,
            "digest": nicety_engine::digest(&bytes),
            "bytes": bytes.len(),
            "policy": policy.map(inspect::description),
            "findings": findings,
            "notes": notes,
        });
        say(&serde_json::to_string_pretty(&all)?);
    } else {
        for finding in &findings {
            complain(&format!("{named}: {finding}"));
        }
        for note in &notes {
            complain(&format!("note: {note}"));
        }
        match &inspection.policy {
            Ok(policy) if findings.is_empty() => say(&format!("{named}: good: {}", in_short(policy, &bytes))),
            _ => complain(&format!("{named}: {}", count(findings.len(), "finding"))),
        }
    }
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(SAID_NO) })
}

/// Everything for which the daemon would not take the module, or this config of it.
fn findings(inspection: &Inspection, config: Option<&Value>) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        inspection.breaches.iter().map(|breach| Finding::new("contract", breach.to_string())).collect();
    match &inspection.policy {
        // Told in full just above.
        Err(LoadError::Contract(breach)) if inspection.breaches.contains(breach) => {}
        Err(LoadError::Contract(breach)) => findings.push(Finding::new("contract", breach.to_string())),
        Err(error) => findings.push(Finding::new(place(error), nicety_deciding::chain(error))),
        Ok(policy) => {
            if let Err(error) = schema::compile_check(&policy.description().config_schema) {
                findings.push(Finding::new("description.configSchema", error.to_string()));
            } else if let Some(config) = config {
                let refused = nicety_strategies::build::refused_config(policy, config);
                findings.extend(refused.into_iter().map(|finding| finding.within("config")));
            }
        }
    }
    findings
}

fn place(error: &LoadError) -> &'static str {
    match error {
        LoadError::Describe(_) | LoadError::Description { .. } => "description",
        _ => "module",
    }
}

/// What is good to know and no reason to refuse.
fn notes(bytes: &[u8], inspection: &Inspection, config: Option<&Value>) -> Vec<String> {
    let mut notes = Vec::new();
    if bytes.len() > CONFIG_MAP_MODULE {
        notes.push(format!(
            "{} bytes do not fit into a ConfigMap, which takes {CONFIG_MAP_MODULE}; hint: ship it as a file or by a registry",
            bytes.len()
        ));
    }
    let Ok(policy) = &inspection.policy else { return notes };
    let Description { wants, .. } = policy.description();
    let unknown = wants.iter().filter(|name| !registry::is_known(name));
    notes.extend(
        unknown.map(|name| format!("it wants the attribute `{name}`, which this host does not know and never gives")),
    );
    if config.is_none() && !nicety_strategies::build::refused_config(policy, &json!({})).is_empty() {
        notes.push("it does not run without a config; hint: `--config FILE` checks one".to_owned());
    }
    notes
}

fn in_short(policy: &Policy, bytes: &[u8]) -> String {
    let Description { name, version, .. } = policy.description();
    format!("policy {name} {version}, {}, {}", policy.kind().name(), count(bytes.len(), "byte"))
}

/// `nicety policy inspect` of something that cannot be loaded is a check of it.
pub(super) fn unusable(arguments: &PolicyInspect, inspection: &Inspection) -> ExitCode {
    for finding in findings(inspection, None) {
        complain(&format!("{}: {finding}", arguments.module.module));
    }
    ExitCode::from(SAID_NO)
}
