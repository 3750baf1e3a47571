//! What each network with routes between nodes wants of this node: from the blocks of all nodes and this node's NICs. Pure.

use std::collections::BTreeSet;

use ipnet::IpNet;
use nicety_core::{
    address::Family,
    cluster::{
        routes::{self, Missing, NicState, OwnNic, Remote, Routes, Why},
        segment::Segment,
    },
    facts::nic_selection::LinkState,
    ids::{IfName, NetworkName},
    plan::Link,
};
use nicety_kernel::inventory::Discovered;
use nicety_objects::{IpBlock, Network, network::Routing};

use crate::gather::Snapshot;

#[derive(Debug, Clone)]
pub struct Want {
    pub network: NetworkName,
    pub subnets: Vec<IpNet>,
    pub routes: Routes,
    pub missing: Vec<Missing>,
    /// NICs on which packets for this node's pods come in, where the host forwards them.
    pub forward: BTreeSet<(IfName, Family)>,
    remotes: Vec<Remote>,
}

impl Want {
    pub fn all(snapshot: &Snapshot) -> Vec<Want> {
        let own: Vec<OwnNic> = snapshot.nics.iter().filter_map(own_nic).collect();
        let routed = snapshot.world.objects.networks.values().filter(|network| network.routing == Routing::L3);
        routed.map(|network| Want::of(snapshot, network, &own)).collect()
    }

    fn of(snapshot: &Snapshot, network: &Network, own: &[OwnNic]) -> Want {
        let others = snapshot.world.objects.blocks.values();
        let others = others.filter(|block| block.network == network.name && block.node != snapshot.node);
        let remotes: Vec<Remote> = others.map(|block| remote(network, block)).collect();
        let routes::Wanted { routes, missing } = routes::wanted(own, &remotes);
        let name = |index: u32| own.iter().find(|nic| nic.index == index).map(|nic| nic.name.clone());
        let hops = routes.iter().flat_map(|(to, hops)| hops.iter().map(|hop| (hop.link, Family::of(to.addr()))));
        let forward = match network.link {
            Link::VethRouted | Link::Bridge => hops.filter_map(|(link, family)| Some((name(link)?, family))).collect(),
            // The link takes its packets off the NIC before the host would route them.
            Link::Macvlan { .. } | Link::Ipvlan { .. } | Link::HostDevice => BTreeSet::new(),
        };
        Want { network: network.name.clone(), subnets: network.subnets.clone(), routes, missing, forward, remotes }
    }

    /// Told of the block that has this destination.
    pub fn lacks(&self, to: IpNet, why: Why) -> String {
        match self.remotes.iter().find(|remote| remote.nets.contains(&to)) {
            Some(Remote { node, block, .. }) => {
                Missing { to, node: node.clone(), block: block.clone(), why }.to_string()
            }
            None => format!("route to `{to}`: {why}"),
        }
    }
}

fn own_nic(one: &Discovered) -> Option<OwnNic> {
    let state = match one.nic.state {
        LinkState::Down => NicState::Down,
        LinkState::Up | LinkState::Unknown => NicState::Up,
    };
    Some(OwnNic { name: one.nic.name.parse().ok()?, index: one.index, state, addresses: one.nic.addresses.clone() })
}

/// A block that the network cannot have has no nets; its finding was told when it was loaded.
fn remote(network: &Network, block: &IpBlock) -> Remote {
    Remote {
        block: block.name.clone(),
        node: block.node.clone(),
        segment: block.segment.parse().unwrap_or(Segment::Whole),
        via: block.via.clone(),
        nets: network.cut(block).unwrap_or_default().into_iter().map(|(block, _)| block).collect(),
    }
}
