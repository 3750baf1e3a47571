//! The name of a policy: that of its folder, its package and its component.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// As long as a DNS label may be, because it may become one.
const LONGEST: usize = 63;

/// Kebab-case: lower-case letters, digits and single hyphens; a letter first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PolicyName(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` cannot name a policy: {why}; hint: kebab-case, such as `fast-first`")]
pub struct NameError {
    pub name: String,
    pub why: &'static str,
}

impl PolicyName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As an identifier of most languages.
    pub fn snake(&self) -> String {
        self.0.replace('-', "_")
    }
}

impl FromStr for PolicyName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<PolicyName, NameError> {
        let why = if name.is_empty() {
            Some("it is empty")
        } else if name.len() > LONGEST {
            Some("it is longer than 63 bytes")
        } else if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
            Some("it must start with a lower-case letter")
        } else if !name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-') {
            Some("it may hold lower-case letters, digits and hyphens alone")
        } else if name.ends_with('-') || name.contains("--") {
            Some("a hyphen must stand between two letters or digits")
        } else {
            None
        };
        match why {
            Some(why) => Err(NameError { name: name.to_owned(), why }),
            None => Ok(PolicyName(name.to_owned())),
        }
    }
}

impl TryFrom<String> for PolicyName {
    type Error = NameError;

    fn try_from(name: String) -> Result<PolicyName, NameError> {
        name.parse()
    }
}

impl From<PolicyName> for String {
    fn from(name: PolicyName) -> String {
        name.0
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kebab_case() {
        for good in ["a", "fast-first", "v2-rails"] {
            assert_eq!(good.parse::<PolicyName>().unwrap().as_str(), good);
        }
        let long = "a".repeat(64);
        for bad in ["", "-a", "a-", "a--b", "A", "2a", "a_b", "a/b", "..", "ä", &long] {
            let error = bad.parse::<PolicyName>().unwrap_err();
            assert!(error.to_string().contains(&format!("`{bad}`")), "{error}");
        }
    }
}
