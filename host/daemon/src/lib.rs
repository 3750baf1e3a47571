//! The node daemon: the imperative shell around the functional core. Wires the edges (engine, kernel, store), serves the plugin
//! binary and the admin socket. No decision is made here: `gather` makes facts, policies decide, `core` reviews and plans.

pub mod config;
pub mod node;
pub mod world;
pub mod reload;
pub mod inventory;
pub mod serve;
pub mod verb;
pub mod intend;
pub mod gather;
pub mod decide;
pub mod add;
pub mod answer;
pub mod del;
pub mod check;
pub mod gc;
pub mod status;
pub mod recover;
pub mod outcome;
pub mod explain;
pub mod admin;
pub mod run;

pub use config::Config;
pub use run::run;
