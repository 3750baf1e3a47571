//! Facts as the contract's records, borrowing from core's: a decision on 8 NICs would otherwise copy 150 texts, which takes as long
//! as the sandbox itself. wasmtime compares these types with a policy's when it is loaded.

use wasmtime::component::{ComponentType, Lower};

/// `interface types`.
pub(crate) mod shared {
    pub use crate::bindings::nicety::policy::types::{Address, Group, Pci, Prefix};

    use super::*;

    #[derive(Debug, ComponentType, Lower)]
    #[component(variant)]
    pub enum Value<'a> {
        #[component(name = "text")]
        Text(&'a str),
        #[component(name = "number")]
        Number(i64),
        #[component(name = "flag")]
        Flag(bool),
        #[component(name = "texts")]
        Texts(Vec<&'a str>),
    }

    #[derive(Debug, ComponentType, Lower)]
    #[component(record)]
    pub struct Attribute<'a> {
        pub name: &'a str,
        pub value: Value<'a>,
    }

    #[derive(Debug, ComponentType, Lower)]
    #[component(record)]
    pub struct Label<'a> {
        pub key: &'a str,
        pub value: &'a str,
    }

    #[derive(Debug, ComponentType, Lower)]
    #[component(record)]
    pub struct Pod<'a> {
        pub namespace: &'a str,
        pub name: &'a str,
        pub uid: &'a str,
        #[component(name = "service-account")]
        pub service_account: Option<&'a str>,
        pub labels: Option<Vec<Label<'a>>>,
        #[component(name = "namespace-labels")]
        pub namespace_labels: Option<Vec<Label<'a>>>,
        pub annotations: Vec<Label<'a>>,
        pub attributes: Vec<Attribute<'a>>,
    }

    #[derive(Debug, ComponentType, Lower)]
    #[component(record)]
    pub struct Node<'a> {
        pub name: &'a str,
        pub labels: Option<Vec<Label<'a>>>,
        pub attributes: Vec<Attribute<'a>>,
    }

    #[derive(Debug, ComponentType, Lower)]
    #[component(record)]
    pub struct Request<'a> {
        pub network: u32,
        pub ifname: Option<&'a str>,
        pub primary: bool,
        #[component(name = "nics-min")]
        pub nics_min: u32,
        #[component(name = "nics-max")]
        pub nics_max: Option<u32>,
        pub distinct: Option<Group>,
        pub masters: Vec<&'a str>,
        pub class: Option<&'a str>,
        pub target: Option<u64>,
        pub addresses: Vec<Prefix>,
        pub pools: Vec<&'a str>,
        pub gateway4: Option<Address>,
        pub gateway6: Option<Address>,
        pub mac: Option<u64>,
        pub mtu: Option<u32>,
        pub reason: &'a str,
        pub attributes: Vec<Attribute<'a>>,
    }
}

/// `interface attach`.
pub(crate) mod attach {
    pub use crate::bindings::exports::nicety::policy::attach::Mode;

    use super::{
        shared::{Attribute, Node, Pod, Prefix},
        *,
    };

    #[derive(Debug, ComponentType, Lower)]
    #[component(record)]
    pub struct Call<'a> {
        pub ifname: &'a str,
        pub mode: Mode,
        pub addresses: Vec<Prefix>,
        pub mac: Option<u64>,
        #[component(name = "device-id")]
        pub device_id: Option<&'a str>,
        pub attributes: Vec<Attribute<'a>>,
    }

    #[derive(Debug, ComponentType, Lower)]
    #[component(record)]
    pub struct Offer<'a> {
        pub name: &'a str,
        pub default: bool,
        pub ready: bool,
        pub attributes: Vec<Attribute<'a>>,
    }

    #[derive(Debug, ComponentType, Lower)]
    #[component(record)]
    pub struct Facts<'a> {
        pub pod: Pod<'a>,
        pub node: Node<'a>,
        pub call: Call<'a>,
        pub networks: Vec<Offer<'a>>,
        pub attributes: Vec<Attribute<'a>>,
    }
}

/// `interface nic-selection`.
pub(crate) mod nic_selection {
    pub use crate::bindings::exports::nicety::policy::nic_selection::{Functions, LinkState};

    use super::{
        shared::{Attribute, Node, Pci, Pod, Prefix, Request},
        *,
    };

