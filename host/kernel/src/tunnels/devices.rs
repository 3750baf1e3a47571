//! VXLAN devices as requests, and links as the kernel lists them.

use std::{net::IpAddr, time::Instant};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{InfoData, InfoKind, InfoVxlan, LinkAttribute, LinkExtentMask, LinkFlags, LinkInfo, LinkMessage},
};
use nicety_core::address::Mac;

use super::{Link, Vxlan};
use crate::conversation::{Conversation, ConversationError, Request};

/// It knows nobody but those that it is told of: no learning, no group, no default destination.
pub fn add(name: &str, vxlan: Vxlan, mac: Mac, mtu: u32, group: u32) -> Request {
    let local = vxlan.local.map(|local| match local {
        IpAddr::V4(v4) => InfoVxlan::Local(v4),
        IpAddr::V6(v6) => InfoVxlan::Local6(v6),
    });
    let data = [InfoVxlan::Id(vxlan.vni), InfoVxlan::Port(vxlan.port), InfoVxlan::Learning(false)];
    let data = InfoData::Vxlan(data.into_iter().chain(local).collect());
    let mut message = LinkMessage::default();
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    message.attributes = vec![
        LinkAttribute::IfName(name.to_owned()),
        LinkAttribute::Address(mac.0.to_vec()),
        LinkAttribute::Mtu(mtu),
        LinkAttribute::Group(group),
        LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Vxlan), LinkInfo::Data(data)]),
    ];
    Request { flags: NLM_F_CREATE | NLM_F_EXCL, message: RouteNetlinkMessage::NewLink(message) }
}

pub fn set_up(index: u32, mtu: u32) -> Request {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    message.attributes.push(LinkAttribute::Mtu(mtu));
    Request { flags: 0, message: RouteNetlinkMessage::SetLink(message) }
}

pub fn delete(index: u32) -> Request {
    let mut message = LinkMessage::default();
    message.header.index = index;
    Request { flags: 0, message: RouteNetlinkMessage::DelLink(message) }
}

pub fn all(conversation: &mut Conversation, deadline: Instant) -> Result<Vec<Link>, ConversationError> {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
    let rows = conversation.dump(RouteNetlinkMessage::GetLink(message), deadline)?;
    Ok(rows.iter().filter_map(row).collect())
}

fn row(message: &RouteNetlinkMessage) -> Option<Link> {
    let RouteNetlinkMessage::NewLink(message) = message else { return None };
    let flags = message.header.flags;
    let mut link = Link {
        index: message.header.index,
        name: String::new(),
        up: flags.contains(LinkFlags::Up),
        loopback: flags.contains(LinkFlags::Loopback),
        mtu: 0,
        mac: None,
        group: 0,
        vxlan: None,
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::Address(octets) => link.mac = <[u8; 6]>::try_from(octets.as_slice()).ok().map(Mac),
            LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
            LinkAttribute::Group(group) => link.group = *group,
            LinkAttribute::LinkInfo(infos) => link.vxlan = infos.iter().find_map(vxlan),
            _ => {}
        }
    }
    Some(link)
}

fn vxlan(info: &LinkInfo) -> Option<Vxlan> {
    let LinkInfo::Data(InfoData::Vxlan(data)) = info else { return None };
    let mut vxlan = Vxlan { vni: 0, port: 0, local: None };
    for one in data {
        match one {
            InfoVxlan::Id(vni) => vxlan.vni = *vni,
            InfoVxlan::Port(port) => vxlan.port = *port,
            InfoVxlan::Local(v4) => vxlan.local = Some(IpAddr::V4(*v4)),
            InfoVxlan::Local6(v6) => vxlan.local = Some(IpAddr::V6(*v6)),
            _ => {}
        }
    }
    Some(vxlan)
}
