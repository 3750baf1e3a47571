//! Follows the strategies file, and the modules beside it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use futures_util::StreamExt;
use inotify::{Inotify, WatchMask};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::Alone;

/// An editor and `kubectl` write several files at once; one reload answers them all.
const SETTLE: Duration = Duration::from_millis(50);

/// A folder may be replaced whole, and a watch stays with the old one: so often it is looked which folder the path leads to.
const LOOK: Duration = Duration::from_secs(2);

/// Runs until its task is dropped.
pub(super) async fn follow(alone: Arc<Alone>) -> std::io::Result<()> {
    let folder = match alone.file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let mask = WatchMask::CLOSE_WRITE | WatchMask::MOVE | WatchMask::DELETE | WatchMask::CREATE | WatchMask::ONLYDIR;
    let inotify = Inotify::init()?;
    let mut watches = inotify.watches();
    let mut watched = watches.add(&folder, mask).ok();
    let mut events = inotify.into_event_stream([0; 4096])?;
    loop {
        // Cancel-safe: an event that is not taken stays with the kernel.
        match timeout(LOOK, events.next()).await {
            Ok(Some(event)) => drop(event?),
            Ok(None) => return Ok(()),
            Err(_) => {
                // Laying a watch again on the same folder changes nothing.
                let now = watches.add(&folder, mask).ok();
                if now == watched {
                    continue;
                }
                watched = now;
            }
        }
        sleep(SETTLE).await;
        let worker = alone.clone();
        match tokio::task::spawn_blocking(move || worker.reload()).await {
            Ok(Ok(Some(generation))) => info!(generation, "strategies loaded"),
            Ok(Ok(None)) => {}
            Ok(Err(findings)) => findings.iter().for_each(|finding| warn!(%finding, "strategies refused")),
            Err(panic) => warn!(%panic, "loading the strategies ended in a panic"),
        }
    }
}
