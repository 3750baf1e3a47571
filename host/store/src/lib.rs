//! Durable records, leases, cooldowns and decisions of one node: the only crate that knows redb.
//!
//! The file lies in the run directory, on a tmpfs: exactly as durable as the network namespaces that it describes. A change is in
//! force when the call that made it returns, and a kill of the daemon at any point leaves whole changes only: no lease without its
//! record, no record without its leases, no address held twice.
//!
//! Everything here is synchronous. A call under no load takes some tens of microseconds, so that an async caller may make it in
//! place; calls of many threads at once share transactions.

mod acquire;
mod error;
mod file;
mod journal;
mod memory;
mod network;
mod retention;
mod rows;
mod usage;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use nicety_core::{
    cluster::underlay::Underlay,
    egress::hold::Hold,
    ids::{AttachmentKey, ContainerId, NetworkName},
    ipam::Lease,
    millis::Millis,
    record::{PodRef, Record, State, decision::DecisionRecord},
};

pub use crate::{
    acquire::Wanted,
    error::{AcquireError, CommitError, OpenError, ReadError, WriteError},
    file::{FILE, FORMAT},
    network::COOLDOWN,
    retention::{KEPT, KEPT_BYTES},
    usage::{NicUsage, Usage},
};
use crate::{journal::Journal, rows::Change};

/// The state of this node. Shared by reference; every call may be made from any thread.
#[derive(Debug)]
pub struct Store {
    journal: Journal,
}

impl Store {
    /// Opens `state.redb` in the run directory, or makes both. One process at a time has it open.
    pub fn open(dir: &Path) -> Result<Store, OpenError> {
        Ok(Store { journal: Journal::open(dir)? })
    }

