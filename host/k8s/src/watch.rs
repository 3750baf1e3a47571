//! A cache of one kind: what the server has, trimmed to what is used of it, kept up to date by a watch. Changes are not told one by one;
//! whoever waits is told to look again.
//!
//! A kind that the server does not serve is no error: it is looked for again, and its cache is empty meanwhile.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
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
    changed: Arc<Notify>,
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
}

/// More than are ever on their way at once.
const GONE: usize = 4096;

impl<T: PartialEq> Cache<T> {
    pub fn new(kind: &'static str, changed: Arc<Notify>) -> Cache<T> {
        let state = State { phase: Phase::Unknown, failure: None, objects: BTreeMap::new(), gone: BTreeMap::new() };
        Cache { kind, state: RwLock::new(state), changed }
    }

    pub fn kind(&self) -> &'static str {
        self.kind
    }

    pub fn phase(&self) -> Phase {
        self.read().phase
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
            state.objects.insert(name, seen);
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
                let objects = listing.take().unwrap_or_default();
                let mut state = self.write();
                if state.failure.take().is_some() {
                    info!(kind = self.kind, "the watch goes on");
                }
                let same = state.phase == Phase::Listed && equal(&state.objects, &objects);
                (state.phase, state.objects) = (Phase::Listed, objects);
                drop(state);
                if !same {
                    self.changed.notify_one();
                }
            }
            Event::Apply(object) => {
                let Some((name, seen)) = trim(object) else { return };
                let mut state = self.write();
                let same = state.objects.get(&name).is_some_and(|old| old.value == seen.value);
                state.objects.insert(name, seen);
                drop(state);
                if !same {
                    self.changed.notify_one();
                }
            }
            Event::Delete(object) => {
                let Some((name, seen)) = trim(object) else { return };
                let mut state = self.write();
                if state.gone.len() >= GONE {
                    state.gone.clear();
                }
                state.gone.insert(name.clone(), seen.version);
                let was = state.objects.remove(&name).is_some();
                drop(state);
                if was {
                    self.changed.notify_one();
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
            self.changed.notify_one();
        }
    }

    // A panic while the lock is held leaves whole objects behind: maps are changed by one insertion.
    fn read(&self) -> RwLockReadGuard<'_, State<T>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State<T>> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
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
        let cache = Cache::new("Thing", Arc::new(Notify::new()));
        follow(&cache, vec![Event::Init, Event::InitApply(("a", 1, "x")), Event::InitDone]).await;
        assert_eq!((cache.phase(), look(&cache).as_str()), (Phase::Listed, "a=x"));
        follow(&cache, vec![Event::Apply(("b", 2, "y")), Event::Delete(("a", 3, "x"))]).await;
        assert_eq!(look(&cache), "b=y");
        follow(&cache, vec![Event::Init, Event::InitApply(("c", 9, "z"))]).await;
        assert_eq!(look(&cache), "b=y", "half a list is none");
    }

    #[tokio::test]
    async fn the_answer_to_a_write_is_known_at_once_and_never_older_than_the_watch() {
        let cache = Cache::new("Thing", Arc::new(Notify::new()));
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
    async fn what_changes_nothing_wakes_nobody() {
        let changed = Arc::new(Notify::new());
        let cache = Cache::new("Thing", changed.clone());
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
        let cache = Cache::new("Thing", Arc::new(Notify::new()));
        let status = kube::core::Status { code: 404, ..kube::core::Status::default() };
        let missing = Error::InitialListFailed(kube::Error::Api(Box::new(status)));
        cache.follow(stream::iter([Err(missing)]), trim).await;
        assert_eq!(cache.phase(), Phase::Absent);
        follow(&cache, vec![Event::Init, Event::InitDone]).await;
        assert_eq!((cache.phase(), cache.failure()), (Phase::Listed, None));
    }
}
