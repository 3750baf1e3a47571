//! The node daemon: the imperative shell around the functional core. Wires the edges (engine, kernel, store), serves the plugin
//! binary and the admin socket. No decision is made here: `gather` makes facts, policies decide, `core` reviews and plans.

pub mod add;
pub mod admin;
pub mod after;
mod answer;
pub mod check;
pub mod cluster;
pub mod config;
pub mod decide;
pub mod del;
pub mod delegate;
pub mod egress;
pub mod explain;
pub mod gather;
pub mod gc;
pub mod intend;
pub mod inventory;
pub mod node;
pub mod outcome;
pub mod peers;
pub mod pod;
pub mod recover;
pub mod reload;
pub mod retire;
pub mod run;
pub mod serve;
mod sidecar;
pub mod source;
pub mod status;
pub mod verb;
pub mod world;

pub use config::Config;
pub use run::run;
