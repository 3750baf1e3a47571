//! What more than one extension point speaks of (`interface types` of the contract).

use std::net::IpAddr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::address::{Mac, text};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Value {
    Text(String),
    Number(i64),
    Flag(bool),
    Texts(Vec<String>),
}

/// A fact that has no field yet; the registry is `wit/attributes.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    pub name: String,
    pub value: Value,
}

/// A Kubernetes label or annotation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Label {
    pub key: String,
    pub value: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Pod {
    /// Empty when the runtime named no pod.
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub service_account: Option<String>,
    /// None: not known on this node.
    pub labels: Option<Vec<Label>>,
    pub namespace_labels: Option<Vec<Label>>,
    pub annotations: Vec<Label>,
    pub attributes: Vec<Attribute>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Node {
    pub name: String,
    pub labels: Option<Vec<Label>>,
    pub attributes: Vec<Attribute>,
}

/// What `Request::distinct` counts once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    Card,
    NumaNode,
    Upstream,
}

/// One attachment: what attach asks for and nic-selection serves. `ifname` is as the policy wrote it, checked in review.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Request {
    /// Index into the networks on offer.
    pub network: u32,
    pub ifname: Option<String>,
    pub primary: bool,
    pub nics_min: u32,
    pub nics_max: Option<u32>,
    pub distinct: Option<Group>,
    pub masters: Vec<String>,
    pub class: Option<String>,
    /// Bits per second.
    pub target: Option<u64>,
    #[schemars(with = "Vec<text::Prefix>")]
    pub addresses: Vec<IpNet>,
    pub pools: Vec<String>,
    #[schemars(with = "Option<text::Address>")]
    pub gateway4: Option<IpAddr>,
    #[schemars(with = "Option<text::Address>")]
    pub gateway6: Option<IpAddr>,
    pub mac: Option<Mac>,
    /// Bytes.
    pub mtu: Option<u32>,
    pub reason: String,
    pub attributes: Vec<Attribute>,
}

/// What a policy says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Description {
    pub name: String,
    pub version: String,
    pub summary: String,
    /// JSON Schema as text.
    pub config_schema: String,
    pub requires: Vec<String>,
    pub wants: Vec<String>,
}
