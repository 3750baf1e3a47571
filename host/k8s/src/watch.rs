//! A cache of one kind: what the server has, trimmed to what is used of it, kept up to date by a watch. Changes are not told one by one;
//! whoever waits is told to look again.
//!
//! A kind that the server does not serve is no error: it is looked for again, and its cache is empty meanwhile.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{Stream, StreamExt};
use kube::runtime::watcher::{Error, Event, Result as Watched};
use tokio::sync::Notify;
use tracing::{info, warn};

use crate::{Backoff, chain};

/// From the first failure to the longest pause between two attempts.
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(15);

/// A kind's objects by name (`namespace/name` where there are namespaces).
pub struct Cache<T> {
    kind: &'static str,
    state: RwLock<State<T>>,
    wakes: Vec<Arc<Notify>>,
    changes: AtomicU64,
}

/// One object as the cache keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen<T> {
    /// `metadata.resourceVersion` as a number: greater is newer. 0 where a server's is none.
    pub version: u64,
    pub value: T,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Nothing has been listed yet.
    Unknown,
    /// The server does not serve the kind.
    Absent,
    Listed,
}

struct State<T> {
    phase: Phase,
    /// Why there is no news at the moment.
    failure: Option<String>,
    objects: BTreeMap<String, Seen<T>>,
    /// Versions of the last that went, so that the late answer to an older write does not bring them back.
    gone: BTreeMap<String, u64>,
    /// Versions that writes were answered with and no watch has told of: a list that was asked for before does not have them yet.
    untold: BTreeMap<String, u64>,
}

/// More than are ever on their way at once.
const GONE: usize = 4096;

impl<T: PartialEq> Cache<T> {
    /// Who looks at the cache waits for one of `wakes`; each has one waiter.
    pub fn new(kind: &'static str, wakes: impl IntoIterator<Item = Arc<Notify>>) -> Cache<T> {
        let state = State {
            phase: Phase::Unknown,
            failure: None,
            objects: BTreeMap::new(),
            gone: BTreeMap::new(),
            untold: BTreeMap::new(),
        };
        Cache { kind, state: RwLock::new(state), wakes: wakes.into_iter().collect(), changes: AtomicU64::new(0) }
    }

