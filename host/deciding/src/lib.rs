//! Strategies in force: the one place where modules are found and loaded, and where sets of strategies are made of documents. The
//! daemon and the sidecar decide through it; it knows no networking.

pub mod listing;
pub mod metrics;
pub mod modules;
pub mod policies;
pub mod shadow;

pub use metrics::Metrics;
pub use modules::{Sources, read_module};
pub use nicety_core::causes::chain;
pub use policies::{Built, Policies, State};
pub use shadow::{Board, Compared, Job, Shadows};
