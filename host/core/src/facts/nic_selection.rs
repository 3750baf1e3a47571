//! Facts of nic-selection: which NICs of the node serve one attachment.

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Attribute, Node, Pod, Request};
use crate::address::{Mac, PciAddress, text};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    Up,
    Down,
    #[default]
    Unknown,
}

/// SR-IOV virtual functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Functions {
    pub total: u32,
    pub free: u32,
}

/// Present use of a NIC by one namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UseBy {
    pub namespace: String,
    #[serde(default)]
    pub tenant: Option<String>,
    pub attachments: u32,
}

/// A network interface of the node. Speeds and rates in bits per second, MTU in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Nic {
    pub name: String,
    #[serde(with = "mac_or_zero")]
    #[schemars(with = "Mac")]
    pub mac: u64,
    pub mtu: u32,
    pub speed: Option<u64>,
    pub state: LinkState,
    #[schemars(with = "Vec<text::Prefix>")]
    pub addresses: Vec<IpNet>,
    pub numa: Option<u32>,
    pub pci: Option<PciAddress>,
    pub upstream: Option<PciAddress>,
    pub vendor: Option<u16>,
    pub product: Option<u16>,
    pub driver: String,
    pub card: Option<u32>,
    pub functions: Option<Functions>,
    pub rdma: bool,
    pub receive: Option<u64>,
    pub transmit: Option<u64>,
    pub master_of: Option<String>,
    pub users: Vec<UseBy>,
    pub promised: u64,
    pub attributes: Vec<Attribute>,
}

/// A device other than a NIC that the pod holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Device {
    pub kind: String,
    pub numa: Option<u32>,
    pub pci: Option<PciAddress>,
    pub attributes: Vec<Attribute>,
}

/// A DeviceClass of the cluster and the candidates that belong to it, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceClass {
    pub name: String,
    pub members: Vec<u32>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[schemars(rename = "NicSelectionFacts")]
pub struct Facts {
    pub pod: Pod,
    pub node: Node,
    pub request: Request,
    pub candidates: Vec<Nic>,
    pub taken: Vec<u32>,
    pub devices: Vec<Device>,
    pub classes: Vec<DeviceClass>,
    pub attributes: Vec<Attribute>,
}

impl Nic {
    /// Attachments of all namespaces together.
    pub fn attachments(&self) -> u32 {
        self.users.iter().fold(0, |sum, user| sum.saturating_add(user.attachments))
    }
}

/// The contract carries 48 bits; people write `02:00:00:00:00:01`.
mod mac_or_zero {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::address::Mac;

    pub fn serialize<S: Serializer>(bits: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        let mac = Mac::from_u64(*bits).ok_or_else(|| serde::ser::Error::custom("more than 48 bits"))?;
        serializer.serialize_str(&mac.to_string())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse::<Mac>().map(Mac::to_u64).map_err(D::Error::custom)
    }
}
