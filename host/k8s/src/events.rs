//! Events of pods: why a pod did not get its interfaces, in the policy's own words, where `kubectl describe pod` shows it. A runtime
//! tries again for ever; the same words are one event, which is written anew only as its count doubles.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use k8s_openapi::{
    api::core::v1::{Event, EventSource, ObjectReference},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use nicety_core::millis::Millis;
use serde_json::json;
use tokio::time::Instant;
use tracing::debug;

use crate::{
    mirror::{Mirror, now},
    outbox::{Outbox, Sent},
    pods::PodKey,
};

pub const COMPONENT: &str = "nicety-daemon";

/// Events that have still to be written.
const ROOM: usize = 256;
/// What is remembered of events for their counts.
const REMEMBERED: usize = 1024;
/// So many events at once, and one more each `REFILL`: a node on which everything is denied does not fill the store.
const BURST: u32 = 25;
const REFILL: Duration = Duration::from_secs(5);
/// The server's limit for the note.
const MESSAGE_MAX: usize = 1024;

/// What happened to a pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Happened {
    /// One word in CamelCase.
    pub reason: &'static str,
    pub message: String,
}

#[derive(Debug)]
pub struct Events {
    outbox: Outbox<(PodKey, Happened), Tally>,
    tallies: Mutex<BTreeMap<(PodKey, Happened), Tally>>,
    budget: Mutex<Budget>,
    kept_back: AtomicU64,
    mirror: Mirror,
}

/// How often the same happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tally {
    count: u32,
    first: Millis,
    last: Millis,
}

#[derive(Debug)]
struct Budget {
    left: u32,
    since: Instant,
}

impl Events {
    pub fn new(mirror: Mirror) -> Arc<Events> {
        Arc::new(Events {
            outbox: Outbox::new(ROOM),
            tallies: Mutex::default(),
            budget: Mutex::new(Budget { left: BURST, since: Instant::now() }),
            kept_back: AtomicU64::new(0),
            mirror,
        })
    }

    /// Never waits.
    pub fn put(&self, pod: PodKey, happened: Happened) {
        let message = shortened(&happened.message, MESSAGE_MAX).to_owned();
        let key = (pod, Happened { message, ..happened });
        let tally = self.counted(&key);
        if !tally.count.is_power_of_two() {
            return;
        }
        if !self.budget.lock().unwrap_or_else(PoisonError::into_inner).spend(Instant::now()) {
            self.kept_back.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.outbox.put(key, tally);
    }

    /// So many were not written: too many at once, or no room.
    pub fn lost(&self) -> u64 {
        self.outbox.lost().saturating_add(self.kept_back.load(Ordering::Relaxed))
    }

    /// Writes one after the other until its task is dropped.
    pub async fn write(self: Arc<Events>, client: Client) {
        loop {
            let ((pod, happened), item) = self.outbox.next().await;
            let sent = self.send(&client, &pod, &happened, item.what).await;
            self.outbox.ended((pod, happened), item, sent);
        }
    }

    fn counted(&self, key: &(PodKey, Happened)) -> Tally {
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now();
        if tallies.len() >= REMEMBERED && !tallies.contains_key(key) {
            let oldest = tallies.iter().min_by_key(|(_, tally)| tally.last).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                tallies.remove(&oldest);
            }
        }
        let tally = tallies.entry(key.clone()).or_insert(Tally { count: 0, first: now, last: now });
        *tally = Tally { count: tally.count.saturating_add(1), last: now, ..*tally };
        *tally
    }

    async fn send(&self, client: &Client, pod: &PodKey, happened: &Happened, tally: Tally) -> Sent {
        // A pod that the API does not know has no page to show it on.
        let Some(known) = self.mirror.pod(&pod.namespace, &pod.name).filter(|known| known.is(&pod.uid)) else {
            return Sent::Done;
        };
        let event = event(pod, &known.uid, happened, tally, self.mirror.node().as_str());
        let api: Api<Event> = Api::namespaced(client.clone(), &pod.namespace);
        let name = event.metadata.name.clone().unwrap_or_default();
        let sent = match api.create(&PostParams::default(), &event).await {
            Err(kube::Error::Api(status)) if status.code == 409 => {
                let again = json!({"count": event.count, "lastTimestamp": event.last_timestamp});
                api.patch(&name, &PatchParams::default(), &Patch::Merge(&again)).await
            }
            sent => sent,
        };
        match sent {
            Ok(_) => Sent::Done,
            // It will not be otherwise the next time: no right to write it, the namespace is going, or the server finds it wrong.
            Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404 | 409 | 422) => {
                debug!(%status, namespace = %pod.namespace, pod = %pod.name, "an event was refused");
                Sent::Done
            }
            Err(error) => Sent::from(&error),
        }
    }
}

