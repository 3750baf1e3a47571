//! Lines on their way to the writer, bounded by their bytes.

use std::{
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

pub(crate) type Line = Arc<Vec<u8>>;

/// What became of records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// In a file.
    pub written: u64,
    /// Too large, or too many for the writer.
    pub dropped: u64,
    /// Could not be written: a full disk, a folder that is gone.
    pub failed: u64,
}

#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Something was queued, or the queue was closed.
    filled: Condvar,
    /// The writer is done with what it took.
    written: Condvar,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<Line>,
    bytes: usize,
    /// Lines that the writer took and is not done with.
    taken: usize,
    closed: bool,
    counts: Counts,
}

/// What the writer is to do.
#[derive(Debug)]
pub(crate) enum Work {
    Write(Vec<Line>),
    /// Nothing came for a while: time to look at the clock.
    Idle,
    End,
}

impl Queue {
    pub fn new(bytes_max: usize) -> Queue {
        Queue { state: Mutex::default(), filled: Condvar::new(), written: Condvar::new(), bytes_max }
    }

    pub fn push(&self, line: Line) {
        let mut state = self.state();
        if state.closed || state.bytes + line.len() > self.bytes_max {
            state.counts.dropped += 1;
            return;
        }
        state.bytes += line.len();
        state.lines.push(line);
        self.filled.notify_one();
    }

    pub fn drop_one(&self) {
        self.state().counts.dropped += 1;
    }

    /// Lines in the order in which they came; all that was queued before the end is handed out before it.
    pub fn take(&self, patience: Duration) -> Work {
        let (mut state, _) = self
            .filled
            .wait_timeout_while(self.state(), patience, |state| state.lines.is_empty() && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        if state.lines.is_empty() {
            return if state.closed { Work::End } else { Work::Idle };
        }
        state.bytes = 0;
        state.taken = state.lines.len();
        Work::Write(mem::take(&mut state.lines))
    }

    /// The writer is done with what it took; `written` of it is in a file.
    pub fn done(&self, written: usize) {
        let mut state = self.state();
        let failed = state.taken.saturating_sub(written);
        state.counts.written += written as u64;
        state.counts.failed += failed as u64;
        state.taken = 0;
        self.written.notify_all();
    }

    pub fn close(&self) {
        self.state().closed = true;
        self.filled.notify_all();
    }

    pub fn wait_until_written(&self, patience: Duration) -> bool {
        let busy = |state: &mut State| !state.lines.is_empty() || state.taken > 0;
        let waited = self.written.wait_timeout_while(self.state(), patience, busy);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
