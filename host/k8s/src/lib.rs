//! The only crate that knows kube: sources (watch, then an index in memory and on disk) and sinks (objects applied, status, events).
//! It decides nothing: what to write is computed by `nicety_core::cluster` from what was watched.

pub mod apply;
pub mod backoff;
pub mod client;
pub mod crd;
pub mod events;
pub mod kinds;
pub mod lease;
pub mod mirror;
pub mod outbox;
pub mod pods;
pub mod publish;
pub mod watch;

use k8s_openapi::jiff::Timestamp;
use nicety_core::millis::Millis;

pub use apply::{Failure, Place, WriteError, Writer};
pub use backoff::Backoff;
pub use client::{ConnectError, connect};
pub use mirror::Mirror;
pub use nicety_core::causes::chain;

/// Whole seconds, as Kubernetes writes times.
pub(crate) fn timestamp(time: Millis) -> Timestamp {
    Timestamp::from_second(i64::try_from(time.0 / 1000).unwrap_or_default()).unwrap_or_default()
}

/// RFC 3339, in UTC.
pub fn rfc3339(time: Millis) -> String {
    timestamp(time).to_string()
}
