//! What the other system had computed: CIDR and IPPool objects, and which NICs its nodes reported.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;

use crate::{fields::Fields, foreign::Foreign};

const PREFIX: &str = "a prefix like `192.168.0.0/16`";

/// What decides which addresses a pod has.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Terms {
    pub subnet: Option<IpNet>,
    pub master_nets: Vec<IpNet>,
    pub interface_block: u8,
    pub host_block: u8,
    /// As they were written: a prefix or an address.
    pub excludes: Vec<String>,
    pub vlan_mode: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Cidr {
    pub foreign: Foreign,
    pub plugin: Option<String>,
    pub terms: Terms,
    pub entries: Vec<Segment>,
}

/// The interface block of one network of NICs.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub net: Option<IpNet>,
    pub index: u32,
    pub hosts: Vec<Host>,
}

/// The host block of one NIC of a node.
#[derive(Debug, Clone)]
pub(super) struct Host {
    pub at: String,
    pub index: u32,
    pub node: String,
    pub interface: String,
    pub address: Option<String>,
    pub block: Option<IpNet>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub cidrs: BTreeMap<String, Cidr>,
    pub pools: Vec<Foreign>,
    /// Names of networks that had a CIDR.
    pub with_cidr: BTreeSet<String>,
    /// Networks of NICs that nodes reported.
    pub nets: BTreeSet<IpNet>,
    /// Addresses of the nodes' own NICs.
    pub addresses: BTreeSet<IpAddr>,
}

impl State {
    /// Takes the CIDRs and pools out and looks at the reported NICs.
    pub fn gather(objects: Vec<Foreign>) -> (State, Vec<Foreign>) {
        let mut state = State::default();
        let mut rest = Vec::new();
        for object in objects {
            match object.kind.as_str() {
                "CIDR" if !state.cidrs.contains_key(&object.name) => {
                    let cidr = Cidr::read(object);
                    let hosts = cidr.entries.iter().flat_map(|entry| &entry.hosts);
                    state.addresses.extend(hosts.filter_map(|host| host.address.as_ref()?.parse::<IpAddr>().ok()));
                    state.cidrs.insert(cidr.foreign.name.clone(), cidr);
                }
                "IPPool" => state.pools.push(object),
                _ => {
                    if object.kind == "HostInterface" {
                        state.look_at(object.spec.clone());
                    }
                    rest.push(object);
                }
            }
        }
        (state, rest)
    }

    fn look_at(&mut self, mut spec: Fields) {
        for mut nic in spec.parts("interfaces") {
            self.nets.extend(nic.text("netAddress").and_then(|net| net.parse::<IpNet>().ok()));
            self.addresses.extend(nic.text("hostIP").and_then(|address| address.parse::<IpAddr>().ok()));
        }
    }
}

impl Cidr {
    fn read(mut foreign: Foreign) -> Cidr {
        let mut config = foreign.spec.part("config");
        config.ignore(&["name"]);
        let plugin = config.text("type");
        let terms = Terms::read(&mut config);
        foreign.spec.finish(config);
        let mut entries = Vec::new();
        for mut part in foreign.spec.parts("cidr") {
            // Computed from the index.
            part.ignore(&["vlanCIDR"]);
            let mut segment = Segment {
                net: part.parsed("netAddress", PREFIX),
                index: part.parsed("interfaceIndex", "an index").unwrap_or_default(),
                hosts: Vec::new(),
            };
            for mut host in part.parts("hosts") {
                host.ignore(&["ippool"]);
                segment.hosts.push(Host {
                    at: host.path(""),
                    index: host.parsed("hostIndex", "an index").unwrap_or_default(),
                    node: host.text("hostName").unwrap_or_default(),
                    interface: host.text("interfaceName").unwrap_or_default(),
                    address: host.text("hostIP"),
                    block: host.parsed("podCIDR", PREFIX),
                });
                part.finish(host);
            }
            foreign.spec.finish(part);
            entries.push(segment);
        }
        Cidr { foreign, plugin, terms, entries }
    }
}

impl Terms {
    /// The fields that CIDR's `config` and, in two places, MultiNicNetwork have.
    pub fn read(fields: &mut Fields) -> Terms {
        Terms { subnet: fields.parsed("subnet", PREFIX), master_nets: masters(fields), ..Terms::default() }
            .with_blocks(fields)
    }

    pub fn with_blocks(mut self, fields: &mut Fields) -> Terms {
        self.interface_block = fields.parsed("interfaceBlock", "a number of bits").unwrap_or_default();
        self.host_block = fields.parsed("hostBlock", "a number of bits").unwrap_or_default();
        self.excludes = fields.texts("excludeCIDRs");
        self.vlan_mode = fields.text("vlanMode");
        self
    }
}

pub(super) fn masters(fields: &mut Fields) -> Vec<IpNet> {
    fields.parsed_list("masterNets", PREFIX).into_iter().map(|(_, net)| net).collect()
}
