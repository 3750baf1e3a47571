//! A Network that cannot be wrong by itself: canonical subnets, a link whose mode exists, blocks and ranges that fit. What it must
//! be beside other objects (no overlap, blocks per node) is checked in `set`.

mod addresses;
mod links;
mod nics;
pub mod spec;
pub mod status;
#[cfg(test)]
mod tests;
mod validate;

pub use addresses::NoPools;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use nicety_core::{
    address::Family,
    ids::{IfName, NetworkName, NodeName, StrategyName},
    plan::{self, Link, Route},
};

use crate::selector::{LabelSelector, Labels};
use spec::NicSelector;
pub use spec::{BridgeGateway, Masquerade, Routing, SriovSpec};

/// The label with which Kubernetes tells every namespace's name.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// A pod network, as the daemon uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    pub name: NetworkName,
    /// Canonical; at most one per family, IPv4 first.
    pub subnets: Vec<IpNet>,
    pub nics: NicPool,
    pub link: Link,
    /// Bytes. None: as the NIC has it.
    pub mtu: Option<u32>,
    pub ipam: Ipam,
    pub routes: Vec<Route>,
    pub gateway4: Option<Ipv4Addr>,
    pub gateway6: Option<Ipv6Addr>,
    /// The network's own choice; `strategies.yaml` has the last word where it names the network.
    pub nic_selection: Option<StrategyName>,
    /// Empty: all, as far as the selector goes.
    pub namespaces: Vec<String>,
    /// None: all, as far as the names go.
    pub namespace_selector: Option<LabelSelector>,
    pub routing: Routing,
    /// Of bridge networks, and of no others.
    pub bridge: Option<Bridge>,
    /// The extended resource by which pods ask for a device.
    pub resource: Option<String>,
    pub sriov: Option<SriovSpec>,
}

/// Whose interface it is: CNI_IFNAME of a pod whose network this is, or one beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Pods,
    Extra,
}

/// The bridge of a network on each node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bridge {
    pub name: IfName,
    pub gateway: BridgeGateway,
    pub masquerade: Masquerade,
    pub hairpin: bool,
    pub isolated: bool,
}

/// Which NICs of a node carry the network, in order of preference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NicPool {
    /// All that the inventory offers, in its order.
    All,
    /// None: `veth-routed` and `bridge`, where the host routes.
    Without,
    /// By the networks that they have addresses in.
    MasterNets(Vec<IpNet>),
    Selectors(Vec<NicSelector>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ipam {
    Blocks { interface_bits: u8, host_bits: u8, excludes: Vec<IpNet> },
    Ranges { ranges: Vec<Range>, excludes: Vec<IpNet> },
    None,
}

/// Addresses from `first` to `last`, both inclusive and of one family, owned by one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    pub node: NodeName,
    pub first: IpAddr,
    pub last: IpAddr,
}

impl Network {
    pub fn subnet(&self, family: Family) -> Option<IpNet> {
        self.subnets.iter().copied().find(|subnet| Family::of(subnet.addr()) == family)
    }

    /// As `serves_labelled`, for a namespace of which nothing but its name is known.
    pub fn serves(&self, namespace: &str) -> bool {
        self.serves_labelled(namespace, &Labels::new())
    }

    /// True when pods of this namespace may be attached. `labels` are the namespace's own; that with its name, which every
    /// namespace has, need not be among them.
    pub fn serves_labelled(&self, namespace: &str, labels: &Labels) -> bool {
        let named = self.namespaces.is_empty() || self.namespaces.iter().any(|name| name == namespace);
        let selected = self.namespace_selector.as_ref().is_none_or(|selector| {
            if labels.contains_key(NAMESPACE_NAME) {
                return selector.matches(labels);
            }
            let mut labels = labels.clone();
            labels.insert(NAMESPACE_NAME.to_owned(), namespace.to_owned());
            selector.matches(&labels)
        });
        named && selected
    }

    pub fn gateways(&self) -> impl Iterator<Item = IpAddr> {
        self.gateway4.map(IpAddr::V4).into_iter().chain(self.gateway6.map(IpAddr::V6))
    }

    /// The routes of an interface with these addresses (each with the length of its on-link prefix), default routes last. A
    /// veth-routed interface, which has nothing on its link, reaches the network's own subnets by the host; one on a bridge by what
    /// the bridge has, which is also the default gateway of pods whose own interface it is. A route whose next hop is on the link of
    /// another NIC of the network is that one's.
    pub fn routes_of(&self, addresses: &[IpNet], whose: Whose) -> Vec<Route> {
        let of_family = |address: IpAddr| addresses.iter().any(|own| Family::of(own.addr()) == Family::of(address));
        let on_link = |hop: IpAddr| match is_link_local(hop) {
            true => of_family(hop),
            false => addresses.iter().any(|own| own.contains(&hop)),
        };
        let defaults = self.gateways().map(|gateway| Route { to: default_of(gateway), via: Some(gateway) });
        let here = |route: &Route| route.via.map_or_else(|| of_family(route.to.addr()), on_link);
        let own = self.subnets.iter().filter(|_| self.link == Link::VethRouted);
        let own = own.map(|subnet| Route { to: *subnet, via: None });
        let bridged = self.on_bridge(addresses).into_iter().flat_map(|gateway| {
            let of_family = move |net: &IpNet| Family::of(net.addr()) == Family::of(gateway.addr());
            let farther = move |net: &IpNet| of_family(net) && *net != gateway.trunc();
            let subnets = self.subnets.iter().copied().filter(farther);
            let default = (whose == Whose::Pods).then(|| default_of(gateway.addr()));
            subnets.chain(default).map(move |to| Route { to, via: Some(gateway.addr()) })
        });
        let mut routes: Vec<Route> =
            own.chain(self.routes.iter().cloned()).chain(defaults).filter(here).chain(bridged).collect();
        let mut seen = Vec::new();
        routes.retain(|route| {
            let new = !seen.contains(&route.to);
            seen.push(route.to);
            new
        });
        routes.sort_by_key(|route| route.to.prefix_len() == 0);
        routes
    }

    /// The bridge on a node whose pools begin with these addresses; None for other kinds of link.
    pub fn bridge_at(&self, firsts: &[IpNet]) -> Option<plan::Bridge> {
        let Bridge { name, gateway: _, masquerade: _, hairpin, isolated } = self.bridge.as_ref()?;
        let port = plan::Port { hairpin: *hairpin, isolated: *isolated };
        Some(plan::Bridge { name: name.clone(), mtu: self.mtu, gateways: self.on_bridge(firsts), port })
    }
}

impl Ipam {
    pub fn excludes(&self) -> &[IpNet] {
        match self {
            Ipam::Blocks { excludes, .. } | Ipam::Ranges { excludes, .. } => excludes,
            Ipam::None => &[],
        }
    }
}

fn is_link_local(hop: IpAddr) -> bool {
    matches!(hop, IpAddr::V6(hop) if hop.is_unicast_link_local())
}

fn default_of(gateway: IpAddr) -> IpNet {
    match gateway {
        IpAddr::V4(_) => IpNet::V4(ipnet::Ipv4Net::default()),
        IpAddr::V6(_) => IpNet::V6(ipnet::Ipv6Net::default()),
    }
}
