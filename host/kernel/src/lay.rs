//! Lays links for a demonstration: bridges, veths between namespaces, addresses. Acts in the calling thread's network namespace; the
//! daemon makes none of these.

use std::{
    os::fd::{AsRawFd, BorrowedFd},
    time::{Duration, Instant},
};

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    link::{InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage},
    rule::RuleMessage,
};

use crate::{
    addresses,
    conversation::{Conversation, ConversationError, Request},
    links,
    refusal::Refusal,
    routes,
};

const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum LayError {
    #[error("cannot lay `{link}`: {refusal}")]
    Refused { link: String, refusal: Refusal },
    #[error("there is no link `{link}`")]
    NoLink { link: String },
    #[error("cannot talk to the kernel")]
    Conversation(#[from] ConversationError),
}

/// How many things of one kind a namespace holds, for an audit: links but loopback, addresses of those, routes in its main
/// table, rules of both families.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    pub links: usize,
    pub addresses: usize,
    pub routes: usize,
    pub rules: usize,
}

/// A bridge, up.
pub fn bridge(name: &str) -> Result<(), LayError> {
    let kind = vec![LinkInfo::Kind(InfoKind::Bridge)];
    create(name, vec![LinkAttribute::IfName(name.to_owned()), LinkAttribute::LinkInfo(kind)])?;
    set(name, up)
}

/// A cable: `name` here, a port of `bridge` and up; `far` in the other namespace.
pub fn cable(name: &str, bridge: &str, far: &str, elsewhere: BorrowedFd<'_>) -> Result<(), LayError> {
    let mut peer = LinkMessage::default();
    peer.attributes = vec![LinkAttribute::IfName(far.to_owned()), LinkAttribute::NetNsFd(elsewhere.as_raw_fd())];
    let info = vec![LinkInfo::Kind(InfoKind::Veth), LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer)))];
    create(name, vec![LinkAttribute::IfName(name.to_owned()), LinkAttribute::LinkInfo(info)])?;
    let controller = index(bridge)?;
    set(name, |message| {
        message.attributes.push(LinkAttribute::Controller(controller));
        up(message);
    })
}

/// Up, with an address if one is given.
pub fn raise(name: &str, address: Option<IpNet>) -> Result<(), LayError> {
    if let Some(address) = address {
        let message = RouteNetlinkMessage::NewAddress(addresses::add(index(name)?, address));
        ask(name, Request { flags: NLM_F_CREATE | NLM_F_EXCL, message })?;
    }
    set(name, up)
}

/// What is there.
pub fn count() -> Result<Count, LayError> {
    let mut conversation = Conversation::open()?;
    let deadline = Instant::now() + PATIENCE;
    let rows = links::all(&mut conversation, deadline)?;
    let loopback: Vec<u32> = rows.iter().filter(|row| row.loopback).map(|row| row.index).collect();
    let addresses = addresses::all(&mut conversation, deadline)?;
    let routes = routes::all(&mut conversation, deadline)?;
    Ok(Count {
        links: rows.len().saturating_sub(loopback.len()),
        addresses: addresses.iter().filter(|(index, _)| !loopback.contains(index)).count(),
        routes: routes.len(),
        rules: rules(&mut conversation, AddressFamily::Inet, deadline)?
            + rules(&mut conversation, AddressFamily::Inet6, deadline)?,
    })
}

fn rules(
    conversation: &mut Conversation,
    family: AddressFamily,
    deadline: Instant,
) -> Result<usize, ConversationError> {
    let mut message = RuleMessage::default();
    message.header.family = family;
    Ok(conversation.dump(RouteNetlinkMessage::GetRule(message), deadline)?.len())
}

fn up(message: &mut LinkMessage) {
    message.header.flags |= LinkFlags::Up;
    message.header.change_mask |= LinkFlags::Up;
}

fn create(name: &str, attributes: Vec<LinkAttribute>) -> Result<(), LayError> {
    let mut message = LinkMessage::default();
    message.attributes = attributes;
    ask(name, Request { flags: NLM_F_CREATE | NLM_F_EXCL, message: RouteNetlinkMessage::NewLink(message) })
}

fn set(name: &str, change: impl FnOnce(&mut LinkMessage)) -> Result<(), LayError> {
    let mut message = LinkMessage::default();
    message.header.index = index(name)?;
    change(&mut message);
    ask(name, Request { flags: 0, message: RouteNetlinkMessage::SetLink(message) })
}

fn index(name: &str) -> Result<u32, LayError> {
    let rows = links::by_name(&mut Conversation::open()?, &[name], Instant::now() + PATIENCE)?;
    let row = rows.into_iter().next().flatten();
    row.map(|row| row.index).ok_or_else(|| LayError::NoLink { link: name.to_owned() })
}

fn ask(name: &str, request: Request) -> Result<(), LayError> {
    let mut answers = Conversation::open()?.batch(&[request], Instant::now() + PATIENCE)?;
    match answers.refused.pop() {
        None => Ok(()),
        Some((_, refusal)) => Err(LayError::Refused { link: name.to_owned(), refusal }),
    }
}
