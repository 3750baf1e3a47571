//! Other nodes, as the tunnels see them. Nobody has to be asked for a hardware address or a next hop: both follow from the name.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv6Addr},
};

use super::Settings;
use crate::{
    address::{Family, Mac},
    egress::share::{Gateway, GatewayId},
    hash,
    ids::NodeName,
};

/// The far end of a tunnel to a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Of the device on the gateway's node that takes the packets.
    pub mac: Mac,
    /// Nobody has it; it stands for `mac` in routes, those of IPv4 too.
    pub hop: Ipv6Addr,
    pub underlay: IpAddr,
    /// What packets come from while they are in the tunnel: this node's own addresses.
    pub source: BTreeMap<Family, IpAddr>,
}

/// A node whose pods leave here, and the way back to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    pub mac: Mac,
    pub hop: Ipv6Addr,
    pub underlay: IpAddr,
    /// What its packets come from, and answers go to.
    pub addresses: BTreeSet<IpAddr>,
}

/// `name` is that of a gateway, or of a node that sends to gateways.
pub fn mac(name: &str) -> Mac {
    let [_, _, _, a, b, c, d, e] = hash::number(&["egress-tunnel", name]).to_be_bytes();
    Mac([0x02, a, b, c, d, e])
}

/// Link-local, and the same wherever it is computed.
pub fn next_hop(name: &str) -> Ipv6Addr {
    let low = u128::from(hash::number(&["egress-next-hop", name]));
    Ipv6Addr::from_bits((0xfe80 << 112) | low)
}

impl Peer {
    pub(super) fn of_gateway(settings: &Settings, id: &GatewayId, gateway: &Gateway) -> Result<Peer, String> {
        let underlay = reachable(settings, &gateway.underlay).ok_or_else(|| {
            format!("node `{}` has no address of the family that this node's tunnels use", gateway.node)
        })?;
        let each = [Family::V4, Family::V6].map(|family| Some((family, settings.address(family)?)));
        Ok(Peer {
            mac: mac(id.as_str()),
            hop: next_hop(id.as_str()),
            underlay,
            source: each.into_iter().flatten().collect(),
        })
    }
}

impl Sender {
    pub(super) fn of(settings: &Settings, node: &NodeName, addresses: &BTreeSet<IpAddr>) -> Option<Sender> {
        let underlay = reachable(settings, addresses)?;
        let name = node.as_str();
        Some(Sender { mac: mac(name), hop: next_hop(name), underlay, addresses: addresses.clone() })
    }
}

fn reachable<'a>(settings: &Settings, addresses: impl IntoIterator<Item = &'a IpAddr>) -> Option<IpAddr> {
    let family = Family::of(settings.underlay()?);
    addresses.into_iter().copied().find(|address| Family::of(*address) == family)
}
