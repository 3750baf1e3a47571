//! Whether a gateway lives. One observer makes a verdict of many probes (`judge`); many observers make one word of their verdicts
//! (`quorum`). Neither says what to do about it.

pub mod judge;
pub mod quorum;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use judge::{Answer, Judge, Thresholds};
pub use quorum::{Report, Standing, quorum};

/// What one observer says of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Healthy,
    Unhealthy,
}

/// What all of them say together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    Healthy,
    Unhealthy,
    /// Nobody has said anything, or they do not agree. It is no reason to change anything: see [`Health::after`].
    #[default]
    Unknown,
}

impl Health {
    /// What holds now where `before` held: who knows nothing changes nothing.
    pub fn after(self, before: Health) -> Health {
        match self {
            Health::Unknown => before,
            known => known,
        }
    }
}

impl From<Verdict> for Health {
    fn from(verdict: Verdict) -> Health {
        match verdict {
            Verdict::Healthy => Health::Healthy,
            Verdict::Unhealthy => Health::Unhealthy,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Health::from(*self).fmt(f)
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Health::Healthy => "healthy",
            Health::Unhealthy => "unhealthy",
            Health::Unknown => "unknown",
        })
    }
}
