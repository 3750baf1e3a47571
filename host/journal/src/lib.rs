//! Decision records on disk and in memory: bounded, rotated, compressed. The only crate that knows zstd. Also who left the cluster
//! with which address (`held`), on disk alone and not compressed.
//!
//! Whoever appends waits for no file: records go into a ring in memory and a bounded queue, and a thread writes them, one JSON
//! object per line, into a folder of its own:
//!
//! ```text
//! decisions-00000007-1764000000000.jsonl.zst   finished; the second number is the time of its last record
//! decisions-00000008.jsonl                     being written
//! ```
//!
//! What cannot be written is counted and lost; nothing here ever fails a decision.

mod bounds;
mod files;
mod held;
mod line;
mod queue;
mod read;
mod ring;
mod writer;

use std::{
    borrow::Borrow,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use nicety_core::{
    ids::AttachmentKey,
    record::{PodRef, decision::DecisionRecord},
};

pub use crate::{
    bounds::Bounds,
    files::OpenError,
    held::{HeldLog, read_held},
    line::{LineError, SCHEMA},
    queue::Counts,
    read::{ReadError, Records, files, read, read_file},
};
use crate::{files::Files, queue::Queue, ring::Ring};

/// Shared by reference; every call may be made from any thread.
#[derive(Debug)]
pub struct Journal {
    ring: Mutex<Ring>,
    bounds: Bounds,
    disk: Option<Disk>,
}

#[derive(Debug)]
struct Disk {
    folder: PathBuf,
    queue: Arc<Queue>,
    writer: Option<JoinHandle<()>>,
}

impl Journal {
    /// Keeps records in memory alone.
    pub fn in_memory(bounds: Bounds) -> Journal {
        Journal { ring: Mutex::default(), bounds, disk: None }
    }

    /// Keeps them in `folder` too, which is made when it is missing, for its owner alone. One process at a time writes to a folder.
    /// What a process that was killed left behind is finished first.
    pub fn open(folder: &Path, bounds: Bounds) -> Result<Journal, OpenError> {
        let files = Files::open(folder, bounds, writer::now())?;
        let queue = Arc::new(Queue::new(bounds.queue_bytes));
        let writer = writer::spawn(files, queue.clone()).map_err(|source| OpenError::Thread { source })?;
        let disk = Disk { folder: folder.to_owned(), queue, writer: Some(writer) };
        Ok(Journal { ring: Mutex::default(), bounds, disk: Some(disk) })
    }

    /// Keeps records: in memory at once, on disk soon. Never waits for a file; a record that is larger than the bounds allow, or
    /// comes while the queue is full, is dropped and counted. What it costs the caller is the writing of JSON in memory: some 10
    /// microseconds for a decision among a few NICs.
    pub fn append(&self, records: impl IntoIterator<Item: Borrow<DecisionRecord>>) {
        for record in records {
            let record = record.borrow();
            let line = match line::write(record) {
                Ok(line) if line.len() <= self.bounds.record_bytes => Arc::new(line),
                Ok(_) | Err(_) => {
                    self.disk.iter().for_each(|disk| disk.queue.drop_one());
                    continue;
                }
            };
            self.ring().push(record, line.clone(), &self.bounds);
            self.disk.iter().for_each(|disk| disk.queue.push(line.clone()));
        }
    }

    /// The decisions under an id, in their order, as far as they are still in memory.
    pub fn by_id(&self, id: u64) -> Vec<DecisionRecord> {
        let lines = self.ring().lines(|entry| entry.id == id);
        parsed(&lines)
    }

    /// Every decision in memory that `matches`, in the order in which they came.
    pub fn find(&self, matches: impl Fn(Option<&AttachmentKey>, &PodRef) -> bool) -> Vec<DecisionRecord> {
        let lines = self.ring().lines(|entry| matches(entry.key.as_ref(), &entry.pod));
        parsed(&lines)
    }

    /// The decisions in memory for a pod, in the order in which they came.
    pub fn of_pod(&self, namespace: &str, name: &str) -> Vec<DecisionRecord> {
        self.find(|_, pod| pod.namespace == namespace && pod.name == name)
    }

    /// Where it writes to; none when it keeps records in memory alone.
    pub fn folder(&self) -> Option<&Path> {
        self.disk.as_ref().map(|disk| disk.folder.as_path())
    }

    /// What became of the records that were appended since it was opened.
    pub fn counts(&self) -> Counts {
        self.disk.as_ref().map(|disk| disk.queue.counts()).unwrap_or_default()
    }

    /// Waits until everything that was appended before is in a file, or `patience` is over: whether it is.
    pub fn flush(&self, patience: Duration) -> bool {
        self.disk.as_ref().is_none_or(|disk| disk.queue.wait_until_written(patience))
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Journal {
    /// A clean end writes what is queued.
    fn drop(&mut self) {
        let Some(disk) = &mut self.disk else { return };
        disk.queue.close();
        if let Some(writer) = disk.writer.take() {
            drop(writer.join());
        }
    }
}

/// Lines that this process wrote always parse.
fn parsed(lines: &[Arc<Vec<u8>>]) -> Vec<DecisionRecord> {
    lines.iter().filter_map(|line| line::parse(std::str::from_utf8(line).ok()?).ok()).collect()
}

#[cfg(test)]
mod tests;