impl Budget {
    fn spend(&mut self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.since);
        let gained = u32::try_from(since.as_millis() / REFILL.as_millis()).unwrap_or(u32::MAX);
        if gained > 0 {
            self.left = self.left.saturating_add(gained).min(BURST);
            self.since = now;
        }
        let enough = self.left > 0;
        self.left = self.left.saturating_sub(1);
        enough
    }
}

fn event(pod: &PodKey, uid: &str, happened: &Happened, tally: Tally, node: &str) -> Event {
    let PodKey { namespace, name, uid: _ } = pod;
    let time = |millis| Some(Time(crate::timestamp(millis)));
    let mut hasher = DefaultHasher::new();
    (uid, node, happened).hash(&mut hasher);
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{}.{:016x}", shortened(name, 230), hasher.finish())),
            namespace: Some(namespace.clone()),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            namespace: Some(namespace.clone()),
            name: Some(name.clone()),
            uid: Some(uid.to_owned()),
            ..ObjectReference::default()
        },
        reason: Some(happened.reason.to_owned()),
        message: Some(happened.message.clone()),
        type_: Some("Warning".to_owned()),
        count: Some(i32::try_from(tally.count).unwrap_or(i32::MAX)),
        first_timestamp: time(tally.first),
        last_timestamp: time(tally.last),
        source: Some(EventSource { component: Some(COMPONENT.to_owned()), host: Some(node.to_owned()) }),
        reporting_component: Some(COMPONENT.to_owned()),
        reporting_instance: Some(node.to_owned()),
        ..Event::default()
    }
}

/// At most so many bytes.
fn shortened(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(folder: &std::path::Path) -> Arc<Events> {
        Events::new(Mirror::open(folder, &"node-1".parse().unwrap()))
    }

    fn pod(name: &str) -> PodKey {
        PodKey { namespace: "shop".to_owned(), name: name.to_owned(), uid: "1".to_owned() }
    }

    fn denied(message: &str) -> Happened {
        Happened { reason: "PolicyDenied", message: message.to_owned() }
    }

    #[tokio::test]
    async fn the_same_words_are_one_event_and_count_by_doubling() {
        let folder = tempfile::tempdir().unwrap();
        let events = events(folder.path());
        let mut written = Vec::new();
        for _ in 0..20 {
            events.put(pod("web"), denied("no NIC is free"));
            while !events.outbox.is_empty() {
                written.push(events.outbox.next().await.1.what.count);
            }
        }
        assert_eq!(written, [1, 2, 4, 8, 16]);
    }

    #[tokio::test]
    async fn a_node_that_denies_everything_writes_a_bounded_number() {
        let folder = tempfile::tempdir().unwrap();
        let events = events(folder.path());
        for place in 0..100 {
            events.put(pod(&format!("web-{place}")), denied("no"));
        }
        assert_eq!((events.outbox.len(), events.lost()), (25, 75));
    }

    #[test]
    fn a_spent_budget_fills_with_time_and_not_past_its_bound() {
        let start = Instant::now();
        let mut budget = Budget { left: 1, since: start };
        let spent = [0, 1, 10, 10, 10].map(|seconds| budget.spend(start + Duration::from_secs(seconds)));
        assert_eq!(spent, [true, false, true, true, false]);
        assert!(budget.spend(start + Duration::from_secs(3600)));
        assert_eq!(budget.left, BURST - 1);
    }

    #[test]
    fn an_event_names_its_pod_and_its_name_follows_from_what_happened() {
        let tally = Tally { count: 3, first: Millis(1_000), last: Millis(61_000) };
        let one = event(&pod("web"), "77", &denied("no"), tally, "node-1");
        let other = event(&pod("web"), "77", &denied("other"), tally, "node-1");
        assert_ne!(one.metadata.name, other.metadata.name);
        assert_eq!(one.involved_object.uid.as_deref(), Some("77"));
        assert_eq!(serde_json::to_value(&one).unwrap()["lastTimestamp"], "1970-01-01T00:01:01Z");
    }
}
