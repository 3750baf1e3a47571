//! One watch, for as long as the process lives: list, watch from there, watch on when the server ends it, list again when it has
//! forgotten where we were, wait with jitter when it does not answer.
//!
//! Beside what kube's own watcher does it goes on from a version that was saved (a daemon that restarts lists nothing), and it sees
//! bookmarks: they tell a quiet watch from a dead one, and how old the mirror is.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    pin::pin,
    time::Duration,
};

use futures_util::TryStreamExt;
use kube::{
    Client, Error,
    api::{ListParams, WatchEvent, WatchParams},
    core::{DynamicObject, Request, Resource},
};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, warn};

use super::{
    Mirror,
    feed::{Feed, Part, Query},
    health::Failure,
    table::{Seen, Told},
};

/// Times of the watches.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Between tries: the first wait, and the longest.
    pub retry: (Duration, Duration),
    /// Until a kind is looked for again that the server does not know.
    pub missing: Duration,
    /// The server ends a watch after one to two of these. Long, since thousands of nodes watch.
    pub watch: Duration,
    /// Servers send a bookmark each minute: a watch that says nothing for so long is dead.
    pub silence: Duration,
}

/// A list that takes longer is asked for anew.
const LIST: Duration = Duration::from_secs(60);

/// A watch that lived so long was a good one: the next failure waits as the first did.
const LIVED: Duration = Duration::from_secs(10);

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            retry: (Duration::from_millis(500), Duration::from_secs(30)),
            missing: Duration::from_secs(20),
            watch: Duration::from_secs(1800),
            silence: Duration::from_secs(180),
        }
    }
}

#[derive(Deserialize)]
struct List {
    metadata: ListMetadata,
    /// Servers in Go write no list as `null`.
    #[serde(default)]
    items: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMetadata {
    #[serde(default)]
    resource_version: String,
}

/// Why a watch ended.
enum End {
    /// In good order: it goes on from where it was.
    Over,
    /// The server no longer knows where we were.
    Forgotten,
    Failed(Failure),
}

/// Ends with its task.
pub async fn follow(mirror: Mirror, client: Client, feed: Feed, pace: Pace) {
    let query = feed.query(mirror.node());
    let mut tries = 0;
    loop {
        let start = Instant::now();
        let end = match mirror.version(feed) {
            None => list(&mirror, &client, feed, &query).await,
            Some(version) => watch(&mirror, &client, feed, &query, &version, pace).await,
        };
        if start.elapsed() > LIVED {
            tries = 0;
        }
        let wait = match end {
            End::Over => {
                tries = 0;
                Duration::ZERO
            }
            End::Forgotten => {
                mirror.forget_version(feed);
                // All nodes may have been forgotten at once: they do not list at once.
                jittered(pace.retry.0)
            }
            End::Failed(failure) => {
                if tries == 0 {
                    warn!(feed = feed.name(), ?failure, "watch of the Kubernetes API interrupted");
                }
                let wait = match failure {
                    Failure::Missing => pace.missing,
                    Failure::Refused(_) | Failure::Away(_) => backoff(pace, tries),
                };
                tries = tries.saturating_add(1);
                mirror.failed(feed, &failure);
                jittered(wait)
            }
        };
        sleep(wait).await;
    }
}

async fn list(mirror: &Mirror, client: &Client, feed: Feed, query: &Query) -> End {
    // From the server's cache: thousands of nodes that list from its store would be felt.
    let params = ListParams {
        label_selector: query.labels.clone(),
        field_selector: query.fields.clone(),
        resource_version: Some("0".to_owned()),
        ..ListParams::default()
    };
    let request = match query.part {
        Part::Whole => request_of(query).list(&params),
        Part::Metadata => request_of(query).list_metadata(&params),
    };
    let listed = async { client.request::<List>(request.map_err(Error::BuildRequest)?).await };
    match timeout(LIST, listed).await {
        Err(_) => End::Failed(Failure::Away(format!("no answer within {} s", LIST.as_secs()))),
        Ok(Err(error)) => ended(&error),
        Ok(Ok(List { metadata, items })) => {
            let objects = items.unwrap_or_default().into_iter().filter_map(|item| seen(query, item)).collect();
            mirror.tell(feed, Told::All { objects, version: metadata.resource_version });
            End::Over
        }
    }
}

async fn watch(mirror: &Mirror, client: &Client, feed: Feed, query: &Query, version: &str, pace: Pace) -> End {
    let seconds = pace.watch + pace.watch.mul_f64(random());
    let params = WatchParams {
        label_selector: query.labels.clone(),
        field_selector: query.fields.clone(),
        timeout: Some(u32::try_from(seconds.as_secs()).unwrap_or(u32::MAX)),
        ..WatchParams::default()
    };
    let request = match query.part {
        Part::Whole => request_of(query).watch(&params, version),
        Part::Metadata => request_of(query).watch_metadata(&params, version),
    };
    let opened = async { client.request_events::<Value>(request.map_err(Error::BuildRequest)?).await };
    let events = match timeout(LIST, opened).await {
        Err(_) => return End::Failed(Failure::Away(format!("no answer within {} s", LIST.as_secs()))),
        Ok(Err(error)) => return ended(&error),
        Ok(Ok(events)) => events,
    };
    mirror.heard(feed);
    let mut events = pin!(events);
    loop {
        match timeout(pace.silence, events.try_next()).await {
            Err(_) => {
                debug!(feed = feed.name(), "a watch was silent for too long");
                return End::Over;
            }
            Ok(Ok(None)) => return End::Over,
            Ok(Err(error)) => return ended(&error),
            Ok(Ok(Some(event))) => match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    seen(query, object).into_iter().for_each(|seen| mirror.tell(feed, Told::Now(seen)));
                }
                WatchEvent::Deleted(object) => {
                    seen(query, object).into_iter().for_each(|seen| mirror.tell(feed, Told::Gone(seen)));
                }
                WatchEvent::Bookmark(mark) => mirror.tell(feed, Told::Mark { version: mark.metadata.resource_version }),
                WatchEvent::Error(status) => return ended(&Error::Api(status)),
            },
        }
    }
}

