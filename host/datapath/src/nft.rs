//! Our table in the kernel, by netlink: one transaction per change, and the table read back. Only the table of our name is ever named.
//!
//! The messages are written by hand: the crates that know nf_tables lack what our rules need (`rt`, `exthdr`), and a program like `nft`
//! beside us would be one more thing that an image has to have and that has to agree with the kernel.

mod attributes;
mod encode;
mod expressions;
mod flows;
mod numbers;
mod read;
mod refusing;
mod watch;

use std::{
    io,
    os::fd::AsFd,
    time::{Duration, Instant},
};

use netlink_sys::{Socket, protocols::NETLINK_NETFILTER};
use nicety_core::egress::table::{Shown, change::Change};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{RecvFlags, sockopt},
};

use self::{
    attributes::Message,
    numbers::{NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR},
};
pub use self::{
    flows::Which,
    refusing::{Hook, Refusing},
    watch::Watch,
};

/// The kernel fills one read of a dump up to 32 KiB.
const RECEIVE: usize = 64 * 1024;

/// A dump during which somebody changed rules is repeated this often, then taken as it is.
const DUMPS: usize = 5;

#[derive(Debug, thiserror::Error)]
pub enum NftError {
    #[error("cannot open a netlink socket for nf_tables")]
    Open(#[source] io::Error),
    #[error("cannot send {bytes} bytes to nf_tables; hint: a large change needs CAP_NET_ADMIN on the host")]
    Send { bytes: usize, source: io::Error },
    #[error("cannot read the answer of nf_tables")]
    Receive(#[source] io::Error),
    #[error("nf_tables has not answered in time")]
    Deadline,
    #[error("nf_tables refused to {what}: {}", text(*errno))]
    Refused { what: String, errno: Errno },
}

impl NftError {
    /// Somebody changed our table since we looked at it.
    pub fn is_stale(&self) -> bool {
        matches!(self, NftError::Refused { errno, .. } if matches!(*errno, Errno::NOENT | Errno::EXIST | Errno::BUSY))
    }
}

fn text(errno: Errno) -> String {
    let text = io::Error::from(errno).to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// In the network namespace of the thread that opens it.
#[derive(Debug)]
pub struct Nft {
    socket: Socket,
    sequence: u32,
    received: Vec<u8>,
}

/// What one message of an answer is about.
struct Answer<'a> {
    sequence: u32,
    kind: u16,
    flags: u16,
    payload: &'a [u8],
}

impl Nft {
    pub fn open() -> Result<Nft, NftError> {
        let socket = Socket::new(NETLINK_NETFILTER).map_err(NftError::Open)?;
        socket.set_cap_ack(true).map_err(NftError::Open)?;
        Ok(Nft { socket, sequence: 0, received: Vec::new() })
    }

    /// All of it or none.
    pub fn commit(&mut self, changes: &[Change], deadline: Instant) -> Result<(), NftError> {
        if changes.is_empty() {
            return Ok(());
        }
        let first = self.sequence.wrapping_add(1);
        let (bytes, messages) = encode::batch(changes, first);
        let count = u32::try_from(messages.len()).unwrap_or_default();
        self.sequence = first.wrapping_add(count).wrapping_add(1);
        self.send(&bytes, deadline)?;
        // Begin has the first number, the messages those that follow; the last message asks for an answer.
        let mut refused: Option<(usize, Errno)> = None;
        let mut open = true;
        while open {
            self.receive(deadline, |answer| {
                let position = answer.sequence.wrapping_sub(first);
                if position > count.wrapping_add(1) || answer.kind != NLMSG_ERROR {
                    return;
                }
                let errno = error(answer.payload);
                if let (Some(errno), None) = (errno, refused) {
                    refused = Some((position as usize, errno));
                }
                // An error at the beginning is about the whole.
                open &= position != count && !(position == 0 && errno.is_some());
            })?;
        }
        match refused {
            None => Ok(()),
            Some((at, errno)) => {
                let change = messages.get(at.wrapping_sub(1)).and_then(|change| changes.get(*change));
                Err(NftError::Refused { what: change.map_or("take a change".to_owned(), encode::what), errno })
            }
        }
    }

    /// None: there is no table of ours.
    pub fn read(&mut self, deadline: Instant) -> Result<Option<Shown>, NftError> {
        read::table(self, deadline)
    }

    /// Packets by counter.
    pub fn counters(&mut self, deadline: Instant) -> Result<std::collections::BTreeMap<String, u64>, NftError> {
        read::counters(self, deadline)
    }

    /// Flows that the kernel remembers are forgotten.
    pub fn forget(&mut self, which: Which, deadline: Instant) -> Result<(), NftError> {
        flows::forget(self, which, deadline)
    }

    /// It changes with every transaction of anybody.
    pub fn generation(&mut self, deadline: Instant) -> Result<Option<u32>, NftError> {
        read::generation(self, deadline)
    }

    /// Chains of others that drop what they do not accept.
    pub fn refusing(&mut self, deadline: Instant) -> Result<Vec<Refusing>, NftError> {
        refusing::refusing(self, deadline)
    }

    /// Asks; `each` gets the payloads of the answers of one kind. Not there is an empty answer.
    fn ask(
        &mut self,
        message: &Message,
        deadline: Instant,
        mut each: impl FnMut(&[u8]),
        mut clear: impl FnMut(),
    ) -> Result<bool, NftError> {
        for attempt in 1.. {
            self.sequence = self.sequence.wrapping_add(1);
            let sequence = self.sequence;
            clear();
            self.send(&message.bytes(sequence), deadline)?;
            let (mut open, mut changed, mut failed) = (true, false, None);
            while open {
                self.receive(deadline, |answer| {
                    if answer.sequence != sequence {
                        return;
                    }
                    changed |= answer.flags & NLM_F_DUMP_INTR != 0;
                    match answer.kind {
                        NLMSG_DONE => open = false,
                        NLMSG_ERROR => {
                            failed = error(answer.payload);
                            open = false;
                        }
                        _ => each(answer.payload),
                    }
                })?;
            }
            match failed {
                Some(Errno::NOENT) => return Ok(false),
                Some(Errno::INTR) if attempt < DUMPS => continue,
                Some(errno) => return Err(NftError::Refused { what: "answer".to_owned(), errno }),
                None if changed && attempt < DUMPS => continue,
                None => return Ok(true),
            }
        }
        Ok(false)
    }

    fn send(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), NftError> {
        if Instant::now() >= deadline {
            return Err(NftError::Deadline);
        }
        // One transaction is one send. Without the privilege the kernel gives as much as everybody may have.
        let room = bytes.len().saturating_mul(2).max(256 * 1024);
        if sockopt::set_socket_send_buffer_size_force(&self.socket, room).is_err() {
            sockopt::set_socket_send_buffer_size(&self.socket, room).unwrap_or_default();
        }
        match self.socket.send(bytes, 0) {
            Ok(_) => Ok(()),
            Err(source) => Err(NftError::Send { bytes: bytes.len(), source }),
        }
    }

    fn receive(&mut self, deadline: Instant, each: impl FnMut(Answer<'_>)) -> Result<(), NftError> {
        self.received.resize(RECEIVE, 0);
        let length = loop {
            let flags = RecvFlags::DONTWAIT.bits().cast_signed();
            match self.socket.recv(&mut self.received.as_mut_slice(), flags) {
                Ok(length) => break length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait(&self.socket, deadline)?,
                Err(error) => return Err(NftError::Receive(error)),
            }
        };
        messages(self.received.get(..length).unwrap_or_default(), each);
        Ok(())
    }
}

fn messages(bytes: &[u8], mut each: impl FnMut(Answer<'_>)) {
    let mut rest = bytes;
    while let Some((header, body)) = rest.split_first_chunk::<16>() {
        let [l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, ..] = *header;
        let length = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
        let payload = body.get(..length.saturating_sub(16)).unwrap_or_default();
        each(Answer {
            sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
            kind: u16::from_ne_bytes([k0, k1]),
            flags: u16::from_ne_bytes([f0, f1]),
            payload,
        });
        rest = rest.get(length.max(16).next_multiple_of(4)..).unwrap_or_default();
    }
}

/// None for an acknowledgement.
fn error(payload: &[u8]) -> Option<Errno> {
    let code = payload.first_chunk::<4>().map_or(0, |bytes| i32::from_ne_bytes(*bytes));
    (code != 0).then(|| Errno::from_raw_os_error(code.saturating_neg()))
}

fn wait(socket: &Socket, deadline: Instant) -> Result<(), NftError> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(NftError::Deadline);
    }
    let left = Timespec::try_from(left.min(Duration::from_secs(3600))).ok();
    match poll(&mut [PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN)], left.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(NftError::Receive(errno.into())),
    }
}
