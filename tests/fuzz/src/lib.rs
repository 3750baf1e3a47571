//! What the targets share: a mutator that knows JSON, the built-in policies in process, and what review must have made sure of.

pub mod held;
pub mod mutate;

use std::sync::{Arc, LazyLock};

use nicety_core::{evaluate::Evaluator, facts::Kind};

/// The built-in policies by name.
static NATIVE: LazyLock<Vec<(&'static str, Arc<dyn Evaluator>)>> =
    LazyLock::new(|| nicety_native::evaluators().into_iter().map(|(name, policy)| (name, Arc::from(policy))).collect());

pub fn native(name: &str) -> Option<Arc<dyn Evaluator>> {
    NATIVE.iter().find(|(known, _)| *known == name).map(|(_, policy)| policy.clone())
}

pub fn native_of(kind: Kind) -> impl Iterator<Item = &'static Arc<dyn Evaluator>> {
    NATIVE.iter().map(|(_, policy)| policy).filter(move |policy| policy.kind() == kind)
}
