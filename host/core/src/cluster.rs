//! What a cluster should hold, computed from what it holds: blocks of networks for the NICs of nodes, and which nodes are ready. Pure,
//! and always of the whole state: the same objects give the same answer in whatever order they are named, and carrying the answer
//! out leaves nothing more to do.

pub mod assign;
pub mod blocks;
pub mod readiness;
pub mod routes;
pub mod scheme;
pub mod segment;
pub mod tables;
pub mod underlay;

pub use assign::{assign, freeze, retire};
pub use blocks::{Block, Change, Claimant, Interfaces, NewBlock, Node, Plan, Reason, State, View};
pub use scheme::Scheme;
pub use segment::Segment;
