//! Facts of attach: which networks a pod is attached to, and how.

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Attribute, Node, Pod};
use crate::address::{Mac, text};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Exactly one request is primary, and extras go beside it.
    #[default]
    OwnNetwork,
    /// No request is primary; an empty list passes the previous result on unchanged.
    Chained,
    /// Exactly one request, the primary one.
    Delegated,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Call {
    /// CNI_IFNAME.
    pub ifname: String,
    pub mode: Mode,
    #[schemars(with = "Vec<text::Prefix>")]
    pub addresses: Vec<IpNet>,
    pub mac: Option<Mac>,
    pub device_id: Option<String>,
    pub attributes: Vec<Attribute>,
}

/// A network that the pod's namespace may use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Offer {
    pub name: String,
    /// The network that the NetConf names.
    pub default: bool,
    pub ready: bool,
    pub attributes: Vec<Attribute>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[schemars(rename = "AttachFacts")]
pub struct Facts {
    pub pod: Pod,
    pub node: Node,
    pub call: Call,
    pub networks: Vec<Offer>,
    pub attributes: Vec<Attribute>,
}
