//! The steps that the kernel crate executes, one kernel request each, and their undo. Execution makes no choice: all names,
//! numbers and addresses stand in the step.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{HostNic, IpvlanMode, MacvlanMode, Port};
pub use crate::address::Family;
use crate::{address::Mac, ids::IfName};

/// Steps without `host` in their name act in the pod's network namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Step {
    CreateMacvlan {
        ifname: IfName,
        master: HostNic,
        mode: MacvlanMode,
        mac: Mac,
        mtu: Option<u32>,
        group: u32,
    },
    CreateIpvlan {
        ifname: IfName,
        master: HostNic,
        mode: IpvlanMode,
        mtu: Option<u32>,
        group: u32,
    },
    CreateVeth {
        ifname: IfName,
        mac: Mac,
        host: IfName,
        host_mac: Mac,
        mtu: Option<u32>,
        group: u32,
    },
    /// The NIC leaves the host and takes its name in the pod; its alias keeps the name that it had.
    MoveIn {
        nic: HostNic,
        ifname: IfName,
        mac: Option<Mac>,
        mtu: Option<u32>,
    },
    AddAddress {
        ifname: IfName,
        address: IpNet,
    },
    SetUp {
        ifname: IfName,
    },
    /// A permanent neighbour: no ARP and no neighbour discovery for the gateway.
    AddNeighbor {
        ifname: IfName,
        address: IpAddr,
        mac: Mac,
    },
    /// `via` none: scope link.
    AddRoute {
        ifname: IfName,
        to: IpNet,
        via: Option<IpAddr>,
    },
    HostSetUp {
        host: IfName,
    },
    /// Makes a host end a port of a bridge that is there.
    HostJoin {
        host: IfName,
        bridge: IfName,
    },
    HostPort {
        host: IfName,
        port: Port,
    },
    /// Writes `net.<family>.conf.<host>.<key>`; the link is ours and takes its settings with it.
    HostSysctl {
        host: IfName,
        family: Family,
        key: LinkSysctl,
        value: u8,
    },
    /// A permanent neighbour: the host reaches its pod at once, where it would first wait a second or two for a link-local
    /// address of its own to ask from.
    HostAddNeighbor {
        host: IfName,
        address: IpAddr,
        mac: Mac,
    },
    HostAddRoute {
        host: IfName,
        to: IpNet,
    },
}

/// The settings of our own host links that we write; no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkSysctl {
    Forwarding,
    /// IPv6 only, where the kernel has it: packets that come in here are forwarded whatever the host's own switch says.
    ForceForwarding,
    /// IPv6 only: no router advertisement from a pod changes the host.
    AcceptRa,
    /// IPv6 only.
    AcceptRedirects,
}

/// Takes back what steps did. Every one of them succeeds when there is nothing left to take back. Addresses, routes and
/// neighbours go with their link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "undo", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Undo {
    /// Deletes in the pod's namespace all links of the group, which are those of `ifnames`, in one request.
    DeleteGroup { group: u32, ifnames: Vec<IfName> },
    /// Deletes a veth by its host end; needs no pod namespace.
    DeleteHostLink { host: IfName },
    /// Brings a NIC back to the host under its own name; when the namespace is gone, the kernel has brought it back already and
    /// only the name is left to restore.
    MoveBack { ifname: IfName, nic: HostNic, mac: Option<Mac>, mtu: Option<u32> },
}
