//! The functional core. It may depend on nothing that can fail for outside reasons: no I/O, clock, randomness, async or logging
//! (invariant I1). Everything here is plain data and functions over it.

pub mod address;
pub mod causes;
pub mod chain;
pub mod choose;
pub mod cluster;
pub mod compare;
pub mod decision;
pub mod egress;
pub mod evaluate;
pub mod facts;
pub mod finding;
pub mod hash;
pub mod ids;
pub mod inventory;
pub mod ipam;
pub mod millis;
pub mod naming;
pub mod plan;
pub mod record;
pub mod review;
pub mod wire;

pub use choose::choose;
