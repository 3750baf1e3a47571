//! Facts of gateway-filter and gateway-distribution: parallel flat lists, as the contract has them. `NONE` stands for "no index".

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Attribute;
use crate::address::text;

/// An index that points nowhere.
pub const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    Healthy,
    Unhealthy,
    #[default]
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gateway {
    pub id: String,
    #[serde(default = "none")]
    pub node: u32,
    #[serde(default = "none")]
    pub zone: u32,
    /// The first is the canonical one.
    #[schemars(with = "Vec<text::Address>")]
    pub addresses: Vec<IpAddr>,
    #[serde(default = "one")]
    pub weight: u32,
    #[serde(default)]
    pub health: Health,
    #[serde(default)]
    pub draining: bool,
    /// Milliseconds.
    #[serde(default)]
    pub since: Option<u64>,
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

/// Texts end to end; on disk and in memory a list of strings costs little, only the sandbox's border needs the flat form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Cells {
    Numbers(Vec<u64>),
    Texts(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Column {
    pub name: String,
    pub cells: Cells,
}

/// All lists are of one length, or empty where nothing is known (`uid`, `zone`, `previous`, ...); `identity` and `addresses`
/// are always full.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Endpoints {
    pub identity: Vec<String>,
    pub uid: Vec<String>,
    pub namespace: Vec<u32>,
    #[schemars(with = "Vec<Vec<text::Address>>")]
    pub addresses: Vec<Vec<IpAddr>>,
    pub node: Vec<u32>,
    pub zone: Vec<u32>,
    pub previous: Vec<u32>,
    pub columns: Vec<Column>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[schemars(rename = "GatewayFacts")]
pub struct Facts {
    pub policy: String,
    pub nodes: Vec<String>,
    pub namespaces: Vec<String>,
    pub zones: Vec<String>,
    pub zone_region: Vec<u32>,
    pub regions: Vec<String>,
    pub gateways: Vec<Gateway>,
    pub endpoints: Endpoints,
    /// Row-major bits, `words_per_endpoint` words per endpoint; empty: all allowed.
    pub allowed: Vec<u64>,
    pub attributes: Vec<Attribute>,
}

impl Endpoints {
    pub fn len(&self) -> usize {
        self.identity.len()
    }

    pub fn is_empty(&self) -> bool {
        self.identity.is_empty()
    }
}

impl Facts {
    pub fn words_per_endpoint(&self) -> usize {
        self.gateways.len().div_ceil(64)
    }
}

fn none() -> u32 {
    NONE
}

fn one() -> u32 {
    1
}
