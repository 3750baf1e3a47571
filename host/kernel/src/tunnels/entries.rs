//! Neighbours, forwarding entries of VXLAN devices, and addresses: as requests, and as the kernel lists them.

use std::{net::IpAddr, time::Instant};

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressMessage, AddressProtocol, AddressScope},
    neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState},
};
use nicety_core::address::Mac;

use super::{Address, Entry, Neighbor, PROTOCOL};
use crate::{
    addresses,
    conversation::{Conversation, ConversationError, Request},
};

/// `NUD_PERMANENT | NUD_NOARP`, as `bridge fdb ... permanent` writes it.
const STATIC: NeighbourState = NeighbourState::Other(0xc0);

pub fn put_neighbor(one: Neighbor) -> Request {
    let message = addresses::permanent_neighbor(one.link, IpAddr::V6(one.to), one.mac);
    Request { flags: NLM_F_CREATE | NLM_F_REPLACE, message: RouteNetlinkMessage::NewNeighbour(message) }
}

pub fn delete_neighbor(one: Neighbor) -> Request {
    let message = addresses::permanent_neighbor(one.link, IpAddr::V6(one.to), one.mac);
    Request { flags: 0, message: RouteNetlinkMessage::DelNeighbour(message) }
}

pub fn put_entry(one: Entry) -> Request {
    Request { flags: NLM_F_CREATE | NLM_F_REPLACE, message: RouteNetlinkMessage::NewNeighbour(entry(one)) }
}

pub fn delete_entry(one: Entry) -> Request {
    Request { flags: 0, message: RouteNetlinkMessage::DelNeighbour(entry(one)) }
}

fn entry(one: Entry) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Bridge;
    message.header.ifindex = one.link;
    message.header.state = STATIC;
    message.header.flags = NeighbourFlags::Own;
    message.attributes = vec![
        NeighbourAttribute::LinkLayerAddress(one.mac.0.to_vec()),
        NeighbourAttribute::Destination(NeighbourAddress::from(one.remote)),
    ];
    message.attributes.extend(one.vni.map(NeighbourAttribute::Vni));
    message
}

/// The permanent ones of IPv6.
pub fn neighbors(
    conversation: &mut Conversation,
    links: &[u32],
    deadline: Instant,
) -> Result<Vec<Neighbor>, ConversationError> {
    let row = |message: &RouteNetlinkMessage| {
        let RouteNetlinkMessage::NewNeighbour(message) = message else { return None };
        let header = &message.header;
        let mut found = (None, None);
        for attribute in &message.attributes {
            match attribute {
                NeighbourAttribute::Destination(NeighbourAddress::Inet6(to)) => found.0 = Some(*to),
                NeighbourAttribute::LinkLayerAddress(octets) => found.1 = mac(octets),
                _ => {}
            }
        }
        let wanted = links.contains(&header.ifindex) && header.state == NeighbourState::Permanent;
        wanted.then_some(Neighbor { link: header.ifindex, to: found.0?, mac: found.1? })
    };
    Ok(listed(conversation, AddressFamily::Inet6, deadline)?.iter().filter_map(row).collect())
}

pub fn entries(
    conversation: &mut Conversation,
    links: &[u32],
    deadline: Instant,
) -> Result<Vec<Entry>, ConversationError> {
    let row = |message: &RouteNetlinkMessage| {
        let RouteNetlinkMessage::NewNeighbour(message) = message else { return None };
        let (mut to, mut remote, mut vni) = (None, None, None);
        for attribute in &message.attributes {
            match attribute {
                NeighbourAttribute::LinkLayerAddress(octets) => to = mac(octets),
                NeighbourAttribute::Destination(address) => remote = ip(address),
                NeighbourAttribute::Vni(number) => vni = Some(*number),
                _ => {}
            }
        }
        let link = message.header.ifindex;
        links.contains(&link).then_some(Entry { link, mac: to?, remote: remote?, vni })
    };
    Ok(listed(conversation, AddressFamily::Bridge, deadline)?.iter().filter_map(row).collect())
}

fn listed(
    conversation: &mut Conversation,
    family: AddressFamily,
    deadline: Instant,
) -> Result<Vec<RouteNetlinkMessage>, ConversationError> {
    let mut message = NeighbourMessage::default();
    message.header.family = family;
    conversation.dump(RouteNetlinkMessage::GetNeighbour(message), deadline)
}

fn mac(octets: &[u8]) -> Option<Mac> {
    <[u8; 6]>::try_from(octets).ok().map(Mac)
}

/// Of a bridge's family, where the length tells which it is.
fn ip(address: &NeighbourAddress) -> Option<IpAddr> {
    match address {
        NeighbourAddress::Inet(v4) => Some(IpAddr::V4(*v4)),
        NeighbourAddress::Inet6(v6) => Some(IpAddr::V6(*v6)),
        NeighbourAddress::Other(octets) => match octets.len() {
            4 => <[u8; 4]>::try_from(octets.as_slice()).ok().map(IpAddr::from),
            16 => <[u8; 16]>::try_from(octets.as_slice()).ok().map(IpAddr::from),
            _ => None,
        },
        _ => None,
    }
}

/// For this host alone, so that no route comes with it. The protocol needs Linux 5.18; before, the kernel forgets it, and an address
/// that was left behind is taken for somebody's own.
pub fn add_address(link: u32, address: IpAddr) -> Request {
    let mut message = addresses::add(link, IpNet::from(address));
    if matches!(address, IpAddr::V4(v4) if v4.is_link_local()) {
        message.header.scope = AddressScope::Link;
    }
    message.attributes.push(AddressAttribute::Protocol(AddressProtocol::Other(PROTOCOL)));
    Request { flags: NLM_F_CREATE | NLM_F_EXCL, message: RouteNetlinkMessage::NewAddress(message) }
}

pub fn delete_address(link: u32, net: IpNet) -> Request {
    Request { flags: 0, message: RouteNetlinkMessage::DelAddress(addresses::add(link, net)) }
}

pub fn addresses(conversation: &mut Conversation, deadline: Instant) -> Result<Vec<Address>, ConversationError> {
    let rows = conversation.dump(RouteNetlinkMessage::GetAddress(AddressMessage::default()), deadline)?;
    let row = |message: &RouteNetlinkMessage| {
        let RouteNetlinkMessage::NewAddress(message) = message else { return None };
        let (mut local, mut address, mut ours) = (None, None, false);
        for attribute in &message.attributes {
            match attribute {
                AddressAttribute::Local(ip) => local = Some(*ip),
                AddressAttribute::Address(ip) => address = Some(*ip),
                AddressAttribute::Protocol(protocol) => ours = u8::from(*protocol) == PROTOCOL,
                _ => {}
            }
        }
        let net = IpNet::new(local.or(address)?, message.header.prefix_len).ok()?;
        Some(Address { link: message.header.index, net, ours })
    };
    Ok(rows.iter().filter_map(row).collect())
}
