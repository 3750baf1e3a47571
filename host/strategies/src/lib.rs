//! Who decides: a set of named strategies per extension point, run in chains over any `Evaluator`. Pure but for the policies that
//! it calls; knows neither wasmtime nor files. Everything that a policy answers is reviewed here, before anybody else sees it.

pub mod build;
pub mod canary;
pub mod decide;
pub mod no;
pub mod run;
pub mod set;
pub mod shadow;
pub mod turns;

pub use build::build;
pub use canary::Trials;
pub use decide::{Decided, attach, distribution, dry_run, selection, selection::Chosen};
pub use no::No;
pub use run::Run;
pub use set::StrategySet;
pub use shadow::{Shadowed, Tried};
pub use turns::{Turn, Turns};
