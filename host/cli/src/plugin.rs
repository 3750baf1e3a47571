//! `kubectl nicety`: what a person with a kubeconfig may see, without a way to any node.
//!
//! It asks by running `kubectl`, which called it: so every way to log in, every proxy and every context that works there works here,
//! and `explain` runs in the daemon's pod by `kubectl exec`, where the rights to do so are the cluster's own (pods/exec in the
//! namespace of Nicety) and no port is opened.

mod egress;
mod explain;
mod kubectl;
mod networks;
mod nodes;
mod status;
#[cfg(test)]
mod tests;

use std::{ffi::OsStr, path::Path, process::ExitCode};

use serde_json::Value;

use crate::args::{Plugin, PluginCommand};
use kubectl::Kubectl;

/// The name under which kubectl finds the plugin.
const NAME: &str = "kubectl-nicety";

/// Whether this program was called as the plugin.
pub fn is_called(program: Option<&OsStr>) -> bool {
    program.map(Path::new).and_then(Path::file_stem).is_some_and(|name| name == NAME)
}

pub fn run(plugin: &Plugin) -> anyhow::Result<ExitCode> {
    let kubectl = Kubectl { cluster: &plugin.cluster };
    match &plugin.command {
        PluginCommand::Status => status::run(&kubectl),
        PluginCommand::Explain(arguments) => explain::run(&kubectl, arguments),
        PluginCommand::Nodes => nodes::run(&kubectl),
        PluginCommand::Egress(arguments) => egress::run(&kubectl, arguments),
        PluginCommand::Networks => networks::run(&kubectl),
    }
}

/// A text of an object, empty where there is none.
fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn number(object: &Value, pointer: &str) -> u64 {
    object.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}

fn entries<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    object.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// Conditions that are not true, each with its reason.
fn untrue(object: &Value) -> Vec<String> {
    let bad = entries(object, "/status/conditions").filter(|condition| text(condition, "/status") != "True");
    bad.map(|condition| {
        format!("{}: {}: {}", text(condition, "/type"), text(condition, "/reason"), text(condition, "/message"))
    })
    .collect()
}

/// A condition in one word: `yes`, `no` with its reason, `-` where nobody said.
fn condition(object: &Value, kind: &str) -> String {
    let found = entries(object, "/status/conditions").find(|condition| text(condition, "/type") == kind);
    match found.map(|condition| (text(condition, "/status"), text(condition, "/reason"))) {
        None => "-".to_owned(),
        Some(("True", _)) => "yes".to_owned(),
        Some((_, reason)) => format!("no: {reason}"),
    }
}
