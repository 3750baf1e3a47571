//! A HostInterface: the NICs of one node, published by the node's daemon (or, for NICs that no daemon can see whole, written by
//! people), and what the daemon says back to the cluster. One object per node, named as the node.

use ipnet::IpNet;
use nicety_core::{
    address::{Mac, PciAddress},
    finding::Finding,
    ids::{IfName, NodeName},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{condition::Condition, text};

/// The label of a HostInterface that people write: the daemon adds its NICs to those that it finds and never writes the object's
/// spec.
pub const UNMANAGED: &str = "nicety.dev/unmanaged";

/// The NICs of one node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostInterfaceSpec {
    /// In the order of the node's inventory. A NIC that is gone is not listed.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub interfaces: Vec<InterfaceSpec>,
}

/// One NIC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InterfaceSpec {
    /// Interface name on the host; each once.
    #[schemars(with = "text::Interface")]
    pub name: String,
    /// The networks that the NIC has addresses in, canonical, in the order of `addresses`. Absent: those of `addresses`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<text::Cidr>", length(max = 64))]
    pub net_addresses: Vec<IpNet>,
    /// The NIC's own addresses, each with the length of its prefix: `10.0.1.11/24`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<text::Cidr>", length(max = 64))]
    pub addresses: Vec<IpNet>,
    /// Hardware address: `02:00:00:00:00:01`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::HardwareAddress>")]
    pub mac: Option<Mac>,
    /// Bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 68, max = 65535))]
    pub mtu: Option<u32>,
    /// PCI vendor, hexadecimal: `15b3`.
    #[serde(default, with = "text::optional_hex16", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::Hex16>")]
    pub vendor: Option<u16>,
    /// PCI product, hexadecimal: `1019`.
    #[serde(default, with = "text::optional_hex16", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::Hex16>")]
    pub product: Option<u16>,
    /// PCI address: `0000:0c:05.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::Pci>")]
    pub pci_address: Option<PciAddress>,
    /// NUMA node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 65535))]
    pub numa_node: Option<u32>,
    /// Index of the network card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 65535))]
    pub card: Option<u32>,
    /// Kernel driver: `mlx5_core`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub driver: String,
    /// Whether the interface is set up. Absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up: Option<bool>,
    /// Whether the link has a signal. Absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<bool>,
    /// What else is known of the NIC, by name, for policies to read.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub attributes: std::collections::BTreeMap<String, String>,
}

/// What the node's daemon says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HostInterfaceStatus {
    /// Names of IPBlocks that are being deleted and from which the daemon hands out no more, with no lease left. Only these may
    /// lose their finalizer while the node is there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub released: Vec<String>,
    /// Networks that the daemon can attach pods to: each is known, has its block on this node where it needs one, and its routes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<NodeNetwork>,
    /// Version of the daemon.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub daemon: String,
    /// The `metadata.generation` of this object that the daemon has read: of interest where people write the spec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// One network on this node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeNetwork {
    /// Name of the Network.
    pub name: String,
    /// The Network's `metadata.generation` that is in force on this node.
    #[serde(default)]
    pub generation: i64,
    /// True when a pod that asks for the network now gets it.
    pub ready: bool,
    /// Why not, as one word in CamelCase that programs may compare.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Why not, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Routes to other nodes' blocks that are wanted here. Absent for a network without routes between nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routes_wanted: Option<u32>,
    /// Those of them that are not in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routes_missing: Option<u32>,
}

/// Who writes the spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    Daemon,
    /// People: label `nicety.dev/unmanaged: "true"`.
    People,
}

/// The NICs of one node, as the cluster uses them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostInterface {
    pub node: NodeName,
    pub author: Author,
    pub interfaces: Vec<Interface>,
}

/// A NIC. What is not known is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    pub name: IfName,
    /// Canonical.
    pub net_addresses: Vec<IpNet>,
    pub addresses: Vec<IpNet>,
    pub mac: Option<Mac>,
    pub mtu: Option<u32>,
    pub vendor: Option<u16>,
    pub product: Option<u16>,
    pub pci: Option<PciAddress>,
    pub numa: Option<u32>,
    pub card: Option<u32>,
    pub driver: String,
    pub up: Option<bool>,
    pub carrier: Option<bool>,
    pub attributes: std::collections::BTreeMap<String, String>,
}

