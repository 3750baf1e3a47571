//! The bridges of networks: one per network and node, told by its alias. A bridge of the same name that is not ours is not touched.

use std::time::Instant;

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage},
};
use nicety_core::{
    address::{Family, Mac},
    hash,
    ids::{IfName, NetworkName},
    plan::{Bridge, step::LinkSysctl},
};
use rustix::io::Errno;

use crate::{
    addresses,
    conversation::{Conversation, ConversationError, Request},
    links::{self, LinkRow},
    refusal::Refusal,
    sysctl,
};

const ALIAS: &str = "nicety-bridge:";

#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    #[error(
        "`{bridge}` is there and is not ours; hint: name another in `spec.link.bridge.name` of network `{network}`"
    )]
    NotOurs { bridge: IfName, network: NetworkName },
    #[error("cannot {what} bridge `{bridge}`: {refusal}")]
    Refused { what: &'static str, bridge: IfName, refusal: Refusal },
    #[error("bridge `{bridge}` is gone as soon as it is made")]
    Gone { bridge: IfName },
    #[error("cannot set `{key}` of bridge `{bridge}`; hint: the daemon needs `/proc/sys` writable")]
    Setting { bridge: IfName, key: &'static str, source: std::io::Error },
    #[error("cannot talk to the kernel about bridges")]
    Conversation(#[from] ConversationError),
}

/// What became of a bridge that nobody needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    Gone,
    /// It has ports still.
    InUse,
}

/// Makes the bridge, or completes one of ours: up, with all gateways, routing what comes in. Leaves further addresses alone.
pub fn ensure(network: &NetworkName, bridge: &Bridge, deadline: Instant) -> Result<(), BridgeError> {
    let mut host = Conversation::open()?;
    let name = &bridge.name;
    let refused = |what, refusal| BridgeError::Refused { what, bridge: name.clone(), refusal };
    if let Some(refusal) = ask(&mut host, vec![create(network, bridge)], deadline)?.filter(|r| r.errno != Errno::EXIST)
    {
        return Err(refused("make", refusal));
    }
    let row = find(&mut host, name, deadline)?.ok_or_else(|| BridgeError::Gone { bridge: name.clone() })?;
    let fresh = row.alias.is_none() && row.mac == Some(mac(network, name)) && is_bridge(&row);
    if !fresh && !ours(&row, network) {
        return Err(BridgeError::NotOurs { bridge: name.clone(), network: network.clone() });
    }
    fence(bridge)?;
    let mut requests = vec![dress(row.index, network, bridge.mtu)];
    requests.extend(bridge.gateways.iter().map(|gateway| address(row.index, *gateway)));
    ask(&mut host, requests, deadline)?.map_or(Ok(()), |refusal| Err(refused("set up", refusal)))
}

/// Deletes one of ours that has no port. One that is not ours counts as gone.
pub fn remove(name: &IfName, network: &NetworkName, deadline: Instant) -> Result<Removal, BridgeError> {
    let mut host = Conversation::open()?;
    let Some(row) = find(&mut host, name, deadline)?.filter(|row| ours(row, network)) else { return Ok(Removal::Gone) };
    if links::all(&mut host, deadline)?.iter().any(|link| link.controller == Some(row.index)) {
        return Ok(Removal::InUse);
    }
    let mut message = LinkMessage::default();
    message.header.index = row.index;
    let request = Request { flags: 0, message: RouteNetlinkMessage::DelLink(message) };
    let refused = ask(&mut host, vec![request], deadline)?.filter(|refusal| refusal.errno != Errno::NODEV);
    match refused {
        Some(refusal) => Err(BridgeError::Refused { what: "delete", bridge: name.clone(), refusal }),
        None => Ok(Removal::Gone),
    }
}

/// True for a link that is a bridge of some network of ours.
pub(crate) fn is_ours(row: &LinkRow) -> bool {
    is_bridge(row) && row.alias.as_deref().is_some_and(|alias| alias.starts_with(ALIAS))
}

fn ours(row: &LinkRow, network: &NetworkName) -> bool {
    is_bridge(row) && row.alias.as_deref() == Some(format!("{ALIAS}{network}").as_str())
}

fn is_bridge(row: &LinkRow) -> bool {
    row.kind.as_deref() == Some("bridge")
}

/// Its own and always the same: a bridge without one takes that of its ports, and changes it as they come and go.
fn mac(network: &NetworkName, bridge: &IfName) -> Mac {
    let [_, _, _, a, b, c, d, e] = hash::number(&["bridge", network.as_str(), bridge.as_str()]).to_be_bytes();
    Mac([0x02, a, b, c, d, e])
}

fn create(network: &NetworkName, bridge: &Bridge) -> Request {
    let mut message = LinkMessage::default();
    message.attributes = vec![
        LinkAttribute::IfName(bridge.name.to_string()),
        LinkAttribute::Address(mac(network, &bridge.name).0.to_vec()),
        LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge)]),
    ];
    Request { flags: NLM_F_CREATE | NLM_F_EXCL, message: RouteNetlinkMessage::NewLink(message) }
}

/// The alias says whose it is; the kernel takes none with the request that makes a link. An MTU that comes with that request is lost
/// with the next port: only one that is set later stays.
fn dress(index: u32, network: &NetworkName, mtu: Option<u32>) -> Request {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    message.attributes.push(LinkAttribute::IfAlias(format!("{ALIAS}{network}")));
    message.attributes.extend(mtu.map(LinkAttribute::Mtu));
    Request { flags: 0, message: RouteNetlinkMessage::SetLink(message) }
}

fn address(index: u32, gateway: IpNet) -> Request {
    let message = RouteNetlinkMessage::NewAddress(addresses::add(index, gateway));
    Request { flags: NLM_F_CREATE | NLM_F_REPLACE, message }
}

/// The node routes for its pods, and learns nothing from them.
fn fence(bridge: &Bridge) -> Result<(), BridgeError> {
    let routes = |family| bridge.gateways.iter().any(|gateway| Family::of(gateway.addr()) == family);
    let all = [
        (Family::V6, LinkSysctl::AcceptRa, 0, "accept_ra", true),
        (Family::V6, LinkSysctl::AcceptRedirects, 0, "accept_redirects", true),
        (Family::V4, LinkSysctl::Forwarding, 1, "forwarding", routes(Family::V4)),
        (Family::V6, LinkSysctl::Forwarding, 1, "forwarding", routes(Family::V6)),
        (Family::V6, LinkSysctl::ForceForwarding, 1, "force_forwarding", routes(Family::V6)),
    ];
    for (family, key, value, name, _) in all.into_iter().filter(|(.., wanted)| *wanted) {
        sysctl::write(&bridge.name, family, key, value).map_err(|source| BridgeError::Setting {
            bridge: bridge.name.clone(),
            key: name,
            source,
        })?;
    }
    Ok(())
}

fn find(host: &mut Conversation, name: &IfName, deadline: Instant) -> Result<Option<LinkRow>, ConversationError> {
    Ok(links::by_name(host, &[name.as_str()], deadline)?.into_iter().next().flatten())
}

/// The first refusal.
fn ask(
    host: &mut Conversation,
    requests: Vec<Request>,
    deadline: Instant,
) -> Result<Option<Refusal>, ConversationError> {
    let answers = host.batch(&requests, deadline)?;
    Ok(answers.refused.into_iter().min_by_key(|(at, _)| *at).map(|(_, refusal)| refusal))
}
