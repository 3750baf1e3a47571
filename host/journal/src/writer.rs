//! The thread that owns the files.

use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use nicety_core::millis::Millis;
use tracing::warn;

use crate::{
    files::Files,
    queue::{Queue, Work},
};

/// How often an idle journal looks at the age of its files.
const LOOK_EVERY: Duration = Duration::from_secs(60);

pub(crate) fn spawn(mut files: Files, queue: Arc<Queue>) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("journal".to_owned()).spawn(move || {
        let mut failing = false;
        loop {
            let outcome = match queue.take(LOOK_EVERY) {
                Work::Write(lines) => {
                    let mut written = 0;
                    let outcome = files.write(&lines, now(), &mut written);
                    queue.done(written);
                    outcome
                }
                Work::Idle => files.tend(now()),
                Work::End => return,
            };
            match outcome {
                Ok(()) => failing = false,
                // A full disk fails every batch; one line about it is enough until it works again.
                Err(error) if !failing => {
                    failing = true;
                    warn!(%error, folder = %files.folder().display(), "decisions cannot be written to the journal; they are counted and lost until it can");
                }
                Err(_) => {}
            }
        }
    })
}

pub(crate) fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
