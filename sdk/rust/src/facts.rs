//! Builders of Facts for tests: each makes the smallest value that means something, and struct update syntax adds the rest.
//!
//! ```ignore
//! let facts = facts::selection([Nic { numa: Some(0), ..facts::nic("eth1") }, facts::nic("eth2")]);
//! ```
//! What cannot be read as an address becomes the unspecified one, so that a slip shows in the assertion.

use crate::{
    Address, Label, Node, Pci, Pod, Prefix, Request, attach,
    attach::{Call, Mode, Offer},
    gateways::{self, Endpoints, Gateway, Health, NONE},
    nic_selection::{self, Device, LinkState, Nic, UseBy},
};

/// A pod with a name in a namespace, and nothing else.
pub fn pod(namespace: &str, name: &str) -> Pod {
    Pod { namespace: namespace.into(), name: name.into(), uid: format!("uid-{name}"), ..Pod::default() }
}

/// The pod `podns/pod` with one annotation.
pub fn annotated(key: &str, value: &str) -> Pod {
    Pod { annotations: vec![label(key, value)], ..pod("podns", "pod") }
}

pub fn label(key: &str, value: &str) -> Label {
    Label { key: key.into(), value: value.into() }
}

pub fn node(name: &str) -> Node {
    Node { name: name.into(), ..Node::default() }
}

/// A NIC that is up, with an MTU of 1500 and a made-up MAC.
pub fn nic(name: &str) -> Nic {
    let mac = name.bytes().fold(0x0200_0000_0000, |mac, byte| mac + u64::from(byte));
    Nic { name: name.into(), mac, mtu: 1500, state: LinkState::Up, ..Nic::default() }
}

/// Present attachments of a namespace.
pub fn use_by(namespace: &str, attachments: u32) -> UseBy {
    UseBy { namespace: namespace.into(), tenant: None, attachments }
}

/// A GPU on a NUMA node.
pub fn gpu(numa: u32) -> Device {
    Device { kind: "gpu".into(), numa: Some(numa), ..Device::default() }
}

/// A PCI address of domain 0 and function 0.
pub fn pci(bus: u8, device: u8) -> Pci {
    Pci { domain: 0, bus, device, function: 0 }
}

/// Facts of nic-selection: these candidates, and a request that leaves all open.
pub fn selection(candidates: impl IntoIterator<Item = Nic>) -> nic_selection::Facts {
    nic_selection::Facts {
        pod: pod("podns", "pod"),
        node: node("node1"),
        request: Request { nics_min: 1, ..Request::default() },
        candidates: candidates.into_iter().collect(),
        ..nic_selection::Facts::default()
    }
}

/// A network on offer that is ready and not the default one.
pub fn offer(name: &str) -> Offer {
    Offer { name: name.into(), default: false, ready: true, attributes: Vec::new() }
}

/// Facts of attach: a call for `eth0`, and on offer first the default network, then the others.
pub fn attach(mode: Mode, pod: Pod, default: &str, others: &[&str]) -> attach::Facts {
    let networks = [Offer { default: true, ..offer(default) }].into_iter().chain(others.iter().map(|name| offer(name)));
    attach::Facts {
        pod,
        node: node("node1"),
        call: Call { ifname: "eth0".into(), mode, ..Call::default() },
        networks: networks.collect(),
        attributes: Vec::new(),
    }
}

/// A healthy gateway of weight 1.
pub fn gateway(id: &str, address: &str) -> Gateway {
    Gateway {
        id: id.into(),
        node: NONE,
        zone: NONE,
        addresses: vec![self::address(address)],
        weight: 1,
        health: Health::Healthy,
        ..Gateway::default()
    }
}

/// Endpoints by identity and address, in one namespace, without a gateway before.
pub fn endpoints(list: &[(&str, &str)]) -> Endpoints {
    let addresses = list.iter().flat_map(|(_, text)| {
        let Address { high, low } = address(text);
        [high, low]
    });
    Endpoints {
        identity: list.iter().map(|(identity, _)| identity).collect(),
        uid: list.iter().map(|(identity, _)| format!("uid-{identity}")).collect(),
        namespace: vec![0; list.len()],
        addresses: addresses.collect(),
        address_ends: (1..).take(list.len()).collect(),
        node: vec![NONE; list.len()],
        zone: vec![NONE; list.len()],
        previous: vec![NONE; list.len()],
        columns: Vec::new(),
    }
}

/// Facts of a gateway policy.
pub fn gateways(gateways: impl IntoIterator<Item = Gateway>, endpoints: Endpoints) -> gateways::Facts {
    gateways::Facts {
        policy: "egress".into(),
        namespaces: vec!["podns".into()],
        gateways: gateways.into_iter().collect(),
        endpoints,
        ..gateways::Facts::default()
    }
}

pub fn address(text: &str) -> Address {
    text.parse().unwrap_or_default()
}

pub fn prefix(text: &str) -> Prefix {
    Prefix::parse(text).unwrap_or_default()
}
