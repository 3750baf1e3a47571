//! Names that cannot be wrong: parsed at the border, carried as types from there on.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Longest interface name that the kernel takes, in bytes (IFNAMSIZ less its final zero).
pub const IFNAME_MAX: usize = 15;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} `{text}` {reason}")]
pub struct InvalidName {
    pub what: &'static str,
    pub text: String,
    pub reason: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                match $check(text) {
                    None => Ok($name(text.to_owned())),
                    Some(reason) => Err(InvalidName { what: $what, text: text.to_owned(), reason }),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A network interface's name: 1 to 15 bytes, no `/`, no `:`, no white space, neither `.` nor `..` (kernel, `dev_valid_name`).
    IfName, "interface name", ifname
);
name!(
    /// CNI_CONTAINERID: a letter or digit, then letters, digits, `_`, `.`, `-` (CNI specification, "Parameters").
    ContainerId, "container ID", cni_name
);
name!(
    /// The `name` of a network configuration, by the CNI specification's rule, which is that of a container ID.
    NetConfName, "network configuration name", cni_name
);
name!(
    /// The name of a Network object: a Kubernetes DNS subdomain of at most 63 bytes.
    NetworkName, "network name", object_name
);
name!(
    /// The name of a node, as Kubernetes knows it.
    NodeName, "node name", node_name
);
name!(
    /// The name of a strategy.
    StrategyName, "strategy name", object_name
);

/// What an attachment is known by (invariant I11): the three names by which the runtime itself knows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttachmentKey {
    pub netconf: NetConfName,
    pub container: ContainerId,
    pub ifname: IfName,
}

impl fmt::Display for AttachmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.netconf, self.container, self.ifname)
    }
}

fn ifname(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("is empty")
    } else if text.len() > IFNAME_MAX {
        Some("is longer than 15 bytes")
    } else if text == "." || text == ".." {
        Some("is a directory's name")
    } else if text.chars().any(|c| c == '/' || c == ':' || c.is_whitespace() || c.is_control()) {
        Some("has a `/`, a `:`, white space or a control character")
    } else {
        None
    }
}

fn cni_name(text: &str) -> Option<&'static str> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    match text.chars().next() {
        None => Some("is empty"),
        Some(first) if !first.is_ascii_alphanumeric() => Some("does not start with a letter or digit"),
        Some(_) if !text.chars().all(legal) => Some("has characters other than letters, digits, `_`, `.` and `-`"),
        Some(_) if text.len() > 253 => Some("is longer than 253 bytes"),
        Some(_) => None,
    }
}

fn object_name(text: &str) -> Option<&'static str> {
    if text.len() > 63 { Some("is longer than 63 bytes") } else { node_name(text) }
}

fn node_name(text: &str) -> Option<&'static str> {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    if text.is_empty() {
        Some("is empty")
    } else if text.len() > 253 {
        Some("is longer than 253 bytes")
    } else if !edge(text.chars().next()) || !edge(text.chars().next_back()) || !text.chars().all(inner) {
        Some("is not lower-case letters, digits, `-` and `.`, with a letter or digit at both ends")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_name_is_what_the_kernel_takes() {
        for good in ["eth0", "net1-0", "fifteencharsaaa", "a.b"] {
            assert!(good.parse::<IfName>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "sixteencharsaaaa", "a/b", "a:b", "a b", "a\n"] {
            assert!(bad.parse::<IfName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_container_id_is_what_the_cni_specification_takes() {
        assert!("0a-b_c.d".parse::<ContainerId>().is_ok());
        for bad in ["", "-a", "a/b", "a b", "ä"] {
            assert!(bad.parse::<ContainerId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_refusal_names_the_text_and_the_rule() {
        let refused = "Net".parse::<NetworkName>().unwrap_err().to_string();
        assert!(refused.starts_with("network name `Net` is not lower-case"), "{refused}");
    }
}
