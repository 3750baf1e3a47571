//! Egress: which policy a destination belongs to, who leaves through which gateway, which gateways live and who watches them, who held which
//! address, and what all that is to the kernel of one node.

pub mod capture;
pub mod health;
pub mod held;
pub mod hold;
pub mod leaving;
pub mod mark;
pub mod observers;
pub mod program;
pub mod share;
pub mod table;
pub mod trace;
