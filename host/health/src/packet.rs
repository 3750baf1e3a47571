//! Probes and answers as bytes. Whatever a stranger sends is either an answer to a probe of ours or nothing.

#[cfg(test)]
mod tests;

use nicety_core::address::Family;

/// Which probe: the random number of the process that sent it, and the probe's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket {
    pub process: u64,
    pub number: u64,
}

/// Bytes of a ticket.
const TICKET: usize = 16;
/// Bytes of an echo's header.
const ECHO: usize = 8;
/// Bytes of a question or an answer by UDP.
pub const DATAGRAM: usize = 8 + TICKET;

const QUESTION: [u8; 8] = *b"nicety?1";
const ANSWER: [u8; 8] = *b"nicety!1";

/// What lies before the echo that was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    None,
    /// The header of an IPv4 packet, as raw sockets have it.
    Ipv4,
}

impl Ticket {
    fn to_bytes(self) -> [u8; TICKET] {
        (u128::from(self.process) << 64 | u128::from(self.number)).to_be_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Ticket> {
        let both = u128::from_be_bytes(<[u8; TICKET]>::try_from(bytes).ok()?);
        let half = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).ok();
        Some(Ticket { process: half(both >> 64)?, number: half(both)? })
    }
}

/// An echo request of this family. The kernel fills in the checksum of IPv6.
pub fn echo(family: Family, ticket: Ticket) -> Vec<u8> {
    let kind = match family {
        Family::V4 => 8,
        Family::V6 => 128,
    };
    let [.., a, b] = ticket.process.to_be_bytes();
    let [.., c, d] = ticket.number.to_be_bytes();
    let mut bytes = vec![kind, 0, 0, 0, a, b, c, d];
    bytes.extend(ticket.to_bytes());
    if family == Family::V4 {
        let sum = checksum(&bytes);
        bytes.splice(2..4, sum.to_be_bytes());
    }
    bytes
}

/// Which echo request this answers. None: no answer.
pub fn echoed(family: Family, head: Head, bytes: &[u8]) -> Option<Ticket> {
    let skip = match head {
        Head::None => 0,
        Head::Ipv4 => usize::from(bytes.first()? & 0x0f) * 4,
    };
    let (header, payload) = bytes.get(skip..)?.split_at_checked(ECHO)?;
    let answer = match family {
        Family::V4 => 0,
        Family::V6 => 129,
    };
    match header {
        [kind, 0, ..] if *kind == answer => Ticket::from_bytes(payload),
        _ => None,
    }
}

pub fn question(ticket: Ticket) -> Vec<u8> {
    [QUESTION.as_slice(), &ticket.to_bytes()].concat()
}

/// The answer to a question, which is as long. None: it is no question.
pub fn answer(question: &[u8]) -> Option<Vec<u8>> {
    let (head, ticket) = question.split_at_checked(QUESTION.len())?;
    (head == QUESTION && ticket.len() == TICKET).then(|| [ANSWER.as_slice(), ticket].concat())
}

/// Which question this answers. None: no answer.
pub fn answered(bytes: &[u8]) -> Option<Ticket> {
    let (head, ticket) = bytes.split_at_checked(ANSWER.len())?;
    if head == ANSWER { Ticket::from_bytes(ticket) } else { None }
}

/// RFC 1071, of an even number of bytes.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks_exact(2).filter_map(|pair| <[u8; 2]>::try_from(pair).ok()).map(u16::from_be_bytes);
    let sum: u32 = words.map(u32::from).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let [_, _, a, b] = (folded + (folded >> 16)).to_be_bytes();
    !u16::from_be_bytes([a, b])
}
