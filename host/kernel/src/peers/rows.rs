//! A row of a routing table as a request, and as the kernel lists it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use ipnet::IpNet;
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    route::{
        RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteNextHop, RouteProtocol, RouteScope, RouteType,
    },
};
use nicety_core::cluster::routes::{Hop, Owner, Row};

use super::{METRIC, zero};
use crate::{
    addresses::family,
    conversation::{Conversation, ConversationError},
    routes::{ROUTE_PROTOCOL, ip, route_address},
};

/// Without hops: the row that is to be deleted, whatever its hops.
pub fn message(table: u32, to: IpNet, hops: &BTreeSet<Hop>) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = family(to.addr());
    message.header.destination_prefix_length = to.prefix_len();
    message.header.table = RouteHeader::RT_TABLE_UNSPEC;
    message.header.protocol = RouteProtocol::Other(ROUTE_PROTOCOL);
    message.header.scope = RouteScope::Universe;
    message.header.kind = RouteType::Unicast;
    message.attributes = vec![RouteAttribute::Table(table), RouteAttribute::Priority(METRIC)];
    if to.prefix_len() > 0 {
        message.attributes.push(RouteAttribute::Destination(route_address(to.network())));
    }
    let mut each = hops.iter();
    match (each.next(), hops.len()) {
        (Some(hop), 1) => {
            message.attributes.push(RouteAttribute::Gateway(route_address(hop.via)));
            message.attributes.push(RouteAttribute::Oif(hop.link));
        }
        (Some(_), _) => message.attributes.push(RouteAttribute::MultiPath(hops.iter().map(next_hop).collect())),
        (None, _) => {}
    }
    message
}

fn next_hop(hop: &Hop) -> RouteNextHop {
    let mut next = RouteNextHop::default();
    next.interface_index = hop.link;
    next.attributes = vec![RouteAttribute::Gateway(route_address(hop.via))];
    next
}

/// By table; the kernel's default, main and local tables are left out.
pub fn all(conversation: &mut Conversation, deadline: Instant) -> Result<BTreeMap<u32, Vec<Row>>, ConversationError> {
    let mut tables: BTreeMap<u32, Vec<Row>> = BTreeMap::new();
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let mut message = RouteMessage::default();
        message.header.address_family = family;
        for (table, row) in conversation.dump(RouteNetlinkMessage::GetRoute(message), deadline)?.iter().filter_map(row)
        {
            tables.entry(table).or_default().push(row);
        }
    }
    Ok(tables)
}

fn row(message: &RouteNetlinkMessage) -> Option<(u32, Row)> {
    let RouteNetlinkMessage::NewRoute(message) = message else { return None };
    let header = &message.header;
    if header.flags.contains(RouteFlags::Cloned) {
        return None;
    }
    let mut to = zero(header.address_family)?;
    let (mut table, mut metric) = (u32::from(header.table), 0);
    let (mut via, mut link, mut hops) = (None, None, BTreeSet::new());
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Table(number) => table = *number,
            RouteAttribute::Priority(number) => metric = *number,
            RouteAttribute::Destination(address) => to = ip(address)?,
            RouteAttribute::Gateway(address) => via = ip(address),
            RouteAttribute::Oif(index) => link = Some(*index),
            RouteAttribute::MultiPath(list) => hops.extend(list.iter().filter_map(hop)),
            _ => {}
        }
    }
    if matches!(table, 253..=255) {
        return None;
    }
    hops.extend(link.zip(via).map(|(link, via)| Hop { link, via }));
    let protocol = u8::from(header.protocol);
    let ours = protocol == ROUTE_PROTOCOL && metric == METRIC && header.kind == RouteType::Unicast;
    let owner = if ours { Owner::Us } else { Owner::Another { protocol } };
    Some((table, Row { to: IpNet::new(to, header.destination_prefix_length).ok()?, hops, owner }))
}

fn hop(next: &RouteNextHop) -> Option<Hop> {
    let gateway =
        |attribute: &RouteAttribute| if let RouteAttribute::Gateway(address) = attribute { ip(address) } else { None };
    Some(Hop { link: next.interface_index, via: next.attributes.iter().find_map(gateway)? })
}
