//! A Network as its author writes it: the schema of the custom resource, before any rule that a schema cannot say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use nicety_core::address::PciAddress;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{selector::LabelSelector, text};

/// A pod network: addresses, the NICs that carry it, and how pods are attached to them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkSpec {
    /// One prefix per address family. May be absent only when `ipam.type` is `none`. Never changes.
    #[serde(default)]
    #[schemars(with = "Vec<text::Cidr>", length(max = 2))]
    pub subnets: Vec<IpNet>,
    /// The NIC pool by the networks that the NICs have addresses in, in order of preference.
    #[serde(default)]
    #[schemars(with = "Vec<text::Cidr>", length(max = 64))]
    pub master_nets: Vec<IpNet>,
    /// The NIC pool by what the NICs are, in order of preference. Excludes `masterNets`. When both are absent, all NICs that the
    /// node's inventory offers (of a `veth-routed` or `bridge` network: none).
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub nics: Vec<NicSelector>,
    pub link: LinkSpec,
    pub ipam: IpamSpec,
    /// Routes in the pod.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub routes: Vec<RouteSpec>,
    /// Default gateway of the pod for IPv4, on the interface whose on-link prefix holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::AddressV4>")]
    pub gateway4: Option<Ipv4Addr>,
    /// As `gateway4`, for IPv6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::AddressV6>")]
    pub gateway6: Option<Ipv6Addr>,
    #[serde(default)]
    pub strategy: StrategyOverride,
    /// Namespaces whose pods may be attached. Excludes `namespaceSelector`. When both are absent: all.
    #[serde(default)]
    #[schemars(with = "Vec<text::Namespace>", length(max = 1024))]
    pub namespaces: Vec<String>,
    /// Namespaces whose pods may be attached, by their labels. Excludes `namespaces`. `{}` selects all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
    /// Whether the nodes route between their blocks of this network.
    #[serde(default)]
    pub routing: Routing,
}

/// Routes between nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Routing {
    /// Pods of different nodes reach each other on the link of their NICs, or not at all.
    #[default]
    None,
    /// Each node has a route to every other node's block, by the address of the NIC there. Of `veth-routed`, `bridge` and ipvlan in
    /// mode `l3` or `l3s`, with `ipam.type: blocks`.
    L3,
}

/// A NIC fits when everything that is said here is true of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("minProperties" = 1))]
pub struct NicSelector {
    /// Interface name on the host; a `*` at its end stands for any rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// PCI vendor, hexadecimal: `15b3`.
    #[serde(with = "text::optional_hex16", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::Hex16>")]
    pub vendor: Option<u16>,
    /// PCI product, hexadecimal: `1019`.
    #[serde(with = "text::optional_hex16", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::Hex16>")]
    pub product: Option<u16>,
    /// Kernel driver: `mlx5_core`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// PCI address: `0000:0c:05.0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::Pci>")]
    pub pci: Option<PciAddress>,
    /// Index of the network card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<u32>,
    /// NUMA node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numa: Option<u32>,
}

/// The link kind and its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LinkSpec {
    /// Never changes.
    pub kind: LinkKind,
    /// Never changes. Of macvlan `bridge` (the default), `private`, `vepa`, `passthru` or `source`; of ipvlan `l2` (the default), `l3` or `l3s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<LinkMode>,
    /// Bytes. Absent: as the NIC has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 68, max = 65535))]
    pub mtu: Option<u32>,
    /// Of `bridge`: the bridge on each node. Never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<BridgeSpec>,
    /// Of `host-device`: the extended resource by which pods ask for a device of this network. Absent with `sriov`: the name that the
    /// SR-IOV operator's resource gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::Resource>")]
    pub resource_name: Option<String>,
    /// Of `host-device`: the devices are virtual functions, which the SR-IOV network operator makes as described here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sriov: Option<SriovSpec>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LinkKind {
    Macvlan,
    Ipvlan,
    /// A veth whose host end is routed; needs no NIC.
    VethRouted,
    /// A veth whose host end is a port of a bridge on the node; needs no NIC.
    Bridge,
    /// The whole device moves into the pod.
    HostDevice,
}

