//! The clock behind the deadline of a decision: a thread that advances wasmtime's epoch while decisions run, and sleeps when none
//! does.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    thread::{self, Thread},
    time::Duration,
};

const TICK: Duration = Duration::from_millis(10);

/// Stops its thread when dropped.
#[derive(Debug)]
pub(crate) struct Ticker {
    state: Arc<State>,
    thread: Thread,
}

#[derive(Debug, Default)]
struct State {
    running: AtomicU32,
    parked: AtomicBool,
    stop: AtomicBool,
}

/// While one of these lives, the epoch advances.
#[derive(Debug)]
pub(crate) struct Running<'a>(&'a State);

impl Ticker {
    /// `tick` is called every 10 ms while decisions run.
    pub(crate) fn start(tick: impl Fn() + Send + 'static) -> io::Result<Ticker> {
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let thread =
            thread::Builder::new().name("policy-ticker".to_owned()).spawn(move || run(&shared, tick))?.thread().clone();
        Ok(Ticker { state, thread })
    }

    pub(crate) fn running(&self) -> Running<'_> {
        self.state.running.fetch_add(1, SeqCst);
        // The swap is a full barrier against the ticker's own "parked, then look again", so that one of the two sees the other.
        if self.state.parked.load(SeqCst) && self.state.parked.swap(false, SeqCst) {
            self.thread.unpark();
        }
        Running(&self.state)
    }

    /// Ticks that surely span `milliseconds`: the first may come at once.
    pub(crate) fn ticks(milliseconds: u64) -> u64 {
        milliseconds.div_ceil(TICK.as_millis() as u64).saturating_add(1)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.state.stop.store(true, SeqCst);
        self.thread.unpark();
    }
}

fn run(state: &State, tick: impl Fn()) {
    while !state.stop.load(SeqCst) {
        if state.running.load(SeqCst) > 0 {
            thread::sleep(TICK);
            tick();
            continue;
        }
        state.parked.store(true, SeqCst);
        if state.running.load(SeqCst) == 0 && !state.stop.load(SeqCst) {
            thread::park();
        }
        state.parked.store(false, SeqCst);
    }
}