    /// Leases an address for each claim of each interface, or none at all, and writes the record that `make` draws up of them, as
    /// `Applying` and under `key`, in the same transaction. Leases are in the order of `wanted` and of its claims.
    ///
    /// An address that was released less than [`COOLDOWN`] ago is leased only when a network has no other, the longest free
    /// first; one that is wanted by name is leased at once. `make` runs under the store's lock: it must be quick and must not
    /// call the store. `now` is wall-clock time.
    pub fn acquire<E>(
        &self,
        key: &AttachmentKey,
        wanted: &[Wanted<'_>],
        now: Millis,
        make: impl FnOnce(&[Vec<Lease>]) -> Result<Record, E>,
    ) -> Result<Vec<Vec<Lease>>, AcquireError<E>> {
        self.journal.change(|memory, changes| acquire::acquire(memory, changes, key, wanted, now, make))
    }

    /// The kernel has it all: an `Applying` record becomes `Attached`. `complete` fills in what is known only now, such as the
    /// time that it took; key and state are not its to change.
    pub fn commit(&self, key: &AttachmentKey, complete: impl FnOnce(&mut Record)) -> Result<Arc<Record>, CommitError> {
        self.journal.change(|memory, changes| {
            let Some(attachment) = memory.attachments.get(key) else {
                return Err(CommitError::Unknown { key: key.clone() });
            };
            if attachment.record.state != State::Applying {
                return Err(CommitError::NotApplying { key: key.clone(), state: attachment.record.state });
            }
            let mut record = Record::clone(&attachment.record);
            complete(&mut record);
            let record = Arc::new(Record { key: key.clone(), state: State::Attached, ..record });
            memory.replace(Arc::clone(&record));
            changes.push(Change::PutRecord(Arc::clone(&record)));
            Ok(record)
        })
    }

    /// Announces that an attachment is about to be taken back: its record, now `Detaching`, says how. None when it is not known.
    pub fn detach(&self, key: &AttachmentKey) -> Result<Option<Arc<Record>>, WriteError> {
        self.journal.change(|memory, changes| {
            let Some(attachment) = memory.attachments.get(key) else { return Ok(None) };
            if attachment.record.state == State::Detaching {
                return Ok(Some(Arc::clone(&attachment.record)));
            }
            let record = Arc::new(Record { state: State::Detaching, ..Record::clone(&attachment.record) });
            memory.replace(Arc::clone(&record));
            changes.push(Change::PutRecord(Arc::clone(&record)));
            Ok(Some(record))
        })
    }

    /// Removes the record and all its leases, whatever its state; the addresses rest for [`COOLDOWN`]. None, and nothing is done,
    /// when it is not known: releasing twice is fine.
    pub fn release(&self, key: &AttachmentKey, now: Millis) -> Result<Option<Arc<Record>>, WriteError> {
        self.journal.change(|memory, changes| Ok(memory.release(key, now, changes)))
    }

    pub fn get(&self, key: &AttachmentKey) -> Option<Arc<Record>> {
        self.journal.read(|memory| memory.attachments.get(key).map(|attachment| Arc::clone(&attachment.record)))
    }

    /// A snapshot, in the order of keys.
    pub fn records(&self) -> Vec<Arc<Record>> {
        self.records_where(|_| true)
    }

    /// Of every NetConf and every CNI_IFNAME.
    pub fn by_container(&self, container: &ContainerId) -> Vec<Arc<Record>> {
        self.records_where(|record| record.key.container == *container)
    }

    /// What is held of a network, in the order of addresses, IPv4 first.
    pub fn leases(&self, network: &NetworkName) -> Vec<(AttachmentKey, Lease)> {
        self.journal.read(|memory| {
            let held = memory.networks.get(network).into_iter().flat_map(|addresses| addresses.leases(network));
            held.map(|(key, lease)| (key.clone(), lease)).collect()
        })
    }

    pub fn usage(&self) -> Usage {
        self.journal.read(|memory| memory.usage.clone())
    }

    /// What is changed on the host for networks as a whole.
    pub fn underlay(&self) -> Arc<Underlay> {
        self.journal.read(|memory| Arc::clone(&memory.underlay))
    }

    /// Written before the host is changed (and, where something was taken back, after that).
    pub fn keep_underlay(&self, change: impl FnOnce(&mut Underlay)) -> Result<Arc<Underlay>, WriteError> {
        self.journal.change(|memory, changes| {
            let mut underlay = Underlay::clone(&memory.underlay);
            change(&mut underlay);
            if underlay != *memory.underlay {
                memory.underlay = Arc::new(underlay);
                changes.push(Change::PutUnderlay(Arc::clone(&memory.underlay)));
            }
            Ok(Arc::clone(&memory.underlay))
        })
    }

    /// The pod of this attachment waits for its egress gateway. It goes with the attachment. False, and nothing is written, when there
    /// is no such attachment.
    pub fn hold(&self, key: &AttachmentKey, hold: Hold) -> Result<bool, WriteError> {
        self.journal.change(|memory, changes| {
            if !memory.attachments.contains_key(key) {
                return Ok(false);
            }
            let hold = Arc::new(hold);
            let before = memory.holds.insert(key.clone(), Arc::clone(&hold));
            if before.as_ref() != Some(&hold) {
                changes.push(Change::PutHold(key.clone(), hold));
            }
            Ok(true)
        })
    }

    /// Nothing is done when it is not held.
    pub fn let_go(&self, key: &AttachmentKey) -> Result<(), WriteError> {
        self.journal.change(|memory, changes| {
            if memory.holds.remove(key).is_some() {
                changes.push(Change::RemoveHold(key.clone()));
            }
            Ok(())
        })
    }

    pub fn holds(&self) -> BTreeMap<AttachmentKey, Arc<Hold>> {
        self.journal.read(|memory| memory.holds.clone())
    }

    /// What was kept about egress under this name.
    pub fn egress(&self, name: &str) -> Option<Arc<str>> {
        self.journal.read(|memory| memory.egress.get(name).cloned())
    }

    /// The same as before is not written again.
    pub fn keep_egress(&self, name: &str, text: String) -> Result<(), WriteError> {
        self.journal.change(|memory, changes| {
            if memory.egress.get(name).map(AsRef::as_ref) != Some(text.as_str()) {
                let text: Arc<str> = text.into();
                memory.egress.insert(name.to_owned(), Arc::clone(&text));
                changes.push(Change::PutEgress(name.to_owned(), text));
            }
            Ok(())
        })
    }

    /// An id for the decisions of one ADD, greater than every one before.
    pub fn next_decision(&self) -> u64 {
        self.journal.next_decision()
    }

    /// Keeps decisions: those of a present attachment as long as it is there, of others the last [`KEPT`] ADDs, at most
    /// [`KEPT_BYTES`] of JSON. They are written with the next change, so that an ADD does not wait for them; a kill before that
    /// loses them.
    pub fn remember(&self, decisions: &[DecisionRecord]) {
        let rows = decisions.iter().filter_map(|decision| Some((decision, serde_json::to_vec(decision).ok()?)));
        let rows: Vec<_> = rows.collect();
        self.journal.queue(|memory, changes| {
            for (decision, json) in rows {
                memory.remember(decision, json, changes);
            }
        });
    }

    /// The decisions of one ADD, in the order in which they were made.
    pub fn decision(&self, id: u64) -> Result<Vec<DecisionRecord>, ReadError> {
        self.decisions_of(self.journal.read(|memory| memory.decisions.steps(id)))
    }

    /// The decisions of every ADD that `matches`, the newest ADD first.
    pub fn decisions(
        &self,
        matches: impl Fn(Option<&AttachmentKey>, &PodRef) -> bool,
    ) -> Result<Vec<DecisionRecord>, ReadError> {
        self.decisions_of(self.journal.read(|memory| memory.decisions.find(matches)))
    }

    /// Writes what is queued and waits for nobody's benefit but the caller's: at a clean end, or before reading the file.
    pub fn flush(&self) -> Result<(), WriteError> {
        self.journal.flush()
    }

    fn records_where(&self, wanted: impl Fn(&Record) -> bool) -> Vec<Arc<Record>> {
        self.journal.read(|memory| {
            let all = memory.attachments.values().map(|attachment| &attachment.record);
            all.filter(|record| wanted(record)).map(Arc::clone).collect()
        })
    }

    fn decisions_of(&self, wanted: Vec<(u64, u32)>) -> Result<Vec<DecisionRecord>, ReadError> {
        self.flush()?;
        let rows =
            self.journal.with_database(|database| rows::decisions(database, &wanted)).unwrap_or(Ok(Vec::new()))?;
        let parse = |(id, step, json): rows::DecisionRow| {
            serde_json::from_slice(&json).map_err(|source| ReadError::Damaged { id, step, source })
        };
        rows.into_iter().map(parse).collect()
    }
}

impl Drop for Store {
    /// Only decisions can be waiting; they are of use, not of need.
    fn drop(&mut self) {
        drop(self.flush());
    }
}
