//! All that a policy may say. Nothing here is trusted before `review` has passed it (invariant I4).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::{Attribute, Request};

/// A policy's answer to the facts of its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Decision {
    Requests(Vec<Request>),
    Selection(Selection),
    /// The new `allowed` bits.
    Allowed(Vec<u64>),
    Assignment(Assignment),
}

/// A policy's no.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Denial {
    /// Kebab-case.
    pub code: String,
    pub message: String,
    /// The runtime may try again.
    pub retryable: bool,
    pub object: Option<String>,
    pub attributes: Vec<Attribute>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Choice {
    pub candidate: u32,
    /// Bits per second.
    pub reserve: Option<u64>,
    pub reason: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Verdict {
    pub candidate: u32,
    pub reason: String,
}

/// Every candidate stands in exactly one of the two lists; `chosen` is in order of preference.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Selection {
    pub chosen: Vec<Choice>,
    pub dropped: Vec<Verdict>,
    pub attributes: Vec<Attribute>,
}

/// Per endpoint a primary and a standby gateway (`facts::gateways::NONE`: none) and an index into `reasons`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Assignment {
    pub primary: Vec<u32>,
    pub standby: Vec<u32>,
    pub reason: Vec<u8>,
    pub reasons: Vec<String>,
    pub attributes: Vec<Attribute>,
}
