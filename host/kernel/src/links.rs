//! Links as the kernel describes them, and how they are looked up.

use std::time::Instant;

use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{
        InfoData, InfoIpVlan, InfoKind, InfoMacVlan, IpVlanMode, LinkAttribute, LinkExtentMask, LinkFlags, LinkInfo,
        LinkMessage, MacVlanMode, State,
    },
};
use nicety_core::address::Mac;

use crate::conversation::{Conversation, ConversationError, Request};

/// A link, in the words of `ip -j -d link`.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkRow {
    pub index: u32,
    pub name: String,
    /// `macvlan`, `veth`, ...; None for a NIC with a driver of its own.
    pub kind: Option<String>,
    /// Of a macvlan or ipvlan.
    pub mode: Option<&'static str>,
    pub mac: Option<Mac>,
    pub mtu: u32,
    /// Administratively.
    pub up: bool,
    pub operational: State,
    pub loopback: bool,
    /// IFLA_LINK: a macvlan's master, a veth's peer.
    pub parent: Option<u32>,
    /// IFLA_MASTER: the bridge, bond or vrf that the link is a port of.
    pub controller: Option<u32>,
    /// The parent is in another network namespace.
    pub parent_elsewhere: bool,
    pub group: u32,
    pub alias: Option<String>,
}

/// All links of the conversation's namespace, by index.
pub fn all(conversation: &mut Conversation, deadline: Instant) -> Result<Vec<LinkRow>, ConversationError> {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
    let rows = conversation.dump(RouteNetlinkMessage::GetLink(message), deadline)?;
    Ok(rows.iter().filter_map(row).collect())
}

/// None where there is no link of that name.
pub fn by_name(
    conversation: &mut Conversation,
    names: &[&str],
    deadline: Instant,
) -> Result<Vec<Option<LinkRow>>, ConversationError> {
    let request = |name: &&str| {
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::IfName((*name).to_owned()));
        message.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
        Request { flags: 0, message: RouteNetlinkMessage::GetLink(message) }
    };
    let requests: Vec<Request> = names.iter().map(request).collect();
    let answers = conversation.batch(&requests, deadline)?;
    let mut found = vec![None; names.len()];
    for (position, message) in &answers.messages {
        if let Some(slot) = found.get_mut(*position) {
            *slot = row(message);
        }
    }
    Ok(found)
}

fn row(message: &RouteNetlinkMessage) -> Option<LinkRow> {
    let RouteNetlinkMessage::NewLink(message) = message else { return None };
    let mut row = LinkRow {
        index: message.header.index,
        name: String::new(),
        kind: None,
        mode: None,
        mac: None,
        mtu: 0,
        up: message.header.flags.contains(LinkFlags::Up),
        operational: State::Unknown,
        loopback: message.header.flags.contains(LinkFlags::Loopback),
        parent: None,
        controller: None,
        parent_elsewhere: false,
        group: 0,
        alias: None,
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => row.name.clone_from(name),
            LinkAttribute::Address(octets) => row.mac = <[u8; 6]>::try_from(octets.as_slice()).ok().map(Mac),
            LinkAttribute::Mtu(mtu) => row.mtu = *mtu,
            LinkAttribute::OperState(state) => row.operational = *state,
            LinkAttribute::Link(index) => row.parent = Some(*index).filter(|index| *index != 0),
            LinkAttribute::LinkNetNsId(_) => row.parent_elsewhere = true,
            LinkAttribute::Controller(index) => row.controller = Some(*index),
            LinkAttribute::Group(group) => row.group = *group,
            LinkAttribute::IfAlias(alias) => row.alias = Some(alias.clone()).filter(|alias| !alias.is_empty()),
            LinkAttribute::LinkInfo(infos) => infos.iter().for_each(|info| kind(info, &mut row)),
            _ => {}
        }
    }
    Some(row)
}

fn kind(info: &LinkInfo, row: &mut LinkRow) {
    match info {
        LinkInfo::Kind(InfoKind::Other(name)) => row.kind = Some(name.clone()),
        LinkInfo::Kind(kind) => row.kind = Some(kind.to_string()),
        LinkInfo::Data(InfoData::MacVlan(data)) => row.mode = data.iter().find_map(macvlan_mode),
        LinkInfo::Data(InfoData::IpVlan(data)) => row.mode = data.iter().find_map(ipvlan_mode),
        _ => {}
    }
}

fn macvlan_mode(info: &InfoMacVlan) -> Option<&'static str> {
    match info {
        InfoMacVlan::Mode(MacVlanMode::Bridge) => Some("bridge"),
        InfoMacVlan::Mode(MacVlanMode::Private) => Some("private"),
        InfoMacVlan::Mode(MacVlanMode::Vepa) => Some("vepa"),
        InfoMacVlan::Mode(MacVlanMode::Passthrough) => Some("passthru"),
        InfoMacVlan::Mode(MacVlanMode::Source) => Some("source"),
        _ => None,
    }
}

fn ipvlan_mode(info: &InfoIpVlan) -> Option<&'static str> {
    match info {
        InfoIpVlan::Mode(IpVlanMode::L2) => Some("l2"),
        InfoIpVlan::Mode(IpVlanMode::L3) => Some("l3"),
        InfoIpVlan::Mode(IpVlanMode::L3S) => Some("l3s"),
        _ => None,
    }
}
