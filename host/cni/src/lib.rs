//! CNI 0.3.0 to 1.1.0 as types, and what shim and daemon say to each other. The shim links this crate, so it stays light: serde and
//! `ipnet`, no async, no logging. Only `tombstone` touches files.

pub mod request;

pub mod env;
pub mod netconf;
pub mod version;

pub mod error;
pub mod result;

pub mod frame;
pub mod tombstone;

mod fields;
mod finding;

pub use env::{Args, Env, Verb};
pub use error::{CniError, Code};
pub use finding::Finding;
pub use netconf::{Mode, NetConf, PrevResult, RuntimeConfig};
pub use request::{Attachment, Refused, Request};
pub use result::AddResult;
pub use version::Version;
