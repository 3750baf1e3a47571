//! Asks nodes whether they live, again and again, and says when that changes: the only crate that sends probes. What a death is, it
//! does not decide ([`nicety_core::egress::health`]), nor what follows.
//!
//! Sockets, each with its reason and its limit: one per address family for all nodes that are probed by ICMP or UDP, opened with the
//! first of them; with TCP one connection per node for the length of a probe. What comes in is read up to a hundred bytes and counts
//! only if it carries the random number of this process and the number of a probe that waits. The responder listens on a UDP port
//! only where it is asked to; it answers only packets that look like a probe and come from an address that it was given, with exactly
//! as many bytes as it got, and so many a second.

mod settings;

mod packet;
mod pending;

mod icmp;
mod tcp;
mod udp;

mod prober;
mod respond;

pub use prober::{Observed, Prober, Seen};
pub use respond::{RespondError, Responder};
pub use settings::{InvalidKind, Kind, SHORTEST_INTERVAL, Settings};
