//! What is decided on: one pod among 8 NICs, and 100,000 endpoints among 64 gateways.

use std::net::Ipv4Addr;

use nicety_core::{
    address::{Mac, PciAddress},
    facts::{
        Attribute, Facts, Group, Label, Node, Pod, Request, Value, gateways,
        nic_selection::{self, Device, DeviceClass, Functions, LinkState, Nic, UseBy},
    },
};

/// A pod of a GPU node that asks for two of its eight NICs.
pub fn eight_nics() -> Facts {
    let pci = |bus: u8| PciAddress { domain: 0, bus, device: 0, function: 0 };
    let label = |key: &str, value: &str| Label { key: key.to_owned(), value: value.to_owned() };
    let labels = vec![label("app", "training"), label("tenant", "red")];
    let nic = |index: u8| Nic {
        name: format!("enp{index}s0f0"),
        mac: Mac([2, 0, 0, 0, 0, index]).to_u64(),
        mtu: 9000,
        speed: Some(100_000_000_000),
        state: LinkState::Up,
        addresses: format!("10.1.{index}.1/24").parse().into_iter().chain("2001:db8::1/64".parse()).collect(),
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
        master_of: Some("macvlan/bridge".to_owned()),
        users: ["blue", "red"]
            .map(|tenant| UseBy { namespace: tenant.to_owned(), tenant: Some(tenant.to_owned()), attachments: 2 })
            .into(),
        promised: 10_000_000_000,
        attributes: vec![Attribute { name: "rail".to_owned(), value: Value::Number(index.into()) }],
    };
    Facts::NicSelection(nic_selection::Facts {
        pod: Pod {
            namespace: "red".to_owned(),
            name: "training-0".to_owned(),
            uid: "6f1c7f5e-6f0e-4d6e-9a39-5bb4d6c0c1a7".to_owned(),
            service_account: Some("trainer".to_owned()),
            labels: Some(labels.clone()),
            namespace_labels: Some(vec![label("tenant", "red")]),
            annotations: vec![label("k8s.v1.cni.cncf.io/networks", "rails")],
            attributes: Vec::new(),
        },
        node: Node { name: "gpu-7".to_owned(), labels: Some(labels), attributes: Vec::new() },
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
        devices: [0, 1]
            .map(|numa| Device {
                kind: "gpu".to_owned(),
                numa: Some(numa),
                pci: Some(pci(0x40)),
                attributes: Vec::new(),
            })
            .into(),
        classes: vec![DeviceClass { name: "rails".to_owned(), members: (0..8).collect() }],
        attributes: Vec::new(),
    })
}

/// As many endpoints of one EgressPolicy, spread over as many gateways. `weight`: of a gateway, by its index.
pub fn endpoints(endpoints: u32, gateways: u32, weight: impl Fn(u32) -> u32) -> Facts {
    let address = |index: u32| Ipv4Addr::from_bits(0x0a00_0000 + index).into();
    let gateway = |index: u32| gateways::Gateway {
        id: format!("gateway-{index}"),
        node: gateways::NONE,
        zone: gateways::NONE,
        addresses: vec![address(index)],
        weight: weight(index),
        health: gateways::Health::Healthy,
        draining: false,
        since: None,
        attributes: Vec::new(),
    };
    let endpoints = gateways::Endpoints {
        identity: (0..endpoints).map(|index| format!("red/web/{index}")).collect(),
        addresses: (0..endpoints).map(|index| vec![address(0x1_0000 + index)]).collect(),
        ..Default::default()
    };
    let gateways = (0..gateways).map(gateway).collect();
    Facts::GatewayDistribution(gateways::Facts { gateways, endpoints, ..Default::default() })
}
