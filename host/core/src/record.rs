//! What the store knows of an attachment: enough to answer a repeated ADD, to check it, and to take it back without asking anybody.

pub mod decision;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    address::Mac,
    ids::{AttachmentKey, IfName, NetworkName},
    plan::{HostNic, Link, Undo},
};

/// Written before the first kernel change (`Applying`), after the last (`Attached`), and before the first undo (`Detaching`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Applying,
    Attached,
    Detaching,
}

/// The identity of a network namespace: device and inode of its file. The path is as the runtime gave it, and may mean nothing in
/// the daemon's own mount namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetnsId {
    pub device: u64,
    pub inode: u64,
    pub path: String,
}

/// An interface as it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attached {
    pub ifname: IfName,
    pub network: NetworkName,
    pub link: Link,
    pub nic: Option<HostNic>,
    pub mac: Mac,
    pub mtu: Option<u32>,
    pub addresses: Vec<IpNet>,
    pub routes: Vec<crate::plan::Route>,
    /// Bits per second promised by the selection.
    pub reserved: u64,
    /// Why this NIC, in the policy's words.
    pub reason: String,
    /// The strategy that chose.
    pub strategy: String,
}

/// Plugins that were run for CNI_IFNAME inside our transaction, with all that their DEL needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Delegated {
    /// The folder of their files.
    pub directory: String,
    /// CNI_ARGS of the call.
    pub arguments: String,
    /// In the order of their ADD.
    pub plugins: Vec<DelegatedPlugin>,
    /// JSON, of the last plugin. None: ADD has not ended.
    pub result: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DelegatedPlugin {
    /// The file's name.
    pub kind: String,
    /// JSON: its network configuration, without `prevResult`.
    pub config: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PodRef {
    pub namespace: String,
    pub name: String,
    pub uid: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    pub key: AttachmentKey,
    pub state: State,
    pub pod: PodRef,
    pub netns: NetnsId,
    /// Hash of what was asked; a repeated ADD with the same one gets the same result.
    pub request: String,
    pub interfaces: Vec<Attached>,
    /// What made CNI_IFNAME when it was neither we nor a plugin before us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegate: Option<Delegated>,
    pub undo: Vec<Undo>,
    /// Identifier of the decision records that led here, for `explain`.
    pub decision: u64,
    /// What the pod's object in the Kubernetes API is to say of its interfaces: the text of its annotation. None: nobody is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
    /// Of the ADD; `apply_us` is zero until `Attached`.
    pub timings: Timings,
    /// Milliseconds since the epoch.
    pub since: u64,
}

/// Where the time of an ADD went, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Timings {
    /// Facts, policies, review, plan.
    pub decide_us: u64,
    /// Addresses and the record, in one commit.
    pub lease_us: u64,
    /// The kernel.
    pub apply_us: u64,
}
