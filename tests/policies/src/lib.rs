//! Measures the engine: decisions, how they share the machine, and what it takes to load a policy.

pub mod decisions;
pub mod facts;
pub mod loading;
pub mod memory;
pub mod report;
pub mod times;
