//! The versions of the CNI specification that this plugin speaks.

use std::{fmt, str::FromStr};

/// In the order of their publication: a later one is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    V0_3_0,
    V0_3_1,
    V0_4_0,
    V1_0_0,
    V1_1_0,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("version `{asked}` of the CNI specification is not supported; hint: this plugin speaks {}", spoken())]
pub struct Unsupported {
    asked: String,
}

impl Version {
    pub const ALL: [Version; 5] = [Version::V0_3_0, Version::V0_3_1, Version::V0_4_0, Version::V1_0_0, Version::V1_1_0];

    pub const NEWEST: Version = Version::V1_1_0;

    pub fn as_str(self) -> &'static str {
        match self {
            Version::V0_3_0 => "0.3.0",
            Version::V0_3_1 => "0.3.1",
            Version::V0_4_0 => "0.4.0",
            Version::V1_0_0 => "1.0.0",
            Version::V1_1_0 => "1.1.0",
        }
    }
}

impl FromStr for Version {
    type Err = Unsupported;
    fn from_str(text: &str) -> Result<Version, Unsupported> {
        let found = Version::ALL.into_iter().find(|version| version.as_str() == text);
        found.ok_or_else(|| Unsupported { asked: text.to_owned() })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn spoken() -> String {
    Version::ALL.map(Version::as_str).join(", ")
}
