//! A node's share of a network's addresses.

use ipnet::IpNet;
use nicety_core::{
    address::Family,
    finding::Finding,
    ids::{IfName, NetworkName, NodeName},
    ipam::{BlockError, Blocks, Pool, PoolError, block as cut_block},
    plan::Link,
};

use super::{BridgeGateway, Ipam, Network, Range};
use crate::block::IpBlock;

/// Why this node cannot give addresses of the network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPools {
    #[error(
        "network `{network}` has no IPBlock for {}node `{node}`; hint: add an IPBlock with network, node{} and its indexes",
        of_nic(.nic), if .nic.is_some() { ", interface" } else { "" }
    )]
    NoBlock { network: NetworkName, node: NodeName, nic: Option<IfName> },
    #[error("network `{network}` has no range for node `{node}`; hint: add one under `spec.ipam.ranges`")]
    NoRange { network: NetworkName, node: NodeName },
    #[error("IPBlock `{block}` cannot be cut from network `{network}`")]
    Block { network: NetworkName, block: String, source: BlockError },
    #[error("the addresses of network `{network}` on node `{node}` cannot be handed out")]
    Pool { network: NetworkName, node: NodeName, source: PoolError },
}

impl Network {
    /// What this node may hand out on this NIC (none: a network without NICs), both families, to be tried in order. Empty only
    /// when the network's interfaces have no addresses at all (`ipam.type: none`).
    pub fn pools<'b>(
        &self,
        blocks: impl IntoIterator<Item = &'b IpBlock>,
        node: &NodeName,
        nic: Option<&IfName>,
    ) -> Result<Vec<Pool>, NoPools> {
        match &self.ipam {
            Ipam::None => Ok(Vec::new()),
            Ipam::Ranges { ranges, .. } => self.ranges_of(ranges, node),
            Ipam::Blocks { .. } => {
                let ours = |block: &&IpBlock| {
                    block.network == self.name && block.node == *node && block.interface.as_ref() == nic
                };
                let mut pools = Vec::new();
                for block in blocks.into_iter().filter(ours) {
                    for (cut, around) in self.cut(block)? {
                        // A bridge ends at its node: nothing of another node's is on its link.
                        let on_link = if self.link == Link::Bridge { cut } else { around };
                        let excludes =
                            self.excludes_at(cut).into_iter().chain(block.reserved.iter().map(|own| IpNet::from(*own)));
                        pools.push(self.pool_of(node, Pool::block(cut, on_link.prefix_len(), excludes.collect()))?);
                    }
                }
                if pools.is_empty() {
                    return Err(NoPools::NoBlock { network: self.name.clone(), node: node.clone(), nic: nic.cloned() });
                }
                Ok(pools)
            }
        }
    }

    /// Addresses that another network has too: two pods would get the same one.
    pub fn overlaps<'a>(&self, others: impl Iterator<Item = &'a Network> + Clone) -> Vec<Finding> {
        let others = others.filter(|other| other.name != self.name);
        let others = others.flat_map(|other| other.subnets.iter().map(move |subnet| (&other.name, subnet)));
        let mut findings = Vec::new();
        for (index, subnet) in self.subnets.iter().enumerate() {
            for (name, other) in others.clone().filter(|(_, other)| subnet.contains(*other) || other.contains(subnet)) {
                let message = format!("`{subnet}` overlaps `{other}` of Network `{name}`");
                findings.push(Finding::new(format!("spec.subnets[{index}]"), message));
            }
        }
        findings
    }

    /// Per family the host block of an IPBlock and the interface block around it. Empty for networks without the block scheme.
    pub fn cut(&self, block: &IpBlock) -> Result<Vec<(IpNet, IpNet)>, NoPools> {
        let refused = |source| NoPools::Block { network: self.name.clone(), block: block.name.clone(), source };
        if let Some(net) = self.segment_net(block) {
            return Ok(vec![(cut_block(net, u128::from(block.host_index), self.host_bits()).map_err(refused)?, net)]);
        }
        self.schemes()
            .map(|scheme| {
                let (interface, host) = (u128::from(block.interface_index), u128::from(block.host_index));
                let around = scheme.interface_block(interface).map_err(refused)?;
                Ok((scheme.host_block(interface, host).map_err(refused)?, around))
            })
            .collect()
    }

    /// Of a network without subnets: the network that the block's NIC has an address in, which is cut instead.
    fn segment_net(&self, block: &IpBlock) -> Option<IpNet> {
        let net = || block.segment.parse::<IpNet>().ok();
        self.subnets.is_empty().then(net)?
    }

    fn host_bits(&self) -> u8 {
        match self.ipam {
            Ipam::Blocks { host_bits, .. } => host_bits,
            Ipam::Ranges { .. } | Ipam::None => 0,
        }
    }

    /// The block scheme of each family.
    pub fn schemes(&self) -> impl Iterator<Item = Blocks> {
        let bits = match self.ipam {
            Ipam::Blocks { interface_bits, host_bits, .. } => Some((interface_bits, host_bits)),
            Ipam::Ranges { .. } | Ipam::None => None,
        };
        let scheme = move |subnet: &IpNet| {
            bits.map(|(interface_bits, host_bits)| Blocks { subnet: *subnet, interface_bits, host_bits })
        };
        self.subnets.iter().filter_map(scheme)
    }

    fn ranges_of(&self, ranges: &[Range], node: &NodeName) -> Result<Vec<Pool>, NoPools> {
        let mut pools = Vec::new();
        for range in ranges.iter().filter(|range| range.node == *node) {
            if let Some(subnet) = self.subnet(Family::of(range.first)) {
                let excludes = self.excludes_at(subnet);
                pools.push(self.pool_of(node, Pool::range(range.first, range.last, subnet.prefix_len(), excludes))?);
            }
        }
        if pools.is_empty() {
            return Err(NoPools::NoRange { network: self.name.clone(), node: node.clone() });
        }
        Ok(pools)
    }

    /// An interface that is point to point has nothing on its link: its addresses are of one host.
    fn pool_of(&self, node: &NodeName, pool: Result<Pool, PoolError>) -> Result<Pool, NoPools> {
        let refused = |source| NoPools::Pool { network: self.name.clone(), node: node.clone(), source };
        let pool = pool.map_err(refused)?;
        match self.link {
            Link::VethRouted => Ok(Pool { on_link: pool.family().width(), ..pool }),
            // No pod gets what the bridge has.
            Link::Bridge => {
                let taken =
                    self.on_bridge(&[pool.with_prefix(pool.first)]).into_iter().map(|own| IpNet::from(own.addr()));
                Ok(Pool { excludes: pool.excludes.iter().copied().chain(taken).collect(), ..pool })
            }
            Link::Macvlan { .. } | Link::Ipvlan { .. } | Link::HostDevice => Ok(pool),
        }
    }

    /// What the bridge of this network has on a node whose pools begin with these addresses (each with the length of its on-link
    /// prefix): `gateway4` or `gateway6` where that lies in the node's own block, else the block's first address. One per family;
    /// nothing where the bridge only bridges.
    pub fn on_bridge(&self, firsts: &[IpNet]) -> Vec<IpNet> {
        if self.bridge.as_ref().is_none_or(|bridge| bridge.gateway == BridgeGateway::None) {
            return Vec::new();
        }
        let own = |first: &IpNet| {
            let named = self.gateways().find(|gateway| first.contains(gateway));
            named.and_then(|gateway| IpNet::new(gateway, first.prefix_len()).ok()).unwrap_or(*first)
        };
        let mut all: Vec<IpNet> = Vec::new();
        for first in firsts {
            if !all.iter().any(|other| Family::of(other.addr()) == Family::of(first.addr())) {
                all.push(own(first));
            }
        }
        all
    }

    fn excludes_at(&self, net: IpNet) -> Vec<IpNet> {
        let near = |exclude: &&IpNet| net.contains(*exclude) || exclude.contains(&net);
        self.ipam.excludes().iter().filter(near).copied().collect()
    }
}

fn of_nic(nic: &Option<IfName>) -> String {
    nic.as_ref().map(|nic| format!("NIC `{nic}` of ")).unwrap_or_default()
}
