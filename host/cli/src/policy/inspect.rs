//! `nicety policy inspect`: what a module says of itself, and what can be seen of it.

use std::process::ExitCode;

use nicety_core::{evaluate::Evaluator, facts::Description};
use nicety_engine::{Inspection, Limits, Policy};
use serde_json::{Value, json};

use super::{check, loaded, module};
use crate::{
    args::PolicyInspect,
    text::{aligned, say},
};

pub(super) fn run(arguments: &PolicyInspect) -> anyhow::Result<ExitCode> {
    let named = &arguments.module.module;
    let bytes = module(named)?;
    let inspection = loaded::engine()?.inspect(&bytes);
    let policy = match &inspection.policy {
        Ok(policy) => policy,
        Err(_) => return Ok(check::unusable(arguments, &inspection)),
    };
    let text = if arguments.module.json {
        let all = json!({
            "module": named,
            "digest": policy.digest(),
            "bytes": bytes.len(),
            "codeBytes": inspection.code_bytes,
            "imports": inspection.imports,
            "exports": inspection.exports,
            "policy": description(policy),
            "limits": policy.limits(),
        });
        serde_json::to_string_pretty(&all)?
    } else {
        lines(&bytes, &inspection, policy)
    };
    say(&text);
    Ok(ExitCode::SUCCESS)
}

/// What a policy says of itself, with its schema as JSON.
pub(super) fn description(policy: &Policy) -> Value {
    let Description { name, version, summary, config_schema, requires, wants } = policy.description();
    let schema = serde_json::from_str(config_schema).unwrap_or_else(|_| Value::String(config_schema.clone()));
    json!({
        "name": name,
        "version": version,
        "summary": summary,
        "kind": policy.kind().name(),
        "configSchema": schema,
        "requires": requires,
        "wants": wants,
    })
}

fn lines(bytes: &[u8], inspection: &Inspection, policy: &Policy) -> String {
    let Description { name, version, summary, config_schema, requires, wants } = policy.description();
    let Limits { fuel, milliseconds, memory, output_bytes, log_bytes } = policy.limits();
    let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let size = format!(
        "{}, of machine code {}",
        count(bytes.len(), "byte"),
        inspection.code_bytes.map_or_else(|| "unknown".to_owned(), |bytes| count(bytes, "byte"))
    );
    let limits = format!(
        "{fuel} fuel, {milliseconds} ms, {memory} bytes of memory, answers of {output_bytes} bytes, logs of {log_bytes} bytes"
    );
    aligned(&[
        ["policy".to_owned(), format!("{name} {version}")],
        ["summary".to_owned(), summary.clone()],
        ["kind".to_owned(), policy.kind().name().to_owned()],
        ["digest".to_owned(), format!("sha256:{}", policy.digest())],
        ["size".to_owned(), size],
        ["imports".to_owned(), list(&inspection.imports)],
        ["exports".to_owned(), list(&inspection.exports)],
        ["requires".to_owned(), list(requires)],
        ["wants".to_owned(), list(wants)],
        [
            "config schema".to_owned(),
            format!("{}; `nicety policy schema` prints it", count(config_schema.len(), "byte")),
        ],
        ["limits".to_owned(), limits],
    ])
}

/// `1 byte`, `2 bytes`.
pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
