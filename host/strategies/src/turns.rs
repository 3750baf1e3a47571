//! Of each name one piece of work is under way at a time: a distribution of many pods is large, and an older one of no interest.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Names that somebody works at.
#[derive(Debug, Clone, Default)]
pub struct Turns(Arc<Mutex<BTreeSet<String>>>);

/// Ends when it is dropped, whatever became of it.
#[derive(Debug)]
pub struct Turn {
    turns: Turns,
    name: String,
}

impl Turns {
    /// None: it is somebody else's turn.
    pub fn take(&self, name: &str) -> Option<Turn> {
        self.locked().insert(name.to_owned()).then(|| Turn { turns: self.clone(), name: name.to_owned() })
    }

    fn locked(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.locked().remove(&self.name);
    }
}
