//! Calls of `kubectl`, with the user's own configuration.

use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::args::Cluster;

#[derive(Debug)]
pub struct Kubectl<'a> {
    pub cluster: &'a Cluster,
}

/// What there is to say when kubectl is not there.
const HINT: &str = "cannot run `kubectl`; hint: this plugin asks by it, put it into PATH";

impl Kubectl<'_> {
    /// Objects of a kind.
    pub fn list(&self, kind: &str, more: &[&str]) -> anyhow::Result<Vec<Value>> {
        let mut arguments = vec!["get", kind, "--output", "json", "--ignore-not-found"];
        arguments.extend(more);
        let text = self.output(&arguments)?;
        if text.trim().is_empty() {
            return Ok(Vec::new());
        }
        let mut list: Value = serde_json::from_str(&text).context("`kubectl` did not answer with JSON")?;
        match list.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => Ok(items),
            _ => Ok(vec![list]),
        }
    }

    pub fn output(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.command(arguments).stderr(Stdio::piped()).output().context(HINT)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let unknown = said.contains("the server doesn't have a resource type");
            let hint =
                if unknown { "; hint: our kinds are not installed, `kubectl apply -k deploy` does it" } else { "" };
            bail!("`kubectl {}`: {}{hint}", arguments.join(" "), said.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Its output is the user's.
    pub fn pass(&self, arguments: &[&str]) -> anyhow::Result<i32> {
        let status = self.command(arguments).status().context(HINT)?;
        Ok(status.code().unwrap_or(1))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        for (flag, value) in [("--kubeconfig", &self.cluster.kubeconfig), ("--context", &self.cluster.context)] {
            if let Some(value) = value {
                command.arg(flag).arg(value);
            }
        }
        command.args(arguments).stdin(Stdio::null());
        command
    }
}
