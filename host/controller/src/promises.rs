//! Writes that have been started, and the blocks that they promise. A creation whose answer was lost may have been done, and the watch
//! may be late to tell: its block stays promised, and that very creation is repeated until the server says what became of it. Otherwise
//! the next computation could give the NIC another index, and the NIC would have two blocks.

use std::collections::{BTreeMap, BTreeSet};

use nicety_core::cluster::NewBlock;
use nicety_k8s::{Failure, WriteError};
use tokio::task;

use crate::write::{Outcome, Write};

/// A block that is taken to be there though no watch has told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    pub block: NewBlock,
    pub making: Making,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Making {
    UnderWay,
    /// The server may have made it or not.
    Unknown,
}

#[derive(Debug, Default)]
pub struct Promises {
    under_way: BTreeMap<String, (task::Id, Option<NewBlock>)>,
    unknown: BTreeMap<String, NewBlock>,
}

impl Promises {
    pub fn started(&mut self, write: &Write, task: task::Id) {
        self.under_way.insert(write.key.clone(), (task, write.promised().cloned()));
    }

    pub fn ended(&mut self, write: &Write, outcome: &Result<Outcome, WriteError>) {
        self.under_way.remove(&write.key);
        let Some(block) = write.promised() else { return };
        match outcome.as_ref().map_err(|error| error.failure) {
            Ok(_) | Err(Failure::Exists) => drop(self.unknown.remove(&write.key)),
            Err(Failure::Away) => drop(self.unknown.insert(write.key.clone(), block.clone())),
            // Says nothing of an attempt before, and that there was nothing to ask about if there was none.
            Err(Failure::Conflict | Failure::NotFound | Failure::Refused) => (),
        }
    }

    /// Whose write it was; the server may have done it.
    pub fn panicked(&mut self, task: task::Id) {
        let Some(key) = self.under_way.iter().find(|(_, (id, _))| *id == task).map(|(key, _)| key.clone()) else {
            return;
        };
        if let Some((_, Some(block))) = self.under_way.remove(&key) {
            self.unknown.insert(key, block);
        }
    }

    pub fn all(&self) -> Vec<Promise> {
        let under_way = self.under_way.values().filter_map(|(_, block)| block.as_ref());
        let unknown = self.unknown.iter().filter(|(key, _)| !self.under_way.contains_key(*key)).map(|(_, block)| block);
        let promise = |making| move |block: &NewBlock| Promise { block: block.clone(), making };
        under_way.map(promise(Making::UnderWay)).chain(unknown.map(promise(Making::Unknown))).collect()
    }

    /// Of those that are unknown, only what a computation still doubts.
    pub fn keep(&mut self, doubted: &BTreeSet<String>) {
        self.unknown.retain(|key, _| self.under_way.contains_key(key) || doubted.contains(key));
    }

    /// What others make now is theirs to find out.
    pub fn forget(&mut self) {
        self.unknown.clear();
    }

    pub fn is_under_way(&self, key: &str) -> bool {
        self.under_way.contains_key(key)
    }

    pub fn under_way(&self) -> usize {
        self.under_way.len()
    }
}

#[cfg(test)]
mod tests {
    use nicety_core::cluster::Segment;

    use super::*;
    use crate::write::{Act, Routed};

    fn creation() -> Write {
        let block = NewBlock {
            network: "rails".parse().unwrap(),
            node: "node-1".parse().unwrap(),
            interface: None,
            interface_index: 0,
            host_index: 3,
            segment: Segment::Whole,
            via: Vec::new(),
            reserved: Vec::new(),
        };
        Write::new("IPBlock rails-0-3", Act::Create(block, Routed::No))
    }

    fn failed(failure: Failure) -> Result<Outcome, WriteError> {
        Err(WriteError { act: "make it".into(), failure, message: "x".into() })
    }

    async fn task() -> task::Id {
        tokio::spawn(async {}).id()
    }

    fn makings(promises: &Promises) -> Vec<Making> {
        promises.all().into_iter().map(|promise| promise.making).collect()
    }

    #[tokio::test]
    async fn a_creation_without_an_answer_stays_promised_until_there_is_one() {
        let (mut promises, write) = (Promises::default(), creation());
        promises.started(&write, task().await);
        assert_eq!(makings(&promises), [Making::UnderWay]);
        promises.ended(&write, &failed(Failure::Away));
        assert_eq!(makings(&promises), [Making::Unknown]);
        // The second attempt is refused: that says nothing of the first.
        promises.started(&write, task().await);
        assert_eq!(makings(&promises), [Making::UnderWay]);
        promises.keep(&BTreeSet::new());
        promises.ended(&write, &failed(Failure::Refused));
        assert_eq!(makings(&promises), [Making::Unknown]);
        promises.ended(&write, &Ok(Outcome::Done));
        assert_eq!(makings(&promises), []);
    }

    #[tokio::test]
    async fn a_creation_that_was_refused_is_no_promise() {
        let (mut promises, write) = (Promises::default(), creation());
        promises.started(&write, task().await);
        promises.ended(&write, &failed(Failure::Refused));
        assert_eq!(makings(&promises), []);
    }

    #[tokio::test]
    async fn a_doubt_ends_when_nobody_wants_the_block_or_another_leads() {
        let (mut promises, write) = (Promises::default(), creation());
        promises.ended(&write, &failed(Failure::Away));
        promises.keep(&[write.key.clone()].into());
        assert_eq!(makings(&promises), [Making::Unknown]);
        promises.keep(&BTreeSet::new());
        assert_eq!(makings(&promises), []);
        promises.ended(&write, &failed(Failure::Away));
        promises.forget();
        assert_eq!(makings(&promises), []);
    }

    #[tokio::test]
    async fn a_panic_leaves_only_its_own_creation_unknown() {
        let (mut promises, write, task) = (Promises::default(), creation(), task().await);
        promises.started(&write, task);
        promises.started(
            &Write::new(
                "Node a",
                Act::Delete(nicety_k8s::Place::of_cluster(nicety_k8s::kinds::ip_block(), "a"), String::new()),
            ),
            tokio::spawn(async {}).id(),
        );
        promises.panicked(task);
        assert_eq!((makings(&promises), promises.under_way()), (vec![Making::Unknown], 1));
    }
}
