//! The only crate that knows wasmtime: compiles policies in a child process, loads and runs them. Policies are hostile until
//! proved otherwise (invariants I3 and I4): each decision has a fresh sandbox with limits on fuel, time, memory, answer and log, and
//! the process that decides cannot compile.

pub mod cache;
pub mod compile;
mod contract;
mod engine;
mod inspect;
mod limits;
mod policy;
mod sandbox;

mod bindings;
mod convert;
mod facts;
mod failure;
mod settings;
mod slots;
mod ticker;

pub use cache::{Cache, CacheError, CacheStats};
pub use compile::{CompileCommand, CompileError, CompileLimits};
pub use contract::{ContractError, SERVED};
pub use engine::{Engine, EngineConfig, EngineError, LoadError, digest};
pub use inspect::Inspection;
pub use limits::Limits;
pub use policy::{Measured, Policy};
