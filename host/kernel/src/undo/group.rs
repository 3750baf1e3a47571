//! Deletes all links of an attachment by their group, in one request.
//!
//! The kernel takes the links out of its tables at once, and then waits until no reader can hold them any more (RCU) before it
//! answers: once for all links of one request, and once for each link that is deleted by a request of its own. Measured with 4
//! macvlans on 4 masters, p50 of 60 on two busy cores and Linux 6.18: 25 ms by group, 115 ms one by one.
//!
//! Nobody needs that wait: the links are gone from the pod, and their names, addresses and indexes are free. So the request is
//! made on a thread of its own, and the work goes on as soon as the kernel no longer shows any of the links.

use std::{
    sync::{
        PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use netlink_packet_route::link::LinkAttribute;
use nicety_core::ids::IfName;

use super::{UndoError, delete};
use crate::{
    conversation::{Conversation, ConversationError},
    links,
    netns::Netns,
    refusal::Refusal,
};

/// Between two looks. A look waits for the kernel's own lock, which is free when the links are out of its tables.
const LOOK: Duration = Duration::from_micros(100);

pub fn delete_all(netns: &Netns, group: u32, ifnames: &[IfName], deadline: Instant) -> Result<(), UndoError> {
    let (conversation, (answer, answered)) = (netns.shared(), mpsc::channel());
    let request = move || {
        let mut conversation = conversation.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody may be waiting any more: the links were seen to be gone.
        let _ = answer.send(delete(&mut conversation, LinkAttribute::Group(group), deadline));
    };
    let Ok(mut second) = netns.second() else {
        request();
        return outcome(answered.recv().unwrap_or(Err(ConversationError::Deadline)), ifnames);
    };
    let request = thread::Builder::new().name("dellink".to_owned()).stack_size(128 * 1024).spawn(request);
    request.map_err(|source| UndoError::Pod(ConversationError::Open(source)))?;
    loop {
        match answered.recv_timeout(LOOK) {
            Ok(answer) => return outcome(answer, ifnames),
            Err(RecvTimeoutError::Disconnected) => return Err(UndoError::Pod(ConversationError::Deadline)),
            Err(RecvTimeoutError::Timeout) if Instant::now() >= deadline => {
                return Err(UndoError::Pod(ConversationError::Deadline));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if gone(&mut second, group, ifnames, deadline).map_err(UndoError::Pod)? {
            return Ok(());
        }
    }
}

/// No link of the group has one of its names any more.
fn gone(
    conversation: &mut Conversation,
    group: u32,
    ifnames: &[IfName],
    deadline: Instant,
) -> Result<bool, ConversationError> {
    let names: Vec<&str> = ifnames.iter().map(IfName::as_str).collect();
    let rows = links::by_name(conversation, &names, deadline)?;
    Ok(!rows.iter().flatten().any(|row| row.group == group))
}

fn outcome(answer: Result<Option<Refusal>, ConversationError>, ifnames: &[IfName]) -> Result<(), UndoError> {
    match answer.map_err(UndoError::Pod)? {
        None => Ok(()),
        Some(refusal) => {
            let links = ifnames.iter().map(IfName::as_str).collect::<Vec<_>>().join("`, `");
            Err(UndoError::DeleteGroup { links, refusal })
        }
    }
}
