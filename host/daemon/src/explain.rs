//! Finds what was decided for a pod or a container: in the store, and in the journal what the store has let go.

use std::{collections::BTreeMap, path::Path};

use nicety_core::{
    ids::{AttachmentKey, IfName},
    millis::Millis,
    record::{PodRef, decision::DecisionRecord},
};
use nicety_store::ReadError;

use crate::{admin::view::Explained, node::Node};

/// ADDs that a search of the journal stops at.
const ADDS: usize = 16;

/// A container ID or its beginning, or `namespace/pod`.
#[derive(Debug, Clone)]
pub struct Wanted(String);

/// How far back to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Into the journal only when nothing else is known.
    Known,
    All,
}

/// Decisions of one ADD: ids begin anew with the store, which ends with a reboot, so they alone do not tell.
type Adds = BTreeMap<(u64, Whose), Vec<DecisionRecord>>;

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Whose {
    Container(String, IfName),
    /// Made at this time for a caller without attachments.
    Nobody(Millis),
}

/// The newest ADD first; empty when nothing is remembered.
pub fn explain(node: &Node, wanted: &Wanted, depth: Depth) -> Result<Vec<Explained>, ReadError> {
    let mut adds = Adds::new();
    add(&mut adds, node.store.decisions(|key, pod| wanted.is(key, pod))?);
    add(&mut adds, node.journal.find(|key, pod| wanted.is(key, pod)));
    if let (Some(folder), true) = (node.journal.folder(), adds.is_empty() || depth == Depth::All) {
        search(folder, wanted, &mut adds);
    }
    let explained = told(adds).into_iter().map(|decisions| {
        let first = decisions.first();
        let record = first.and_then(|decision| node.store.get(decision.key.as_ref()?));
        let record = record.filter(|record| first.is_some_and(|decision| decision.id == record.decision));
        Explained { record: record.map(|record| (*record).clone()), decisions }
    });
    Ok(explained.collect())
}

/// From files alone, where no daemon runs.
pub fn from_journal(path: &Path, wanted: &Wanted) -> Vec<Explained> {
    let mut adds = Adds::new();
    search(path, wanted, &mut adds);
    told(adds).into_iter().map(|decisions| Explained { decisions, record: None }).collect()
}

/// File by file from the newest. What cannot be read is no answer to this question; `nicety policy replay` names it.
fn search(path: &Path, wanted: &Wanted, adds: &mut Adds) {
    for file in nicety_journal::files(path).unwrap_or_default().iter().rev() {
        let found = nicety_journal::read_file(file).with(&wanted.needle()).filter_map(Result::ok);
        add(adds, found.filter(|decision| wanted.is(decision.key.as_ref(), &decision.pod)).collect());
        if adds.len() >= ADDS {
            return;
        }
    }
}

/// Each once, wherever it was found.
fn add(adds: &mut Adds, decisions: Vec<DecisionRecord>) {
    for decision in decisions {
        let of = match &decision.key {
            Some(key) => Whose::Container(key.container.to_string(), key.ifname.clone()),
            None => Whose::Nobody(decision.time),
        };
        let known = adds.entry((decision.id, of)).or_default();
        let same = |other: &DecisionRecord| {
            (other.step, other.role, &other.strategy) == (decision.step, decision.role, &decision.strategy)
        };
        if !known.iter().any(same) {
            known.push(decision);
        }
    }
}

fn told(adds: Adds) -> Vec<Vec<DecisionRecord>> {
    let mut told: Vec<Vec<DecisionRecord>> = adds.into_values().collect();
    for decisions in &mut told {
        decisions.sort_by_key(|decision| decision.step);
    }
    told.sort_by_key(|decisions| std::cmp::Reverse(decisions.first().map(|decision| (decision.time, decision.id))));
    told
}

impl Wanted {
    pub fn new(text: &str) -> Wanted {
        Wanted(text.to_owned())
    }

    fn is(&self, key: Option<&AttachmentKey>, pod: &PodRef) -> bool {
        match self.0.split_once('/') {
            Some((namespace, name)) => pod.namespace == namespace && pod.name == name,
            None => !self.0.is_empty() && key.is_some_and(|key| key.container.as_str().starts_with(&self.0)),
        }
    }

    /// What every line of the journal about it has.
    fn needle(&self) -> String {
        match self.0.split_once('/') {
            Some((_, name)) => format!("\"name\":\"{name}\""),
            None => format!("\"container\":\"{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests;
