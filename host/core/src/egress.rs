//! Egress: which policy a destination belongs to, and who leaves through which gateway.

pub mod capture;
pub mod share;
