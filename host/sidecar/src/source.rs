//! Where the strategies come from that are asked: a file of this process's own, or a daemon's manifests.

use std::{fmt, sync::Arc};

use nicety_core::finding::Finding;
use nicety_deciding::Shadows;
use nicety_strategies::StrategySet;

pub trait Source: Send + Sync + fmt::Debug {
    /// What is in force now; a decision keeps the one that it started with.
    fn in_force(&self) -> Arc<dyn InForce>;

    /// Why what is written now is not in force.
    fn refused(&self) -> Vec<Finding>;

    /// Where candidates are asked once an answer is out.
    fn shadows(&self) -> &Shadows;
}

/// Strategies of one generation.
pub trait InForce: Send + Sync {
    fn generation(&self) -> u64;

    fn strategies(&self) -> &StrategySet;
}