fn request_of(query: &Query) -> Request {
    Request::new(DynamicObject::url_path(&query.resource, query.namespace))
}

/// Lists leave out what their items are.
fn seen(query: &Query, mut object: Value) -> Option<Seen> {
    let fields = object.as_object_mut()?;
    fields.insert("apiVersion".to_owned(), query.resource.api_version.clone().into());
    fields.insert("kind".to_owned(), query.resource.kind.clone().into());
    Seen::of(object)
}

fn ended(error: &Error) -> End {
    match error {
        Error::Api(status) if status.code == 410 => End::Forgotten,
        Error::Api(status) if status.code == 404 => End::Failed(Failure::Missing),
        Error::Api(status) => End::Failed(Failure::Refused(format!("{} {}", status.code, status.message))),
        error => End::Failed(Failure::Away(crate::chain(error))),
    }
}

fn backoff(pace: Pace, tries: u32) -> Duration {
    let (first, longest) = pace.retry;
    first.saturating_mul(2_u32.saturating_pow(tries.min(16))).min(longest)
}

/// One to two times as long.
pub(crate) fn jittered(wait: Duration) -> Duration {
    wait + wait.mul_f64(random())
}

/// From 0 to 1. Good enough to keep nodes apart.
fn random() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 32;
    f64::from(u32::try_from(bits).unwrap_or_default()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_differ_between_nodes() {
        let pace = Pace::default();
        assert_eq!(backoff(pace, 0), Duration::from_millis(500));
        assert_eq!(backoff(pace, 3), Duration::from_secs(4));
        assert_eq!(backoff(pace, u32::MAX), Duration::from_secs(30));
        let waits: std::collections::BTreeSet<Duration> = (0..16).map(|_| jittered(Duration::from_secs(1))).collect();
        assert!(waits.len() > 8, "{waits:?}");
        assert!(waits.iter().all(|wait| (1.0..=2.0).contains(&wait.as_secs_f64())), "{waits:?}");
    }
}