impl HostInterface {
    /// Paths of findings are those of the manifest: `spec.interfaces[0].name`.
    pub fn new(node: NodeName, author: Author, spec: HostInterfaceSpec) -> Result<HostInterface, Vec<Finding>> {
        let mut findings = Vec::new();
        let mut interfaces: Vec<Interface> = Vec::new();
        for (index, spec) in spec.interfaces.into_iter().enumerate() {
            let path = format!("spec.interfaces[{index}]");
            match Interface::new(spec) {
                Err(found) => findings.extend(found.into_iter().map(|finding| finding.within(&path))),
                Ok(one) if interfaces.iter().any(|before| before.name == one.name) => {
                    findings.push(Finding::new(format!("{path}.name"), format!("`{}` is named twice", one.name)));
                }
                Ok(one) => interfaces.push(one),
            }
        }
        if findings.is_empty() { Ok(HostInterface { node, author, interfaces }) } else { Err(findings) }
    }
}

impl Interface {
    fn new(spec: InterfaceSpec) -> Result<Interface, Vec<Finding>> {
        let InterfaceSpec {
            name,
            mut net_addresses,
            addresses,
            mac,
            mtu,
            vendor,
            product,
            pci_address: pci,
            numa_node: numa,
            card,
            driver,
            up,
            carrier,
            attributes,
        } = spec;
        let mut findings = Vec::new();
        for (index, net) in net_addresses.iter().enumerate().filter(|(_, net)| **net != net.trunc()) {
            let message = format!("`{net}` has host bits set; hint: write `{}`", net.trunc());
            findings.push(Finding::new(format!("netAddresses[{index}]"), message));
        }
        if net_addresses.is_empty() {
            for address in &addresses {
                if !net_addresses.contains(&address.trunc()) {
                    net_addresses.push(address.trunc());
                }
            }
        }
        if mac.is_some_and(|mac| !mac.is_unicast()) {
            findings.push(Finding::new("mac", "is a group address, or zero; hint: leave it out when it is not known"));
        }
        let name = name.parse().map_err(|error: nicety_core::ids::InvalidName| {
            findings.push(Finding::new("name", error.to_string()));
        });
        match name {
            Ok(name) if findings.is_empty() => Ok(Interface {
                name,
                net_addresses,
                addresses,
                mac,
                mtu,
                vendor,
                product,
                pci,
                numa,
                card,
                driver,
                up,
                carrier,
                attributes,
            }),
            _ => Err(findings),
        }
    }
}

impl From<&Interface> for InterfaceSpec {
    fn from(one: &Interface) -> InterfaceSpec {
        let Interface {
            name,
            net_addresses,
            addresses,
            mac,
            mtu,
            vendor,
            product,
            pci,
            numa,
            card,
            driver,
            up,
            carrier,
            attributes,
        } = one.clone();
        InterfaceSpec {
            name: name.to_string(),
            net_addresses,
            addresses,
            mac,
            mtu,
            vendor,
            product,
            pci_address: pci,
            numa_node: numa,
            card,
            driver,
            up,
            carrier,
            attributes,
        }
    }
}

impl From<&HostInterface> for HostInterfaceSpec {
    fn from(host: &HostInterface) -> HostInterfaceSpec {
        HostInterfaceSpec { interfaces: host.interfaces.iter().map(InterfaceSpec::from).collect() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(interfaces: serde_json::Value) -> Result<HostInterface, Vec<String>> {
        let spec = serde_json::from_value(json!({ "interfaces": interfaces })).unwrap();
        let read = HostInterface::new("node-1".parse().unwrap(), Author::Daemon, spec);
        read.map_err(|findings| findings.iter().map(Finding::to_string).collect())
    }

    #[test]
    fn networks_follow_from_addresses() {
        let host =
            read(json!([{"name": "eth1", "addresses": ["10.0.1.11/24", "10.0.1.12/24", "fd00::1/64"]}])).unwrap();
        let nets: Vec<String> = host.interfaces[0].net_addresses.iter().map(IpNet::to_string).collect();
        assert_eq!(nets, ["10.0.1.0/24", "fd00::/64"]);
        let again: HostInterfaceSpec =
            serde_json::from_value(serde_json::to_value(HostInterfaceSpec::from(&host)).unwrap()).unwrap();
        assert_eq!(HostInterface::new(host.node.clone(), Author::Daemon, again).unwrap(), host);
    }

    #[test]
    fn every_wrong_field_of_every_nic_is_found() {
        let found = read(json!([
            {"name": "eth1"},
            {"name": "eth1"},
            {"name": "eth2", "netAddresses": ["10.0.1.1/24"], "mac": "01:00:00:00:00:01"},
        ]));
        assert_eq!(
            found.unwrap_err(),
            [
                "spec.interfaces[1].name: `eth1` is named twice",
                "spec.interfaces[2].netAddresses[0]: `10.0.1.1/24` has host bits set; hint: write `10.0.1.0/24`",
                "spec.interfaces[2].mac: is a group address, or zero; hint: leave it out when it is not known",
            ]
        );
    }
}
