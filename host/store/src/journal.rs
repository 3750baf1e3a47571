//! Group commit. A change is worked out on the mirror under a short lock and queued; whoever finds nobody writing writes the whole
//! queue in one transaction, for everybody who waits. Under load a transaction so carries many changes, alone it carries one at once.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock},
};

use redb::Database;

use crate::{
    error::{OpenError, WriteError},
    file::{self, Claimed},
    memory::Memory,
    rows::{self, Change, LoadError},
};

#[derive(Debug)]
pub(crate) struct Journal {
    claimed: Claimed,
    inner: Mutex<Inner>,
    settled: Condvar,
    /// None only while, and after, reopening it failed.
    database: RwLock<Option<Database>>,
}

#[derive(Debug)]
struct Inner {
    memory: Memory,
    queue: Batch,
    writer: Writer,
}

#[derive(Debug, PartialEq, Eq)]
enum Writer {
    Idle,
    Busy,
    /// The mirror is ahead of the file, and the file could not be read again.
    Lost,
}

/// Changes of one transaction, and how it ended.
#[derive(Debug, Default)]
struct Batch {
    changes: Vec<Change>,
    outcome: Arc<OnceLock<Result<(), WriteError>>>,
}

impl Journal {
    pub fn open(dir: &Path) -> Result<Journal, OpenError> {
        let claimed = file::claim(dir)?;
        let (database, memory) = load(&claimed, Claimed::open)?;
        Ok(Journal {
            claimed,
            inner: Mutex::new(Inner { memory, queue: Batch::default(), writer: Writer::Idle }),
            settled: Condvar::new(),
            database: RwLock::new(Some(database)),
        })
    }

    pub fn read<T>(&self, question: impl FnOnce(&Memory) -> T) -> T {
        question(&self.lock().memory)
    }

    /// Returns when what `work` queued is durable, and everything that it had read before. When `work` fails, what it queued goes
    /// with the next change, and must be what it did to the mirror.
    pub fn change<T, E: From<WriteError>>(
        &self,
        work: impl FnOnce(&mut Memory, &mut Vec<Change>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut inner = self.lock();
        if inner.writer == Writer::Lost {
            self.restore(&mut inner)?;
        }
        let Inner { memory, queue, .. } = &mut *inner;
        let before = queue.changes.len();
        let value = work(memory, &mut queue.changes)?;
        if queue.changes.len() > before {
            let outcome = Arc::clone(&queue.outcome);
            self.settle(inner, &outcome)?;
        }
        Ok(value)
    }

    /// As `change`, but returns at once: what is queued goes with the next change, or with `flush`.
    pub fn queue(&self, work: impl FnOnce(&mut Memory, &mut Vec<Change>)) {
        let mut inner = self.lock();
        let Inner { memory, queue, writer } = &mut *inner;
        if *writer != Writer::Lost {
            work(memory, &mut queue.changes);
        }
    }

    /// Writes what is queued, and waits for what is being written.
    pub fn flush(&self) -> Result<(), WriteError> {
        let inner = self.lock();
        if inner.queue.changes.is_empty() && inner.writer != Writer::Busy {
            return Ok(());
        }
        let outcome = Arc::clone(&inner.queue.outcome);
        self.settle(inner, &outcome)
    }

    pub fn next_decision(&self) -> u64 {
        let mut inner = self.lock();
        let id = inner.memory.next_decision;
        inner.memory.next_decision += 1;
        id
    }

    /// Reads the file itself.
    pub fn with_database<T>(&self, question: impl FnOnce(&Database) -> T) -> Option<T> {
        self.database.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(question)
    }

    fn settle<'a>(
        &'a self,
        mut inner: MutexGuard<'a, Inner>,
        outcome: &OnceLock<Result<(), WriteError>>,
    ) -> Result<(), WriteError> {
        loop {
            if let Some(result) = outcome.get() {
                return result.clone();
            }
            inner = match inner.writer {
                Writer::Busy => self.settled.wait(inner).unwrap_or_else(PoisonError::into_inner),
                Writer::Idle | Writer::Lost => self.write_queue(inner),
            };
        }
    }

    fn write_queue<'a>(&'a self, mut inner: MutexGuard<'a, Inner>) -> MutexGuard<'a, Inner> {
        inner.writer = Writer::Busy;
        let batch = mem::take(&mut inner.queue);
        drop(inner);
        // A writer that panicked without this would leave everybody else waiting for ever.
        let written = catch_unwind(AssertUnwindSafe(|| self.write(&batch.changes)));
        let result = written.unwrap_or(Err(WriteError::Panicked));

        let mut inner = self.lock();
        inner.writer = Writer::Idle;
        if let Err(error) = &result {
            // What was queued meanwhile builds on what is lost.
            let later = mem::take(&mut inner.queue);
            later.outcome.get_or_init(|| Err(error.clone()));
            if self.restore(&mut inner).is_err() {
                inner.writer = Writer::Lost;
            }
        }
        batch.outcome.get_or_init(|| result);
        self.settled.notify_all();
        inner
    }

    fn write(&self, changes: &[Change]) -> Result<(), WriteError> {
        if changes.is_empty() {
            return Ok(());
        }
        let written = self.with_database(|database| rows::write(database, changes));
        written.ok_or(WriteError::Closed)?.map_err(|error| WriteError::Write(Arc::new(error)))
    }

    /// Makes the mirror what the file says. redb refuses everything after a failed write until the file is opened anew.
    fn restore(&self, inner: &mut Inner) -> Result<(), WriteError> {
        let mut slot = self.database.write().unwrap_or_else(PoisonError::into_inner);
        // Two handles at once would refuse each other.
        *slot = None;
        let (database, mut memory) =
            load(&self.claimed, Claimed::reopen).map_err(|error| WriteError::Reopen(Arc::new(error)))?;
        *slot = Some(database);
        // An id that was given out stays given out, though nothing of it was written.
        memory.next_decision = memory.next_decision.max(inner.memory.next_decision);
        inner.memory = memory;
        inner.writer = Writer::Idle;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// redb checks what it reads, but not everywhere: some damage makes it panic instead of refusing the file.
fn load(
    claimed: &Claimed,
    open: impl FnOnce(&Claimed) -> Result<Database, OpenError>,
) -> Result<(Database, Memory), OpenError> {
    let path = || claimed.path().to_owned();
    let loaded = catch_unwind(AssertUnwindSafe(|| {
        let database = open(claimed)?;
        let rows = rows::load(&database).map_err(|error| match error {
            LoadError::Read(source) => OpenError::Read { path: path(), source },
            LoadError::Damaged(what) => OpenError::Damaged { path: path(), what },
        })?;
        let memory = Memory::new(rows).map_err(|what| OpenError::Damaged { path: path(), what })?;
        Ok((database, memory))
    }));
    loaded.unwrap_or_else(|_| {
        Err(OpenError::Damaged { path: path(), what: "reading it made its reader panic".to_owned() })
    })
}
