//! Runs candidates beside the live strategies: after the answer, one at a time, within a share of one processor, at the lowest
//! priority. What does not fit is not run and counted.

mod board;

pub use board::{Agreed, Board, Compared, Difference, Pair};

use std::{
    fmt,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use nicety_strategies::{Shadowed, Tried};

/// Jobs that wait at most. More would only be older.
const QUEUE: usize = 256;
/// Of one processor, in percent.
pub const CPU_PERCENT: u32 = 10;
/// Longest pause after one job: a slow candidate does not stop the others for good.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// One answered question and the candidates that are still to be asked it.
pub struct Job {
    pub shadowed: Vec<Shadowed>,
    /// For people: which pod it was about.
    pub about: String,
    /// Is given what came of it, for records.
    pub keep: Box<dyn FnOnce(Vec<Tried>) + Send>,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("shadowed", &self.shadowed).field("about", &self.about).finish_non_exhaustive()
    }
}

/// Takes jobs. Dropped, its thread ends after the job at hand.
#[derive(Debug)]
pub struct Shadows {
    queue: SyncSender<Job>,
    pub board: Arc<Board>,
}

impl Shadows {
    pub fn start() -> std::io::Result<Shadows> {
        let (queue, jobs) = sync_channel(QUEUE);
        let board = Arc::new(Board::default());
        let writing = board.clone();
        thread::Builder::new().name("shadow".to_owned()).spawn(move || work(&jobs, &writing))?;
        Ok(Shadows { queue, board })
    }

    /// Never waits. Call it when the answer has been sent. Whether the job is taken; one that is not is counted.
    pub fn offer(&self, job: Job) -> bool {
        if job.shadowed.is_empty() {
            return true;
        }
        match self.queue.try_send(job) {
            Ok(()) => true,
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => {
                self.board.passed_over(job.shadowed.len());
                false
            }
        }
    }
}

fn work(jobs: &Receiver<Job>, board: &Board) {
    // It runs when nobody else wants to; where that cannot be had the pauses are still kept.
    let _ = rustix::process::setpriority_process(None, 19);
    for Job { shadowed, about, keep } in jobs {
        let started = Instant::now();
        let clock = move || u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut tried = Vec::new();
        for shadowed in shadowed {
            match shadowed.ask(&clock) {
                Some(one) => {
                    board.count(&one, &about);
                    tried.push(one);
                }
                None => board.passed_over(1),
            }
        }
        keep(tried);
        thread::sleep((started.elapsed() * (100 - CPU_PERCENT) / CPU_PERCENT).min(PAUSE_MAX));
    }
}
