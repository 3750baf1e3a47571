//! The CNI_* variables of a call. Nothing else of the process environment is ever kept: a runtime's own environment is inherited
//! whole, and may hold anything.

pub mod args;

pub use args::Args;

use std::{collections::BTreeMap, ffi::OsString};

use serde::{Deserialize, Serialize};

use crate::{finding::Finding, version::Version};

/// Longest value that is taken, in bytes; the kernel itself allows 128 KiB.
pub const VALUE_MAX: usize = 32 * 1024;

/// The variables that the specification knows.
pub const VARIABLES: [&str; 6] = ["CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH"];

/// CNI_* variables by name; an empty value is as good as none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// Keeps the variables that the specification knows. A value that is not UTF-8, or too long, is a finding.
    pub fn of(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Env, Vec<Finding>> {
        let mut kept = BTreeMap::new();
        let mut findings = Vec::new();
        for (name, value) in variables {
            let Some(name) = VARIABLES.into_iter().find(|known| name == **known) else { continue };
            match value.into_string() {
                Ok(value) if value.len() <= VALUE_MAX => {
                    kept.insert(name.to_owned(), value);
                }
                Ok(value) => {
                    findings.push(Finding::new(name, format!("is {} bytes long, more than {VALUE_MAX}", value.len())));
                }
                Err(_) => findings.push(Finding::new(name, "is not UTF-8")),
            }
        }
        if findings.is_empty() { Ok(Env(kept)) } else { Err(findings) }
    }

    /// The value, unless it is empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Env {
        Env(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// CNI_COMMAND.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    Add,
    Del,
    Check,
    Gc,
    Status,
    Version,
}

impl Verb {
    pub const ALL: [Verb; 6] = [Verb::Add, Verb::Del, Verb::Check, Verb::Gc, Verb::Status, Verb::Version];

    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Add => "ADD",
            Verb::Del => "DEL",
            Verb::Check => "CHECK",
            Verb::Gc => "GC",
            Verb::Status => "STATUS",
            Verb::Version => "VERSION",
        }
    }

    /// The version of the specification that brought the verb; a configuration of an older one does not allow it.
    pub fn since(self) -> Version {
        match self {
            Verb::Add | Verb::Del | Verb::Version => Version::V0_3_0,
            Verb::Check => Version::V0_4_0,
            Verb::Gc | Verb::Status => Version::V1_1_0,
        }
    }

    /// Variables without which the verb means nothing (specification, section "CNI operations"). CNI_PATH stands there too, but is
    /// for plugins that execute others; this one never does.
    pub fn required(self) -> &'static [&'static str] {
        match self {
            Verb::Add | Verb::Check => &["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"],
            Verb::Del => &["CNI_CONTAINERID", "CNI_IFNAME"],
            Verb::Gc | Verb::Status | Verb::Version => &[],
        }
    }

    /// CNI_COMMAND as a verb, or what is wrong with it.
    pub fn of(env: &Env) -> Result<Verb, Finding> {
        let Some(command) = env.get("CNI_COMMAND") else {
            let hint = "hint: this is a CNI plugin, which a container runtime executes";
            return Err(Finding::new("CNI_COMMAND", format!("is missing; {hint}")));
        };
        let verb = Verb::ALL.into_iter().find(|verb| verb.as_str() == command);
        let all = Verb::ALL.map(Verb::as_str).join(", ");
        verb.ok_or_else(|| Finding::new("CNI_COMMAND", format!("`{command}` is none of {all}")))
    }
}

/// The specification's rule for container IDs and network names: a letter or digit, then letters, digits, `_`, `.` and `-`.
pub(crate) fn is_cni_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.len() <= 253
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

/// What is wrong with an interface name, by the kernel's rules.
pub(crate) fn ifname_fault(text: &str) -> Option<&'static str> {
    if text.len() > 15 {
        Some("is longer than 15 bytes")
    } else if matches!(text, "" | "." | "..") {
        Some("is not a name")
    } else if text.chars().any(|c| c == '/' || c == ':' || c.is_whitespace() || c.is_control()) {
        Some("has a `/`, a `:`, white space or a control character")
    } else {
        None
    }
}
