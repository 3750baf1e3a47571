//! The only crate that touches Linux networking: netlink messages by netlink-packet-route over netlink-sys sockets, a little of
//! `/proc/sys` and `/sys`. Synchronous, to be called from threads that may block; only [`watch`] is asynchronous.
//!
//! "The host" is always the network namespace of the calling thread; a pod's is a [`Netns`]. Execution makes no choice: what is
//! done stands in the steps, what is undone in the undo (`nicety_core::plan`).

mod conversation;
mod links;
mod netns;
mod refusal;

mod addresses;
mod link;
mod routes;
mod sysctl;
mod wording;

mod apply;
mod check;
mod undo;

pub mod bridges;
pub mod capability;
mod carrying;
pub mod forwarding;
pub mod inventory;
pub mod lay;
pub mod peers;
pub mod tunnels;
pub mod watch;

pub use apply::{ApplyError, apply};
pub use check::{Difference, Drift, check, exists};
pub use conversation::ConversationError;
pub use netns::{Netns, NetnsError, own};
pub use refusal::Refusal;
pub use routes::ROUTE_PROTOCOL;
pub use undo::{UndoError, bring_home, undo};
