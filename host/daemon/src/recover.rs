//! What a start finds: DELs that nobody heard, and attachments that were being made or taken back when the daemon died (invariant I6).

use std::{
    path::Path,
    time::{Duration, Instant},
};

use nicety_cni::{Request, tombstone};
use nicety_core::record::{Record, State};
use nicety_store::Store;
use tracing::{info, warn};

use crate::{del, intend};
use nicety_deciding::chain;

const PATIENCE: Duration = Duration::from_secs(10);

/// Takes back what is unfinished where the pod's namespace can be reached, or is of this mount namespace and gone. What cannot be
/// reached stays recorded for the runtime's DEL or GC, which brings the namespace along.
pub fn unfinished(store: &Store) {
    for error in nicety_kernel::bring_home(Instant::now() + PATIENCE) {
        warn!(error = %chain(&error), "a NIC that came back from a pod could not be given its name");
    }
    for record in store.records().iter().filter(|record| record.state != State::Attached) {
        let netns = del::reachable(&record.netns);
        if netns.is_none() && has_links_inside(record) && !is_gone(record) {
            warn!(key = %record.key, netns = %record.netns.path, "unfinished attachment waits for its DEL");
            continue;
        }
        match del::take_back(store, &record.key, netns.as_ref(), Instant::now() + PATIENCE) {
            Ok(()) => info!(key = %record.key, "took back an unfinished attachment"),
            Err(errors) => {
                warn!(key = %record.key, errors = %errors.join("; "), "cannot take back an unfinished attachment")
            }
        }
    }
}

/// Replays the DELs that the plugin left beside the socket. Called when the socket listens and before it is served, so that none is
/// lost in between.
pub fn tombstones(store: &Store, socket: &Path) {
    let folder = tombstone::directory(socket);
    let found = match tombstone::list(&folder) {
        Ok(found) => found,
        Err(error) => return warn!(error = %chain(&error), "cannot read the tombstones"),
    };
    for one in found {
        match one.content {
            Ok(tombstone) => replay(store, &tombstone),
            Err(error) => {
                warn!(error = %chain(&error), "a tombstone cannot be read; it is left for a person to look at");
                continue;
            }
        }
        if let Err(error) = tombstone::remove(&one.path) {
            warn!(error = %chain(&error), "cannot remove a tombstone");
        }
    }
}

fn replay(store: &Store, tombstone: &tombstone::Tombstone) {
    let attachment = match tombstone.request() {
        Ok(Request::Del(attachment)) => attachment,
        Ok(_) => return warn!("a tombstone is of another verb than DEL"),
        Err(refused) => return warn!(error = %refused, "a tombstone holds no call that can be served"),
    };
    let record = intend::key(&attachment).ok().and_then(|key| store.get(&key));
    if record.is_none_or(|record| record.since > tombstone.at) {
        return;
    }
    if let Err(error) = del::del(store, &attachment, None, Instant::now() + PATIENCE) {
        warn!(%error, "a DEL from a tombstone is not complete");
    }
}

fn has_links_inside(record: &Record) -> bool {
    !record.interfaces.is_empty()
}

/// The path led somewhere in this mount namespace, and nothing is there now.
fn is_gone(record: &Record) -> bool {
    let path = Path::new(&record.netns.path);
    path.parent().is_some_and(Path::is_dir) && !path.exists()
}
