//! Egress: which policy a destination belongs to, who leaves through which gateway, and which gateways live.

pub mod capture;
pub mod health;
pub mod hold;
pub mod share;
