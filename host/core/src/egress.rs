//! Egress: which policy a destination belongs to, who leaves through which gateway, which gateways live, and what all that is to the
//! kernel of one node.

pub mod capture;
pub mod health;
pub mod hold;
pub mod mark;
pub mod program;
pub mod share;
pub mod table;
pub mod trace;
