//! A node's NICs as pools of Networks see them, and who claims a block of a Network.

use ipnet::IpNet;
use nicety_core::{
    cluster::{Claimant, Segment},
    facts::nic_selection::Nic,
    ids::{IfName, NodeName},
    inventory,
};
use nicety_objects::{Network, host_interface::Interface, network::NicPool};

/// In the order of the inventory, whatever the order in which they were told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Nics(Vec<Nic>);

impl Nics {
    pub fn of(interfaces: &[Interface]) -> Nics {
        let mut nics: Vec<Nic> = interfaces.iter().map(nic).collect();
        inventory::sort(&mut nics);
        Nics(nics)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The NICs of the node that carry the network, in the order in which it prefers them.
    pub fn pool(&self, network: &Network) -> Vec<&Nic> {
        network.pool(&self.0).into_iter().filter_map(|index| self.0.get(index)).collect()
    }

    /// Who claims a block of the network on this node. `reach`: how other nodes reach it where no NIC is named.
    pub fn claimants(&self, network: &Network, node: &NodeName, reach: &[IpNet]) -> Vec<Claimant> {
        if network.nics == NicPool::Without {
            return vec![Claimant {
                node: node.clone(),
                interface: None,
                rank: 0,
                segments: vec![Segment::Whole],
                addresses: reach.to_vec(),
            }];
        }
        let claimant = |(rank, nic): (usize, &Nic)| {
            let interface: IfName = nic.name.parse().ok()?;
            Some(Claimant {
                node: node.clone(),
                rank,
                segments: segments(network, &interface, &nic.addresses),
                addresses: nic.addresses.clone(),
                interface: Some(interface),
            })
        };
        self.pool(network).into_iter().enumerate().filter_map(claimant).collect()
    }
}

/// Of a network that names its segments, only those, in its order.
fn segments(network: &Network, interface: &IfName, addresses: &[IpNet]) -> Vec<Segment> {
    let all = Segment::of(interface, addresses);
    match &network.nics {
        NicPool::MasterNets(nets) => {
            nets.iter().map(|net| Segment::Net(*net)).filter(|segment| all.contains(segment)).collect()
        }
        NicPool::All | NicPool::Selectors(_) | NicPool::Without => all,
    }
}

fn nic(interface: &Interface) -> Nic {
    Nic {
        name: interface.name.to_string(),
        addresses: interface.addresses.clone(),
        numa: interface.numa,
        pci: interface.pci,
        vendor: interface.vendor,
        product: interface.product,
        driver: interface.driver.clone(),
        card: interface.card,
        ..Nic::default()
    }
}
