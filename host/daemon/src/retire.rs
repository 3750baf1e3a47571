//! Leaves a node as it was before its daemon: the last work of an uninstall, when the daemon has stopped. Goes on after an error and
//! tells them all; what it could not take back stays written down, so that it can be called again.

use std::{
    fs, io,
    path::Path,
    time::{Duration, Instant},
};

use nicety_cni::tombstone;
use nicety_core::{cluster::routes::acts, cluster::tables::TableRange, ids::AttachmentKey};
use nicety_kernel::{forwarding, peers};
use nicety_store::{FILE, OpenError, Store, WriteError};

use crate::{config, del, peers::bridges, recover};
use nicety_deciding::chain;

const PATIENCE: Duration = Duration::from_secs(10);

/// Whether pods that are attached still are a reason to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attached {
    Keep,
    TakeBack,
}

#[derive(Debug, thiserror::Error)]
pub enum RetireError {
    #[error("the daemon runs still; hint: stop it first")]
    DaemonRuns,
    #[error(
        "{count} attachments are there still, `{first}` the first of them; hint: drain the node and let its runtime delete the \
         pods, or take all interfaces away with `--force`"
    )]
    Attached { count: usize, first: AttachmentKey },
    #[error("cannot read what is there")]
    Open(#[source] OpenError),
    #[error("cannot write down what is gone")]
    Write(#[from] WriteError),
    #[error("not everything could be taken back: {}", .0.join("; "))]
    Left(Vec<String>),
}

impl RetireError {
    /// True when it may be otherwise a moment later.
    pub fn may_pass(&self) -> bool {
        matches!(self, RetireError::DaemonRuns | RetireError::Attached { .. })
    }
}

/// Nothing at all was there: nothing is done, and nothing is made.
pub fn retire(run_dir: &Path, range: TableRange, attached: Attached) -> Result<(), RetireError> {
    if !run_dir.join(FILE).exists() {
        return routes(range, &Default::default()).map_or(Ok(()), |left| Err(RetireError::Left(vec![left])));
    }
    let store = Store::open(run_dir).map_err(|error| match error {
        OpenError::InUse { .. } => RetireError::DaemonRuns,
        error => RetireError::Open(error),
    })?;
    recover::unfinished(&store);
    recover::tombstones(&store, &run_dir.join(config::CNI_SOCKET));
    let mut left = Vec::new();
    if attached == Attached::TakeBack {
        for record in store.records() {
            let netns = del::reachable(&record.netns);
            let done = del::take_back(&store, &record.key, netns.as_ref(), Instant::now() + PATIENCE);
            left.extend(done.err().into_iter().flatten());
        }
    }
    let records = store.records();
    if let Some(first) = records.first().filter(|_| left.is_empty()) {
        return Err(RetireError::Attached { count: records.len(), first: first.key.clone() });
    }
    left.extend(underlay(&store, range)?);
    if !left.is_empty() {
        return Err(RetireError::Left(left));
    }
    drop(store);
    files(run_dir).map_or(Ok(()), |error| Err(RetireError::Left(vec![error])))
}

fn underlay(store: &Store, range: TableRange) -> Result<Vec<String>, WriteError> {
    let known = store.underlay();
    let mut left = Vec::new();
    match routes(range, &known.tables.values().copied().collect()) {
        None => drop(store.keep_underlay(|underlay| underlay.tables.clear())?),
        Some(error) => left.push(error),
    }
    for (path, before) in &known.settings {
        match forwarding::set(path, before) {
            Ok(()) => drop(store.keep_underlay(|underlay| drop(underlay.settings.remove(path)))?),
            Err(error) => left.push(chain(&error)),
        }
    }
    for (bridge, network) in &known.bridges {
        left.extend(bridges::remove(store, bridge, network)?);
    }
    Ok(left)
}

/// None: all rules of ours and all rows in our tables are gone.
fn routes(range: TableRange, known: &std::collections::BTreeSet<u32>) -> Option<String> {
    let seen = match peers::read(Instant::now() + PATIENCE) {
        Ok(seen) => seen,
        Err(error) => return Some(chain(&error)),
    };
    let (acts, _) = acts::acts(&[], &seen, range, known);
    match peers::apply(&acts, Instant::now() + PATIENCE) {
        Ok(refused) => refused.first().map(|(_, refusal)| format!("routes to other nodes: {refusal}")),
        Err(error) => Some(chain(&error)),
    }
}

/// What is a daemon's own in its run directory, and the directory when nothing else is in it.
fn files(run_dir: &Path) -> Option<String> {
    let socket = run_dir.join(config::CNI_SOCKET);
    let folder = tombstone::directory(&socket);
    let removed = [FILE, config::CNI_SOCKET, config::ADMIN_SOCKET].map(|name| fs::remove_file(run_dir.join(name)));
    let folders = [fs::remove_dir(folder), fs::remove_dir(run_dir)];
    let serious = |error: &io::Error| {
        !matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::ResourceBusy
        )
    };
    let mut errors = removed.into_iter().chain(folders).filter_map(Result::err).filter(serious);
    errors.next().map(|error| format!("cannot empty `{}`: {error}", run_dir.display()))
}