    #[derive(Debug, ComponentType, Lower)]
    #[component(record)]
    pub struct UseBy<'a> {
        pub namespace: &'a str,
        pub tenant: Option<&'a str>,
        pub attachments: u32,
    }

    #[derive(Debug, ComponentType, Lower)]
    #[component(record)]
    pub struct Nic<'a> {
        pub name: &'a str,
        pub mac: u64,
        pub mtu: u32,
        pub speed: Option<u64>,
        pub state: LinkState,
        pub addresses: Vec<Prefix>,
        pub numa: Option<u32>,
        pub pci: Option<Pci>,
        pub upstream: Option<Pci>,
        pub vendor: Option<u16>,
        pub product: Option<u16>,
        pub driver: &'a str,
        pub card: Option<u32>,
        pub functions: Option<Functions>,
        pub rdma: bool,
        pub receive: Option<u64>,
        pub transmit: Option<u64>,
        #[component(name = "master-of")]
        pub master_of: Option<&'a str>,
        pub users: Vec<UseBy<'a>>,
        pub promised: u64,
        pub attributes: Vec<Attribute<'a>>,
    }

    #[derive(Debug, ComponentType, Lower)]
    #[component(record)]
    pub struct Device<'a> {
        pub kind: &'a str,
        pub numa: Option<u32>,
        pub pci: Option<Pci>,
        pub attributes: Vec<Attribute<'a>>,
    }

    #[derive(Debug, ComponentType, Lower)]
    #[component(record)]
    pub struct DeviceClass<'a> {
        pub name: &'a str,
        pub members: &'a [u32],
    }

    #[derive(Debug, ComponentType, Lower)]
    #[component(record)]
    pub struct Facts<'a> {
        pub pod: Pod<'a>,
        pub node: Node<'a>,
        pub request: Request<'a>,
        pub candidates: Vec<Nic<'a>>,
        pub taken: &'a [u32],
        pub devices: Vec<Device<'a>>,
        pub classes: Vec<DeviceClass<'a>>,
        pub attributes: Vec<Attribute<'a>>,
    }
}

/// `interface gateways`.
pub(crate) mod gateways {
    pub use crate::bindings::nicety::policy::gateways::Health;

    use super::{
        shared::{Address, Attribute},
        *,
    };

    #[derive(Debug, ComponentType, Lower)]
    #[component(record)]
    pub struct Texts {
        pub bytes: Vec<u8>,
        pub ends: Vec<u32>,
    }

    #[derive(Debug, ComponentType, Lower)]
    #[component(variant)]
    pub enum Cells<'a> {
        #[component(name = "numbers")]
        Numbers(&'a [u64]),
        #[component(name = "texts")]
        Texts(Texts),
    }

    #[derive(Debug, ComponentType, Lower)]
    #[component(record)]
    pub struct Column<'a> {
        pub name: &'a str,
        pub cells: Cells<'a>,
    }

    #[derive(Debug, ComponentType, Lower)]
    #[component(record)]
    pub struct Gateway<'a> {
        pub id: &'a str,
        pub node: u32,
        pub zone: u32,
        pub addresses: Vec<Address>,
        pub weight: u32,
        pub health: Health,
        pub draining: bool,
        pub since: Option<u64>,
        pub attributes: Vec<Attribute<'a>>,
    }

    #[derive(Debug, ComponentType, Lower)]
    #[component(record)]
    pub struct Endpoints<'a> {
        pub identity: Texts,
        pub uid: Texts,
        pub namespace: &'a [u32],
        pub addresses: Vec<u64>,
        #[component(name = "address-ends")]
        pub address_ends: Vec<u32>,
        pub node: &'a [u32],
        pub zone: &'a [u32],
        pub previous: &'a [u32],
        pub columns: Vec<Column<'a>>,
    }

    #[derive(Debug, ComponentType, Lower)]
    #[component(record)]
    pub struct Facts<'a> {
        pub policy: &'a str,
        pub nodes: Vec<&'a str>,
        pub namespaces: Vec<&'a str>,
        pub zones: Vec<&'a str>,
        #[component(name = "zone-region")]
        pub zone_region: &'a [u32],
        pub regions: Vec<&'a str>,
        pub gateways: Vec<Gateway<'a>>,
        pub endpoints: Endpoints<'a>,
        pub allowed: &'a [u64],
        pub attributes: Vec<Attribute<'a>>,
    }
}