    pub fn kind(&self) -> &'static str {
        self.kind
    }

    pub fn phase(&self) -> Phase {
        self.read().phase
    }

    /// How often what is kept has changed: whoever finds the number of before has nothing to look at.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Why the watch does not run now.
    pub fn failure(&self) -> Option<String> {
        self.read().failure.clone()
    }

    /// Looks at all objects; no change is taken in meanwhile.
    pub fn with<R>(&self, look: impl FnOnce(&BTreeMap<String, Seen<T>>) -> R) -> R {
        look(&self.read().objects)
    }

    /// What a write was answered with: known before the watch tells of it, unless that has told something newer.
    pub fn put(&self, name: String, seen: Seen<T>) {
        let mut state = self.write();
        let newest = state.objects.get(&name).map(|old| old.version).max(state.gone.get(&name).copied());
        if newest.is_none_or(|newest| newest < seen.version) {
            state.untold.insert(name.clone(), seen.version);
            state.objects.insert(name, seen);
            self.changes.fetch_add(1, Ordering::Release);
        }
    }

    /// Takes in what a watch tells, for ever. `trim` yields an object's name, version and what is kept of it; None for what is of no
    /// interest.
    pub async fn follow<K>(
        &self,
        stream: impl Stream<Item = Watched<Event<K>>> + Send,
        trim: impl Fn(K) -> Option<(String, Seen<T>)> + Send,
    ) where
        T: Send + Sync,
        K: Send,
    {
        let mut stream = std::pin::pin!(stream);
        let mut backoff = Backoff::new(FIRST, LONGEST);
        let mut listing: Option<BTreeMap<String, Seen<T>>> = None;
        while let Some(event) = stream.next().await {
            match event {
                Ok(event) => {
                    self.heard(&mut listing, event, &trim);
                    if listing.is_none() {
                        backoff.reset();
                    }
                }
                Err(error) => {
                    self.failed(&error);
                    tokio::time::sleep(backoff.next()).await;
                }
            }
        }
    }

    fn heard<K>(
        &self,
        listing: &mut Option<BTreeMap<String, Seen<T>>>,
        event: Event<K>,
        trim: &impl Fn(K) -> Option<(String, Seen<T>)>,
    ) {
        match event {
            Event::Init => *listing = Some(BTreeMap::new()),
            Event::InitApply(object) => {
                if let (Some(listing), Some((name, seen))) = (listing.as_mut(), trim(object)) {
                    listing.insert(name, seen);
                }
            }
            Event::InitDone => {
                let mut objects = listing.take().unwrap_or_default();
                let mut state = self.write();
                let untold = state.untold_beside(&objects);
                if state.failure.take().is_some() {
                    info!(kind = self.kind, "the watch goes on");
                }
                let same = state.phase == Phase::Listed && equal(&state.objects, &objects);
                objects.extend(untold);
                (state.phase, state.objects) = (Phase::Listed, objects);
                drop(state);
                if !same {
                    self.tell();
                }
            }
            Event::Apply(object) => {
                let Some((name, seen)) = trim(object) else { return };
                let mut state = self.write();
                let same = state.objects.get(&name).is_some_and(|old| old.value == seen.value);
                let dropped = state.told(&name, seen.version);
                state.objects.insert(name, seen);
                let same = same && !dropped;
                drop(state);
                if !same {
                    self.tell();
                }
            }
            Event::Delete(object) => {
                let Some((name, seen)) = trim(object) else { return };
                let mut state = self.write();
                if state.gone.len() >= GONE {
                    state.gone.clear();
                }
                state.gone.insert(name.clone(), seen.version);
                let dropped = state.told(&name, seen.version);
                let was = state.objects.remove(&name).is_some();
                drop(state);
                if was || dropped {
                    self.tell();
                }
            }
        }
    }

    fn failed(&self, error: &Error) {
        let absent = matches!(error,
            Error::InitialListFailed(kube::Error::Api(status)) | Error::WatchStartFailed(kube::Error::Api(status)) if status.code == 404);
        let text = chain(error);
        let mut state = self.write();
        let (phase, news) = (state.phase, state.failure.as_deref() != Some(text.as_str()));
        if absent {
            state.phase = Phase::Absent;
            state.objects.clear();
            state.untold.clear();
            state.failure = Some(text);
        } else {
            if news {
                warn!(kind = self.kind, error = %text, "the watch is interrupted");
            }
            state.failure = Some(text);
        }
        let changed = state.phase != phase;
        drop(state);
        if changed {
            info!(kind = self.kind, "the server does not serve this kind");
            self.tell();
        }
    }

    fn tell(&self) {
        self.changes.fetch_add(1, Ordering::Release);
        self.wakes.iter().for_each(|waiter| waiter.notify_one());
    }

    // A panic while the lock is held leaves whole objects behind: maps are changed by one insertion.
    fn read(&self) -> RwLockReadGuard<'_, State<T>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State<T>> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    /// Takes out what was written too late to be in the list. The watch goes on where the list was made, so that it tells of those, or
    /// of something later.
    fn untold_beside(&mut self, listed: &BTreeMap<String, Seen<T>>) -> BTreeMap<String, Seen<T>> {
        // What is older than something in the list is there as it is, or has gone.
        let newest = listed.values().map(|seen| seen.version).max().unwrap_or(0);
        self.untold.retain(|_, version| *version > newest);
        let (untold, objects) = std::mem::take(&mut self.objects)
            .into_iter()
            .partition(|(name, seen)| self.untold.get(name) == Some(&seen.version));
        self.objects = objects;
        untold
    }

    /// The watch tells of versions in their order: what it has passed over was deleted before it began. Whether there was such.
    fn told(&mut self, name: &str, version: u64) -> bool {
        if self.untold.is_empty() {
            return false;
        }
        if self.untold.get(name).is_some_and(|untold| *untold <= version) {
            self.untold.remove(name);
        }
        let (passed, untold) = std::mem::take(&mut self.untold).into_iter().partition(|(_, untold)| *untold < version);
        self.untold = untold;
        let passed: BTreeMap<String, u64> = passed;
        let before = self.objects.len();
        self.objects.retain(|name, seen| passed.get(name) != Some(&seen.version));
        self.objects.len() < before
    }
}

/// The version of an object as a number.
pub fn version(text: Option<&str>) -> u64 {
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn equal<T: PartialEq>(one: &BTreeMap<String, Seen<T>>, other: &BTreeMap<String, Seen<T>>) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .all(|((name, seen), (other, other_seen))| name == other && seen.value == other_seen.value)
}

