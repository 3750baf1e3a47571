//! Made-up facts in which every field is filled, to measure a policy by and to show what facts look like.

use std::net::{IpAddr, Ipv4Addr};

use super::{
    Facts, Group, Kind, Label, Node, Pod, Request, attach,
    gateways::{self, Endpoints, Gateway, Health, NONE},
    nic_selection::{self, Device, DeviceClass, Functions, LinkState, Nic, UseBy},
};
use crate::address::{Mac, PciAddress};

/// Of this kind. `endpoints` and `gateways` are numbers of the gateway kinds; at most 65,536 gateways have addresses of their own.
pub fn of(kind: Kind, endpoints: u32, gateways: u32) -> Facts {
    match kind {
        Kind::Attach => Facts::Attach(three_networks()),
        Kind::NicSelection => Facts::NicSelection(eight_nics()),
        Kind::GatewayFilter => Facts::GatewayFilter(spread(endpoints, gateways)),
        Kind::GatewayDistribution => Facts::GatewayDistribution(spread(endpoints, gateways)),
    }
}

/// A pod with an annotation that asks for one network beside its own.
pub fn three_networks() -> attach::Facts {
    let offer =
        |name: &str, default| attach::Offer { name: name.to_owned(), default, ready: true, attributes: Vec::new() };
    let mut pod = pod();
    pod.annotations.push(label("k8s.v1.cni.cncf.io/networks", "storage"));
    attach::Facts {
        pod,
        node: node(),
        call: attach::Call { ifname: "eth0".to_owned(), ..attach::Call::default() },
        networks: vec![offer("pods", true), offer("rails", false), offer("storage", false)],
        attributes: Vec::new(),
    }
}

/// A GPU node with eight NICs on two NUMA nodes, and a pod with two GPUs that asks for two of them.
pub fn eight_nics() -> nic_selection::Facts {
    let gpu = |numa: u8| Device {
        kind: "gpu".to_owned(),
        numa: Some(numa.into()),
        pci: Some(pci(0x40 + numa)),
        ..Device::default()
    };
    nic_selection::Facts {
        pod: pod(),
        node: node(),
        request: Request {
            ifname: Some("net1".to_owned()),
            nics_min: 2,
            nics_max: Some(2),
            distinct: Some(Group::NumaNode),
            target: Some(50_000_000_000),
            mtu: Some(9000),
            reason: "annotation k8s.v1.cni.cncf.io/networks, element 1".to_owned(),
            ..Request::default()
        },
        candidates: (0..8).map(nic).collect(),
        taken: vec![3],
        devices: vec![gpu(0), gpu(1)],
        classes: vec![DeviceClass { name: "rails".to_owned(), members: (0..8).collect() }],
        attributes: Vec::new(),
    }
}

fn nic(index: u8) -> Nic {
    let user = |tenant: &str| UseBy {
        namespace: tenant.to_owned(),
        tenant: Some(tenant.to_owned()),
        attachments: u32::from(index) % 3,
    };
    Nic {
        name: format!("enp{index}s0f0"),
        mac: Mac([2, 0, 0, 0, 0, index]).to_u64(),
        mtu: 9000,
        speed: Some(100_000_000_000),
        state: LinkState::Up,
        addresses: format!("10.1.{index}.1/24").parse().into_iter().collect(),
        numa: Some(u32::from(index / 4)),
        pci: Some(pci(0x10 + index)),
        upstream: Some(pci(index / 2)),
        vendor: Some(0x15b3),
        product: Some(0x101b),
        driver: "mlx5_core".to_owned(),
        card: Some(u32::from(index)),
        functions: Some(Functions { total: 16, free: 12 }),
        rdma: true,
        receive: Some(12_000_000_000),
        transmit: Some(9_000_000_000),
        master_of: None,
        users: vec![user("blue"), user("red")],
        promised: 10_000_000_000,
        attributes: Vec::new(),
    }
}

/// Healthy gateways, and endpoints of one namespace that had none before.
pub fn spread(endpoints: u32, gateways: u32) -> gateways::Facts {
    let address = |net: u32, index: u32| IpAddr::V4(Ipv4Addr::from_bits(net | index));
    let gateway = |index: u32| Gateway {
        id: format!("gateway-{index}"),
        node: 0,
        zone: 0,
        addresses: vec![address(0xc0a8_0000, index & 0xffff)],
        weight: 1,
        health: Health::Healthy,
        draining: false,
        since: None,
        attributes: Vec::new(),
    };
    let many = endpoints as usize;
    gateways::Facts {
        policy: "web".to_owned(),
        nodes: vec!["gpu-7".to_owned()],
        namespaces: vec!["red".to_owned()],
        zones: vec!["west".to_owned()],
        zone_region: vec![0],
        regions: vec!["earth".to_owned()],
        gateways: (0..gateways).map(gateway).collect(),
        endpoints: Endpoints {
            identity: (0..endpoints).map(|index| format!("red/web-{index}")).collect(),
            uid: (0..endpoints).map(|index| format!("uid-{index}")).collect(),
            namespace: vec![0; many],
            addresses: (0..endpoints).map(|index| vec![address(0x0a00_0000, index & 0xff_ffff)]).collect(),
            node: vec![0; many],
            zone: vec![0; many],
            previous: vec![NONE; many],
            columns: Vec::new(),
        },
        allowed: Vec::new(),
        attributes: Vec::new(),
    }
}

fn pod() -> Pod {
    Pod {
        namespace: "red".to_owned(),
        name: "training-0".to_owned(),
        uid: "6f1c7f5e-6f0e-4d6e-9a39-5bb4d6c0c1a7".to_owned(),
        service_account: Some("trainer".to_owned()),
        labels: Some(vec![label("app", "training")]),
        namespace_labels: Some(vec![label("tenant", "red")]),
        annotations: Vec::new(),
        attributes: Vec::new(),
    }
}

fn node() -> Node {
    Node { name: "gpu-7".to_owned(), labels: Some(vec![label("zone", "west")]), attributes: Vec::new() }
}

fn label(key: &str, value: &str) -> Label {
    Label { key: key.to_owned(), value: value.to_owned() }
}

fn pci(bus: u8) -> PciAddress {
    PciAddress { domain: 0, bus, device: 0, function: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_facts_keep_every_promise_of_facts() {
        for kind in Kind::ALL {
            let facts = of(kind, 100, 70);
            assert_eq!((facts.kind(), facts.check()), (kind, Vec::new()));
        }
    }
}
