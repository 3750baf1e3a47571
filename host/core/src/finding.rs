//! What was found wrong, and where: the one shape in which validation and review answer.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that is wrong. `path` names the field as its author wrote it: `spec.ipam.hostBlock`, `requests[1].ifname`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    pub path: String,
    /// Lower case, no final dot: what is wrong, then what to do.
    pub message: String,
}

impl Finding {
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Finding { path: path.into(), message: message.into() }
    }

    /// The same finding, seen from the object that holds the field's owner.
    pub fn within(self, parent: &str) -> Self {
        let path = match (parent.is_empty(), self.path.is_empty() || self.path.starts_with('[')) {
            (true, _) => self.path,
            (false, true) => format!("{parent}{}", self.path),
            (false, false) => format!("{parent}.{}", self.path),
        };
        Finding { path, ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.path, self.message) }
    }
}

/// Every finding on a line of its own, for messages that must carry all of them.
pub fn list(findings: &[Finding]) -> String {
    findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_named_from_the_outermost_object() {
        let finding = Finding::new("hostBlock", "is too large").within("ipam").within("spec");
        assert_eq!(finding.to_string(), "spec.ipam.hostBlock: is too large");
        assert_eq!(Finding::new("[1].ifname", "is taken").within("requests").path, "requests[1].ifname");
    }
}