impl<T> fmt::Debug for Cache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("kind", &self.kind).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    type Object = (&'static str, u64, &'static str);

    fn trim((name, version, value): Object) -> Option<(String, Seen<&'static str>)> {
        Some((name.to_owned(), Seen { version, value }))
    }

    fn look(cache: &Cache<&'static str>) -> String {
        cache.with(|objects| {
            objects.iter().map(|(name, seen)| format!("{name}={}", seen.value)).collect::<Vec<_>>().join(" ")
        })
    }

    async fn follow(cache: &Cache<&'static str>, events: Vec<Event<Object>>) {
        cache.follow(stream::iter(events.into_iter().map(Ok)), trim).await;
    }

    #[tokio::test]
    async fn a_list_replaces_all_and_changes_follow_it() {
        let cache = Cache::new("Thing", []);
        follow(&cache, vec![Event::Init, Event::InitApply(("a", 1, "x")), Event::InitDone]).await;
        assert_eq!((cache.phase(), look(&cache).as_str()), (Phase::Listed, "a=x"));
        follow(&cache, vec![Event::Apply(("b", 2, "y")), Event::Delete(("a", 3, "x"))]).await;
        assert_eq!(look(&cache), "b=y");
        follow(&cache, vec![Event::Init, Event::InitApply(("c", 9, "z"))]).await;
        assert_eq!(look(&cache), "b=y", "half a list is none");
    }

    #[tokio::test]
    async fn the_answer_to_a_write_is_known_at_once_and_never_older_than_the_watch() {
        let cache = Cache::new("Thing", []);
        follow(&cache, vec![Event::Init, Event::InitDone]).await;
        cache.put("a".into(), Seen { version: 5, value: "written" });
        assert_eq!(look(&cache), "a=written");
        follow(&cache, vec![Event::Apply(("a", 7, "newer"))]).await;
        cache.put("a".into(), Seen { version: 6, value: "late" });
        assert_eq!(look(&cache), "a=newer");
        follow(&cache, vec![Event::Delete(("a", 8, "newer"))]).await;
        cache.put("a".into(), Seen { version: 7, value: "late" });
        assert_eq!(look(&cache), "");
    }

    #[tokio::test]
    async fn what_was_written_while_a_list_was_under_way_outlives_the_list() {
        let cache = Cache::new("Thing", []);
        follow(&cache, vec![Event::Init, Event::InitApply(("a", 3, "x")), Event::InitDone]).await;
        let mut listing = None;
        cache.heard(&mut listing, Event::Init, &trim);
        cache.heard(&mut listing, Event::InitApply(("a", 3, "x")), &trim);
        cache.put("b".into(), Seen { version: 5, value: "written" });
        cache.put("c".into(), Seen { version: 6, value: "written" });
        cache.heard(&mut listing, Event::InitDone, &trim);
        assert_eq!(look(&cache), "a=x b=written c=written", "the list is of before");
        // Versions come in order: the watch began after `b` had gone again.
        follow(&cache, vec![Event::Apply(("c", 6, "written"))]).await;
        assert_eq!(look(&cache), "a=x c=written");
        follow(&cache, vec![Event::Init, Event::InitApply(("a", 9, "y")), Event::InitDone]).await;
        assert_eq!(look(&cache), "a=y", "what was told of once is the list's to know");
    }

    #[tokio::test]
    async fn what_a_list_is_newer_than_is_not_kept_beside_it() {
        let cache = Cache::new("Thing", []);
        follow(&cache, vec![Event::Init, Event::InitDone]).await;
        cache.put("a".into(), Seen { version: 5, value: "written" });
        follow(&cache, vec![Event::Init, Event::InitApply(("b", 7, "x")), Event::InitDone]).await;
        assert_eq!(look(&cache), "b=x");
    }

    #[tokio::test]
    async fn what_changes_nothing_wakes_nobody() {
        let changed = Arc::new(Notify::new());
        let cache = Cache::new("Thing", [changed.clone()]);
        follow(&cache, vec![Event::Init, Event::InitApply(("a", 1, "x")), Event::InitDone]).await;
        changed.notified().await;
        follow(
            &cache,
            vec![Event::Apply(("a", 2, "x")), Event::Init, Event::InitApply(("a", 2, "x")), Event::InitDone],
        )
        .await;
        let woken = tokio::time::timeout(Duration::from_millis(20), changed.notified()).await;
        assert!(woken.is_err());
    }

    #[tokio::test]
    async fn a_kind_that_is_not_served_is_absent_until_it_is() {
        let cache = Cache::new("Thing", []);
        let status = kube::core::Status { code: 404, ..kube::core::Status::default() };
        let missing = Error::InitialListFailed(kube::Error::Api(Box::new(status)));
        cache.follow(stream::iter([Err(missing)]), trim).await;
        assert_eq!(cache.phase(), Phase::Absent);
        follow(&cache, vec![Event::Init, Event::InitDone]).await;
        assert_eq!((cache.phase(), cache.failure()), (Phase::Listed, None));
    }
}
