//! Takes back what steps did: goes on after an error, collects them all, and succeeds where there is nothing left.

mod group;

use std::{
    fs::File,
    io,
    os::fd::{AsRawFd, RawFd},
    time::Instant,
};

use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{LinkAttribute, LinkMessage},
};
use nicety_core::{
    address::Mac,
    ids::IfName,
    plan::{HostNic, Undo},
};
use rustix::io::Errno;

use crate::{
    conversation::{Conversation, ConversationError, Request},
    link::host_device::{self, Was},
    links::{self, LinkRow},
    netns::{Netns, OWN},
    refusal::Refusal,
};

#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    #[error("cannot delete `{links}` in the pod: {refusal}")]
    DeleteGroup { links: String, refusal: Refusal },
    #[error("cannot delete host link `{link}`: {refusal}")]
    DeleteHostLink { link: IfName, refusal: Refusal },
    #[error("cannot bring NIC `{nic}` home: {refusal}; hint: `ip link` shows it with the alias `nicety:{nic}`")]
    MoveBack { nic: IfName, refusal: Refusal },
    #[error("cannot open the host's network namespace to bring NIC `{nic}` home")]
    OwnNamespace { nic: IfName, source: io::Error },
    #[error("cannot talk to the kernel on the host")]
    Host(#[source] ConversationError),
    #[error("cannot talk to the kernel in the pod's network namespace")]
    Pod(#[source] ConversationError),
}

/// Executes all of `undo` in its order. Without a namespace the links in it are gone already, or unreachable until they go with it.
///
/// One RTM_DELLINK by group deletes all links of an attachment (`group`).
pub fn undo(netns: Option<&Netns>, undo: &[Undo], deadline: Instant) -> Vec<UndoError> {
    let mut host = match Conversation::open() {
        Ok(host) => host,
        Err(error) => return vec![UndoError::Host(error)],
    };
    let mut errors = Vec::new();
    for one in undo {
        let done = match (one, netns) {
            (Undo::DeleteGroup { .. }, None) => Ok(()),
            (Undo::DeleteGroup { group, ifnames }, Some(netns)) => group::delete_all(netns, *group, ifnames, deadline),
            (Undo::DeleteHostLink { host: link }, _) => delete_host_link(&mut host, link, deadline),
            (Undo::MoveBack { ifname: _, nic, mac, mtu }, netns) => {
                move_back(&mut host, netns, nic, *mac, *mtu, deadline)
            }
        };
        errors.extend(done.err());
    }
    errors
}

/// Gives every NIC that the kernel has returned to the host its own name back, and its state; hardware address and MTU stay as the
/// pod left them. For NICs whose undo came before the kernel had returned them: it does so some time after the pod's namespace has
/// ended. Not while [`crate::apply`] runs: a NIC on its way out looks the same for a moment.
pub fn bring_home(deadline: Instant) -> Vec<UndoError> {
    let rows = Conversation::open().and_then(|mut host| Ok((links::all(&mut host, deadline)?, host)));
    let (rows, mut host) = match rows {
        Ok(found) => found,
        Err(error) => return vec![UndoError::Host(error)],
    };
    let strays = rows.iter().filter_map(|row| Some((row.index, host_device::home(row.alias.as_deref()?)?)));
    let settled = strays.map(|(index, (nic, was))| {
        let message = RouteNetlinkMessage::SetLink(host_device::settle(index, &nic, was, None, None));
        let refusal = refused(&mut host, message, deadline).map_err(UndoError::Host)?;
        refusal.map_or(Ok(()), |refusal| Err(UndoError::MoveBack { nic, refusal }))
    });
    settled.filter_map(Result::err).collect()
}

fn delete_host_link(host: &mut Conversation, link: &IfName, deadline: Instant) -> Result<(), UndoError> {
    let refusal = delete(host, LinkAttribute::IfName(link.to_string()), deadline).map_err(UndoError::Host)?;
    refusal.map_or(Ok(()), |refusal| Err(UndoError::DeleteHostLink { link: link.clone(), refusal }))
}

/// None: deleted, or nothing to delete.
fn delete(
    conversation: &mut Conversation,
    which: LinkAttribute,
    deadline: Instant,
) -> Result<Option<Refusal>, ConversationError> {
    let mut message = LinkMessage::default();
    message.attributes.push(which);
    refused(conversation, RouteNetlinkMessage::DelLink(message), deadline)
}

/// The answer to one request. That the link is not there is no refusal.
fn refused(
    conversation: &mut Conversation,
    message: RouteNetlinkMessage,
    deadline: Instant,
) -> Result<Option<Refusal>, ConversationError> {
    let mut answers = conversation.batch(&[Request { flags: 0, message }], deadline)?;
    Ok(answers.refused.pop().map(|(_, refusal)| refusal).filter(|refusal| refusal.errno != Errno::NODEV))
}

/// A NIC in the pod is moved, then (or when the kernel has returned it) settled under its own name. One without an alias of ours
/// never left or is home already.
fn move_back(
    host: &mut Conversation,
    netns: Option<&Netns>,
    nic: &HostNic,
    mac: Option<Mac>,
    mtu: Option<u32>,
    deadline: Instant,
) -> Result<(), UndoError> {
    let failed = |refusal| UndoError::MoveBack { nic: nic.name.clone(), refusal };
    if let Some(netns) = netns {
        let own = File::open(OWN).map_err(|source| UndoError::OwnNamespace { nic: nic.name.clone(), source })?;
        let refusal = send_home(netns, nic, own.as_raw_fd(), deadline).map_err(UndoError::Pod)?;
        refusal.map_or(Ok(()), |refusal| Err(failed(refusal)))?;
    }
    let Some((index, was)) = find(host, nic, deadline).map_err(UndoError::Host)? else { return Ok(()) };
    let message = RouteNetlinkMessage::SetLink(host_device::settle(index, &nic.name, was, mac, mtu));
    let refusal = refused(host, message, deadline).map_err(UndoError::Host)?;
    refusal.map_or(Ok(()), |refusal| Err(failed(refusal)))
}

fn send_home(
    netns: &Netns,
    nic: &HostNic,
    own: RawFd,
    deadline: Instant,
) -> Result<Option<Refusal>, ConversationError> {
    let mut pod = netns.conversation();
    let Some((index, _)) = find(&mut pod, nic, deadline)? else { return Ok(None) };
    let message = host_device::transfer(index, own, nic.name.as_str(), None, None);
    refused(&mut pod, RouteNetlinkMessage::SetLink(message), deadline)
}

/// The link whose alias says that it is this NIC.
fn find(
    conversation: &mut Conversation,
    nic: &HostNic,
    deadline: Instant,
) -> Result<Option<(u32, Was)>, ConversationError> {
    let rows = links::all(conversation, deadline)?;
    let ours = |row: &LinkRow| {
        let (name, was) = host_device::home(row.alias.as_deref()?)?;
        (name == nic.name).then_some((row.index, was))
    };
    Ok(rows.iter().find_map(ours))
}
