//! Egress as a whole: what is known of policies, nodes and pods goes in, each node's part comes out, with what moved and what is to be said
//! of it. Pure but for the strategies that it asks: no I/O, no clock, no API. The controller, a daemon that is alone and `nicety egress
//! plan` use the same.

pub mod view;

pub mod gateways;

pub mod facts;

pub mod assembly;

pub mod slices;

pub mod plan;

pub mod picture;

pub use assembly::{Assembly, Change, Outcome, Word};
pub use gateways::{Member, Role};
pub use view::{View, captures};
