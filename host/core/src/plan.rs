//! What is to be done to the kernel, as data. `Plan<Unbound>` says which interfaces and which addresses are wanted; `bind` joins it
//! with the leases into a `Plan<Bound>`, whose steps and undo are complete before the first step runs (invariant I5).

pub mod bind;
pub mod build;
pub mod conflict;
pub mod step;

pub use bind::BindError;
pub use build::Chosen;
pub use conflict::Use;
pub use step::{Step, Undo};

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    address::Mac,
    ids::{AttachmentKey, IfName, NetworkName},
    ipam::Claim,
};

/// A NIC of the host as the kernel knows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostNic {
    pub name: IfName,
    pub index: u32,
}

/// What a NIC has of its own, and gets back when it comes home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NicSettings {
    pub mac: Mac,
    /// Bytes.
    pub mtu: u32,
}

/// How an interface is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Link {
    Macvlan {
        mode: MacvlanMode,
    },
    Ipvlan {
        mode: IpvlanMode,
    },
    /// A veth whose pod end has a /32 or /128, a link-local gateway and a permanent neighbour; the host routes.
    VethRouted,
    /// A veth whose host end is a port of the network's bridge.
    Bridge,
    /// The whole NIC moves into the pod.
    HostDevice,
}

/// `passthru` takes the master for itself alone; `source` takes only frames of listed senders, of which we list none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MacvlanMode {
    #[default]
    Bridge,
    Private,
    Vepa,
    Passthru,
    Source,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IpvlanMode {
    #[default]
    L2,
    L3,
    L3s,
}

/// The bridge of a network on this node, and how its pods are on it. It is the node's, not the attachment's: made with the first
/// pod, and there until the network goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bridge {
    pub name: IfName,
    /// Bytes. None: as the kernel makes it.
    pub mtu: Option<u32>,
    /// What the bridge itself has: the pods' gateways, with the length of the on-link prefix.
    pub gateways: Vec<IpNet>,
    pub port: Port,
}

/// Settings of each pod's port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Port {
    /// Frames may leave by the port that they came in on: a pod reaches itself by the address of a Service.
    pub hairpin: bool,
    /// Nothing passes between two ports that are both isolated.
    pub isolated: bool,
}

/// A route in the pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    pub to: IpNet,
    /// None: on link.
    pub via: Option<IpAddr>,
}

/// One interface of the pod, without its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Interface {
    pub ifname: IfName,
    pub network: NetworkName,
    pub link: Link,
    /// None only for an interface of a network without NICs: veth-routed or on a bridge.
    pub nic: Option<HostNic>,
    /// Of a link that is on a bridge, and of no other.
    pub bridge: Option<Bridge>,
    /// What `nic` has of its own.
    pub settings: Option<NicSettings>,
    /// As the pod sees it. An ipvlan and a passthru macvlan have their NIC's.
    pub mac: Mac,
    /// Bytes. None: as the NIC has it.
    pub mtu: Option<u32>,
    /// Including default routes. A veth-routed interface reaches all of them through its own link-local gateway.
    pub routes: Vec<Route>,
}

/// Interfaces and what addresses each wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unbound {
    pub claims: Vec<Vec<Claim>>,
}

/// Interfaces with their addresses, and the steps that make them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// Per interface, as it carries them: with the length of the on-link prefix, or as /32 and /128 where it is veth-routed.
    pub addresses: Vec<Vec<IpNet>>,
    /// Per interface, every route that a step makes: what CHECK looks for.
    pub routes: Vec<Vec<Route>>,
    pub steps: Vec<Step>,
    /// In the order in which it is to run.
    pub undo: Vec<Undo>,
}

/// One transaction: all interfaces of one attachment (invariant I11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan<State> {
    pub key: AttachmentKey,
    pub interfaces: Vec<Interface>,
    pub state: State,
}

impl Link {
    /// Kind and mode as facts and messages name them: `ipvlan/l3`.
    pub fn name(self) -> &'static str {
        match self {
            Link::Macvlan { mode: MacvlanMode::Bridge } => "macvlan/bridge",
            Link::Macvlan { mode: MacvlanMode::Private } => "macvlan/private",
            Link::Macvlan { mode: MacvlanMode::Vepa } => "macvlan/vepa",
            Link::Macvlan { mode: MacvlanMode::Passthru } => "macvlan/passthru",
            Link::Macvlan { mode: MacvlanMode::Source } => "macvlan/source",
            Link::Ipvlan { mode: IpvlanMode::L2 } => "ipvlan/l2",
            Link::Ipvlan { mode: IpvlanMode::L3 } => "ipvlan/l3",
            Link::Ipvlan { mode: IpvlanMode::L3s } => "ipvlan/l3s",
            Link::VethRouted => "veth-routed",
            Link::Bridge => "bridge",
            Link::HostDevice => "host-device",
        }
    }
}
