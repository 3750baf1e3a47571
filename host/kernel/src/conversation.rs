//! A routing netlink socket, and one conversation over it: a whole batch of requests in one `send`, its answers read back.
//! It knows nothing of what the requests mean.

use std::{
    io,
    os::fd::AsFd,
    time::{Duration, Instant},
};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer,
    NetlinkDeserializable, NetlinkHeader, NetlinkMessage,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, protocols::NETLINK_ROUTE};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::RecvFlags,
};

use crate::refusal::Refusal;

/// Requests in one `send`. Each may be answered by an error message, which takes up to a kilobyte of the socket's receive buffer
/// (208 KiB by default) until it is read.
const BATCH: usize = 128;

/// The kernel fills one read of a dump up to 32 KiB.
const RECEIVE: usize = 64 * 1024;

/// A dump during which the kernel's tables changed is repeated this often, then taken as it is.
const DUMPS: usize = 3;

/// The conversation itself failed; nothing is said about the requests.
#[derive(Debug, thiserror::Error)]
pub enum ConversationError {
    #[error("cannot open a netlink socket")]
    Open(#[source] io::Error),
    #[error("cannot send {requests} requests to the kernel")]
    Send { requests: usize, source: io::Error },
    #[error("cannot read the kernel's answer")]
    Receive(#[source] io::Error),
    #[error("the kernel has not answered within the request's time limit")]
    Deadline,
    #[error("cannot read a netlink message of type {kind}: {reason}")]
    Malformed { kind: u16, reason: String },
    #[error("the kernel refused to list its tables: {0}")]
    Dump(Refusal),
}

/// A request and its flags besides `NLM_F_REQUEST` and `NLM_F_ACK`.
#[derive(Debug, Clone)]
pub struct Request {
    pub flags: u16,
    pub message: RouteNetlinkMessage,
}

/// What the kernel said to a batch; positions count from zero in the batch. A request without an entry succeeded.
#[derive(Debug, Default)]
pub struct Answers {
    pub refused: Vec<(usize, Refusal)>,
    pub messages: Vec<(usize, RouteNetlinkMessage)>,
}

/// The socket keeps the network namespace in which it was opened, whichever thread uses it.
#[derive(Debug)]
pub struct Conversation {
    socket: Socket,
    sequence: u32,
    received: Vec<u8>,
}

impl Conversation {
    /// In the calling thread's network namespace.
    pub fn open() -> Result<Conversation, ConversationError> {
        let socket = Socket::new(NETLINK_ROUTE).map_err(ConversationError::Open)?;
        // The kernel's own sentence about a refusal, and no copy of the refused request.
        socket.set_ext_ack(true).map_err(ConversationError::Open)?;
        socket.set_cap_ack(true).map_err(ConversationError::Open)?;
        Ok(Conversation { socket, sequence: 0, received: Vec::new() })
    }

    /// The kernel does the work while `send` runs and goes on after a request that it refuses; a refusal is always answered, so that
    /// only the last request asks for an acknowledgement. The deadline bounds the wait for answers: a `send` that waits for the
    /// kernel's own lock cannot be interrupted.
    pub fn batch(&mut self, requests: &[Request], deadline: Instant) -> Result<Answers, ConversationError> {
        let mut answers = Answers::default();
        for (number, chunk) in requests.chunks(BATCH).enumerate() {
            if Instant::now() >= deadline {
                return Err(ConversationError::Deadline);
            }
            let first = self.send(chunk, NLM_F_ACK)?;
            let offset = number.saturating_mul(BATCH);
            let last = chunk.len().saturating_sub(1);
            let mut open = true;
            while open {
                self.receive(deadline, |header, payload| {
                    let position = header.sequence_number.wrapping_sub(first) as usize;
                    if position > last {
                        return Ok(());
                    }
                    if header.message_type == NLMSG_ERROR {
                        open &= position < last;
                        answers.refused.extend(Refusal::parse(header.flags, payload).map(|r| (offset + position, r)));
                    } else if let Some(message) = parse(header, payload)? {
                        answers.messages.push((offset + position, message));
                    }
                    Ok(())
                })?;
            }
        }
        Ok(answers)
    }

    /// All rows of a table. The kernel marks a list during which the table changed; such a one is read again.
    pub fn dump(
        &mut self,
        message: RouteNetlinkMessage,
        deadline: Instant,
    ) -> Result<Vec<RouteNetlinkMessage>, ConversationError> {
        let request = [Request { flags: NLM_F_DUMP, message }];
        let mut rows = Vec::new();
        for _ in 0..DUMPS {
            rows.clear();
            let first = self.send(&request, 0)?;
            let (mut open, mut changed) = (true, false);
            while open {
                self.receive(deadline, |header, payload| {
                    if header.sequence_number != first {
                        return Ok(());
                    }
                    changed |= header.flags & NLM_F_DUMP_INTR != 0;
                    match header.message_type {
                        NLMSG_DONE => open = false,
                        NLMSG_ERROR => match Refusal::parse(header.flags, payload) {
                            Some(refusal) => return Err(ConversationError::Dump(refusal)),
                            None => open = false,
                        },
                        _ => rows.extend(parse(header, payload)?),
                    }
                    Ok(())
                })?;
            }
            if !changed {
                break;
            }
        }
        Ok(rows)
    }

    /// Returns the sequence number of the first; the others follow it. `last` is added to the last one's flags.
    fn send(&mut self, requests: &[Request], last: u16) -> Result<u32, ConversationError> {
        let first = self.sequence.wrapping_add(1);
        let mut out = Vec::with_capacity(requests.len().saturating_mul(192));
        for (position, request) in requests.iter().enumerate() {
            self.sequence = self.sequence.wrapping_add(1);
            let mut header = NetlinkHeader::default();
            header.sequence_number = self.sequence;
            header.flags = NLM_F_REQUEST | request.flags;
            if position + 1 == requests.len() {
                header.flags |= last;
            }
            let mut message = NetlinkMessage::new(header, request.message.clone().into());
            message.finalize();
            let start = out.len();
            out.resize(start + message.buffer_len().next_multiple_of(4), 0);
            if let Some(space) = out.get_mut(start..start + message.buffer_len()) {
                message.serialize(space);
            }
        }
        match self.socket.send(&out, 0) {
            Ok(_) => Ok(first),
            Err(source) => Err(ConversationError::Send { requests: requests.len(), source }),
        }
    }

    /// One read; `each` is called for every message in it.
    fn receive(
        &mut self,
        deadline: Instant,
        mut each: impl FnMut(&NetlinkHeader, &[u8]) -> Result<(), ConversationError>,
    ) -> Result<(), ConversationError> {
        self.received.resize(RECEIVE, 0);
        let length = loop {
            let flags = (RecvFlags::DONTWAIT | RecvFlags::TRUNC).bits().cast_signed();
            match self.socket.recv(&mut self.received.as_mut_slice(), flags) {
                Ok(length) => break length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait(&self.socket, deadline)?,
                Err(error) => return Err(ConversationError::Receive(error)),
            }
        };
        let Some(mut rest) = self.received.get(..length) else {
            return Err(ConversationError::Malformed { kind: 0, reason: format!("{length} bytes in one message") });
        };
        while !rest.is_empty() {
            let malformed = |reason: String| ConversationError::Malformed { kind: 0, reason };
            let buffer = NetlinkBuffer::new_checked(rest).map_err(|e| malformed(e.to_string()))?;
            let mut header = NetlinkHeader::default();
            header.length = buffer.length();
            header.message_type = buffer.message_type();
            header.flags = buffer.flags();
            header.sequence_number = buffer.sequence_number();
            each(&header, buffer.payload())?;
            rest = rest.get((buffer.length() as usize).next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(())
    }
}

fn parse(header: &NetlinkHeader, payload: &[u8]) -> Result<Option<RouteNetlinkMessage>, ConversationError> {
    // Below 16 stand netlink's own messages (NLMSG_NOOP, NLMSG_DONE, ...).
    if header.message_type < 16 {
        return Ok(None);
    }
    RouteNetlinkMessage::deserialize(header, payload)
        .map(Some)
        .map_err(|e| ConversationError::Malformed { kind: header.message_type, reason: e.to_string() })
}

fn wait(socket: &Socket, deadline: Instant) -> Result<(), ConversationError> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(ConversationError::Deadline);
    }
    let left = Timespec::try_from(left.min(Duration::from_secs(3600))).ok();
    match poll(&mut [PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN)], left.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(errno) => Err(ConversationError::Receive(errno.into())),
    }
}
