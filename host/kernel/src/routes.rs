//! Requests about routes, and routes as the kernel lists them.

use std::{net::IpAddr, time::Instant};

use ipnet::IpNet;
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    route::{
        RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
    },
};

use crate::{
    addresses::family,
    conversation::{Conversation, ConversationError},
};

/// The protocol number on every route that we make, so that our routes are told from others': `ip route show proto 110`.
///
/// It is only a label, and nobody assigns numbers to programs; this one is free in iproute2's rt_protos and in the kernel's
/// rtnetlink.h (which name 0-18, 42, 84, 99 and 186-192), and is not one that Calico (80) or Cilium (2, 3) use.
pub const ROUTE_PROTOCOL: u8 = 110;

/// A route of the main table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteRow {
    pub to: IpNet,
    pub via: Option<IpAddr>,
    /// Several for a multipath route.
    pub links: Vec<u32>,
    pub protocol: u8,
}

/// `via` none: the destination is on the link.
pub fn add(index: u32, to: IpNet, via: Option<IpAddr>) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = family(to.addr());
    message.header.destination_prefix_length = to.prefix_len();
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = RouteProtocol::Other(ROUTE_PROTOCOL);
    message.header.kind = RouteType::Unicast;
    // IPv6 has no scopes: the kernel takes none but the universe.
    message.header.scope = match (via, to) {
        (None, IpNet::V4(_)) => RouteScope::Link,
        _ => RouteScope::Universe,
    };
    if to.prefix_len() > 0 {
        message.attributes.push(RouteAttribute::Destination(route_address(to.network())));
    }
    message.attributes.extend(via.map(|via| RouteAttribute::Gateway(route_address(via))));
    message.attributes.push(RouteAttribute::Oif(index));
    message
}

pub fn route_address(address: IpAddr) -> RouteAddress {
    match address {
        IpAddr::V4(v4) => RouteAddress::Inet(v4),
        IpAddr::V6(v6) => RouteAddress::Inet6(v6),
    }
}

/// The unicast routes of the main table, both families.
pub fn all(conversation: &mut Conversation, deadline: Instant) -> Result<Vec<RouteRow>, ConversationError> {
    let mut routes = Vec::new();
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let mut message = RouteMessage::default();
        message.header.address_family = family;
        let rows = conversation.dump(RouteNetlinkMessage::GetRoute(message), deadline)?;
        routes.extend(rows.iter().filter_map(row));
    }
    Ok(routes)
}

fn row(message: &RouteNetlinkMessage) -> Option<RouteRow> {
    let RouteNetlinkMessage::NewRoute(message) = message else { return None };
    let header = &message.header;
    if header.table != RouteHeader::RT_TABLE_MAIN
        || header.kind != RouteType::Unicast
        || header.flags.contains(RouteFlags::Cloned)
    {
        return None;
    }
    let any = match header.address_family {
        AddressFamily::Inet => IpAddr::from([0; 4]),
        AddressFamily::Inet6 => IpAddr::from([0; 16]),
        _ => return None,
    };
    let (mut to, mut via, mut links) = (any, None, Vec::new());
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(address) => to = ip(address)?,
            RouteAttribute::Gateway(address) => via = ip(address),
            RouteAttribute::Oif(index) => links.push(*index),
            RouteAttribute::MultiPath(hops) => links.extend(hops.iter().map(|hop| hop.interface_index)),
            _ => {}
        }
    }
    let to = IpNet::new(to, header.destination_prefix_length).ok()?;
    Some(RouteRow { to, via, links, protocol: header.protocol.into() })
}

pub fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(v4) => Some(IpAddr::V4(*v4)),
        RouteAddress::Inet6(v6) => Some(IpAddr::V6(*v6)),
        _ => None,
    }
}