/// A bridge of the node. It is made with the first pod and stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BridgeSpec {
    /// Interface name of the bridge. Absent: made from the network's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::Interface>")]
    pub name: Option<String>,
    /// Whether the bridge has the first address of the node's block and is the pods' default gateway.
    pub gateway: BridgeGateway,
    /// Whether packets to destinations outside of the network's subnets leave the node with the node's own address.
    pub masquerade: Masquerade,
    /// Whether a pod reaches itself through the bridge, by the address of a Service for example.
    pub hairpin: bool,
    /// Whether pods on one bridge are kept from each other; they reach the gateway alone.
    pub isolated: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BridgeGateway {
    /// The bridge has an address and routes.
    #[default]
    Host,
    /// The bridge only bridges.
    None,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Masquerade {
    #[default]
    None,
    /// What leaves the network.
    Outside,
}

/// Virtual functions, in the words of the SR-IOV network operator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SriovSpec {
    /// Virtual functions per NIC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4096))]
    pub num_vfs: Option<u32>,
    /// Of policies for one NIC that with the least number wins.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 99))]
    pub priority: Option<u32>,
    /// Whether the functions are used for RDMA.
    pub is_rdma: bool,
    /// Whether pods need `/dev/vhost-net`.
    pub need_vhost_net: bool,
    /// VLAN that the function is in. 0: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 4094))]
    pub vlan: Option<u16>,
    /// 802.1p priority in the VLAN.
    #[serde(rename = "vlanQoS", skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 7))]
    pub vlan_qos: Option<u8>,
    /// Whether the NIC drops frames with a foreign source address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spoof_chk: Option<bool>,
    /// Whether the pod may change its hardware address and turn promiscuous mode on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust: Option<bool>,
    /// Least transmit rate, in Mbit/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_tx_rate: Option<u32>,
    /// Greatest transmit rate, in Mbit/s. 0: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tx_rate: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LinkMode {
    Bridge,
    Private,
    Vepa,
    Passthru,
    Source,
    L2,
    L3,
    L3s,
}

/// Where addresses come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IpamSpec {
    /// Never changes.
    #[serde(rename = "type")]
    pub kind: IpamKind,
    /// `blocks`: bits that number the NICs. Absent: 0, one interface block for all. Never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 32))]
    pub interface_block: Option<u8>,
    /// `blocks`: bits that number the nodes. Never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 32))]
    pub host_block: Option<u8>,
    /// Prefixes or addresses that are never handed out.
    #[serde(default, rename = "excludeCIDRs", with = "text::nets")]
    #[schemars(with = "Vec<text::CidrOrAddress>", length(max = 256))]
    pub exclude_cidrs: Vec<IpNet>,
    /// `ranges`: who owns which addresses.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    pub ranges: Vec<RangeSpec>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IpamKind {
    /// Blocks cut from the subnets by interface and host index; an IPBlock object gives one to a NIC of a node.
    Blocks,
    /// Plain ranges, each owned by one node.
    Ranges,
    /// Interfaces without addresses.
    None,
}

/// `first` and `last`, both inclusive, or `cidr`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RangeSpec {
    /// The node that owns the range.
    #[schemars(with = "text::Node")]
    pub node: String,
    /// First address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::Address>")]
    pub first: Option<IpAddr>,
    /// Last address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::Address>")]
    pub last: Option<IpAddr>,
    /// A whole prefix, instead of `first` and `last`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::Cidr>")]
    pub cidr: Option<IpNet>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteSpec {
    /// Destination: `0.0.0.0/0` is the default route.
    #[schemars(with = "text::Cidr")]
    pub to: IpNet,
    /// Absent: on link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::Address>")]
    pub via: Option<IpAddr>,
}

/// Strategies of this network, before the defaults and before the overrides of `strategies.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct StrategyOverride {
    /// Strategy that chooses NICs for pods of this network.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::StrategyRef>")]
    pub nic_selection: Option<String>,
}
