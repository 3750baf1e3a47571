//! What one node's daemon needs of the API, watched, indexed and kept on disk: nothing on the path of an ADD or DEL asks the server,
//! and a daemon that starts while the server is away goes on with what it knew. It never lists the cluster's pods.

mod disk;
mod facts;
mod feed;
mod follow;
mod health;
mod kept;
mod state;
mod table;
mod wait;

use std::{
    collections::BTreeSet,
    net::IpAddr,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use kube::Client;
use nicety_core::{finding::Finding, ids::NodeName, millis::Millis};
use nicety_objects::manifest::Object;
use tokio::{sync::watch, task::JoinSet, time::sleep};
use tracing::warn;

pub use disk::DiskError;
pub use facts::{Labels, Pod};
pub use feed::{Feed, NAMESPACE, ours};
pub use follow::Pace;
pub(crate) use follow::jittered;
pub use health::{Answers, FeedHealth, Health, Phase};
pub use wait::{PodFacts, Unseen, Wanted};

use disk::Disk;
use health::Failure;
use kept::{Good, Kept};
use state::State;
use table::{Effect, Table, Told};

/// What is written to disk waits for more of it.
const SETTLE: Duration = Duration::from_secs(1);
/// And the disk rests in between.
const REST: Duration = Duration::from_secs(4);

/// Cheap to clone; all clones are one mirror.
#[derive(Debug, Clone)]
pub struct Mirror(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    node: NodeName,
    disk: Disk,
    state: RwLock<State>,
    health: Mutex<Health>,
    unsaved: Mutex<BTreeSet<Unsaved>>,
    /// Held while a file is written.
    saving: Mutex<()>,
    /// Counts changes of objects of ours, and of what pods are known by.
    objects: watch::Sender<u64>,
    facts: watch::Sender<u64>,
    /// Counts changes of where pods leave, and of what the observers of gateways say.
    egress: watch::Sender<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Unsaved {
    Feed(Feed),
    Taken,
}

/// An object of ours, in its last good version.
#[derive(Debug, Clone)]
pub struct Known {
    pub name: String,
    /// `metadata.resourceVersion` and `metadata.generation` of this version.
    pub version: String,
    pub generation: i64,
    pub created: String,
    pub deleting: bool,
    pub object: Arc<Object>,
}

/// An object whose newest version has findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    pub feed: Feed,
    pub name: String,
    /// Whether an older version is in force.
    pub before: Before,
    pub findings: Vec<Finding>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    InForce,
    Nothing,
}

impl Mirror {
    /// With what `folder` has of an earlier time. What cannot be read is listed anew.
    pub fn open(folder: &Path, node: &NodeName) -> Mirror {
        let disk = Disk::new(folder, node);
        let (mut state, mut health) = (State::default(), Health::default());
        let now = now();
        for feed in Feed::ALL {
            let saved = match disk.load(feed) {
                Ok(Some(saved)) => saved,
                Ok(None) => continue,
                Err(error) => {
                    warn!(error = %crate::chain(&error), "what was saved of the Kubernetes API is not used");
                    continue;
                }
            };
            match state.load(feed, saved.content) {
                Ok(()) => health.loaded(feed, saved.heard, now),
                Err(error) => warn!(%error, feed = feed.name(), "what was saved of the Kubernetes API is not used"),
            }
            if saved.daemon != env!("CARGO_PKG_VERSION") {
                state.forget_version(feed);
            }
        }
        if let Ok(Some(saved)) = disk.load_taken()
            && let Ok(taken) = serde_json::from_value::<Good>(saved.content)
            && let Err(findings) = state.load_taken(taken)
        {
            warn!(?findings, "the strategies that were in force are no longer good");
        }
        Mirror(Arc::new(Inner {
            node: node.clone(),
            disk,
            state: RwLock::new(state),
            health: Mutex::new(health),
            unsaved: Mutex::default(),
            saving: Mutex::default(),
            objects: watch::Sender::new(0),
            facts: watch::Sender::new(0),
            egress: watch::Sender::new(0),
        }))
    }

    /// Watches and saves until its task is dropped.
    pub async fn follow(self, client: Client, pace: Pace) {
        let mut tasks = JoinSet::new();
        for feed in Feed::ALL {
            tasks.spawn(follow::follow(self.clone(), client.clone(), feed, pace));
        }
        tasks.spawn(self.keep_saved());
        while tasks.join_next().await.is_some() {}
    }

    pub fn node(&self) -> &NodeName {
        &self.0.node
    }

    pub fn networks(&self) -> Vec<Known> {
        known(&self.state().networks)
    }

    pub fn classes(&self) -> Vec<Known> {
        known(&self.state().classes)
    }

    /// This node's, and those of `l3` networks on other nodes.
    pub fn blocks(&self) -> Vec<Known> {
        let state = self.state();
        let others = known(&state.routed).into_iter().filter(|block| !state.blocks.entries.contains_key(&block.name));
        known(&state.blocks).into_iter().chain(others).collect()
    }

    pub fn egress_policies(&self) -> Vec<Known> {
        known(&self.state().egress_policies)
    }

    /// This node's.
    pub fn egress_slices(&self) -> Vec<Known> {
        known(&self.state().egress_slices)
    }

    /// Of all observers.
    pub fn egress_healths(&self) -> Vec<Known> {
        known(&self.state().egress_healths)
    }

    /// The newest good ones. None: there is no such ConfigMap, and the defaults are meant.
    pub fn strategies(&self) -> Option<Known> {
        known(&self.state().strategies).pop()
    }

    /// The strategies that were last in force on this node.
    pub fn strategies_taken(&self) -> Option<(String, Arc<Object>)> {
        let state = self.state();
        let taken = state.taken.as_ref()?;
        Some((taken.version.clone(), taken.object.clone()?))
    }

    /// The strategies of this version are in force now: they are what a later start may go back to.
    pub fn take_strategies(&self, version: &str) {
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        let newest = state.strategies.entries.values().find_map(|kept| kept.good.clone());
        let Some(good) = newest.filter(|good| good.version == version) else { return };
        if state.taken.as_ref().is_none_or(|taken| taken.document != good.document) {
            state.taken = Some(good);
            self.unsaved().insert(Unsaved::Taken);
        }
    }

    /// Objects of which a version that has findings is not in force.
    pub fn frozen(&self) -> Vec<Frozen> {
        let state = self.state();
        let tables = [
            (Feed::Networks, &state.networks),
            (Feed::DeviceClasses, &state.classes),
            (Feed::Blocks, &state.blocks),
            (Feed::RoutedBlocks, &state.routed),
            (Feed::Strategies, &state.strategies),
            (Feed::EgressPolicies, &state.egress_policies),
            (Feed::EgressSlices, &state.egress_slices),
            (Feed::EgressHealths, &state.egress_healths),
        ];
        let frozen = tables.into_iter().flat_map(|(feed, table)| {
            let bad = table.entries.iter().filter(|(_, kept)| !kept.findings.is_empty());
            bad.map(move |(key, kept)| Frozen {
                feed,
                name: key.clone(),
                before: if kept.good.is_some() { Before::InForce } else { Before::Nothing },
                findings: kept.findings.clone(),
            })
        });
        frozen.collect()
    }

    pub fn pod(&self, namespace: &str, name: &str) -> Option<Pod> {
        self.state().pods.entries.get(&format!("{namespace}/{name}")).cloned()
    }

    pub fn namespace(&self, name: &str) -> Option<Labels> {
        self.state().namespaces.entries.get(name).cloned()
    }

    pub fn node_labels(&self) -> Option<Labels> {
        self.state().node.entries.get(self.0.node.as_str()).map(|machine| Labels(machine.labels.clone()))
    }

    /// This node's own; none while they are not known.
    pub fn node_addresses(&self) -> Vec<IpAddr> {
        self.state().node.entries.get(self.0.node.as_str()).map(|machine| machine.addresses.clone()).unwrap_or_default()
    }

    /// Of this node's HostInterface. None: there is none, as far as is known.
    pub fn host_labels(&self) -> Option<Labels> {
        self.state().host.entries.get(self.0.node.as_str()).cloned()
    }

    pub fn health(&self) -> Health {
        self.locked_health().clone()
    }

    pub fn count(&self, feed: Feed) -> usize {
        self.state().count(feed)
    }

    /// Says when objects of ours have changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.objects.subscribe()
    }

    /// Says when policies, slices or healths of egress have changed.
    pub fn egress_changes(&self) -> watch::Receiver<u64> {
        self.0.egress.subscribe()
    }

    fn state(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.0.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn locked_health(&self) -> MutexGuard<'_, Health> {
        self.0.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unsaved(&self) -> MutexGuard<'_, BTreeSet<Unsaved>> {
        self.0.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn version(&self, feed: Feed) -> Option<String> {
        self.state().version(feed)
    }

    fn forget_version(&self, feed: Feed) {
        self.0.state.write().unwrap_or_else(PoisonError::into_inner).forget_version(feed);
    }

    fn tell(&self, feed: Feed, told: Told) {
        let effect = self.0.state.write().unwrap_or_else(PoisonError::into_inner).tell(feed, told);
        self.heard(feed);
        // Also when nothing but the version moved: a restart goes on from there.
        self.unsaved().insert(Unsaved::Feed(feed));
        if effect == Effect::Changed {
            let Inner { objects, facts, egress, .. } = &*self.0;
            let counters: &[&watch::Sender<u64>] = match feed {
                Feed::Networks | Feed::DeviceClasses | Feed::Blocks | Feed::RoutedBlocks | Feed::Strategies => {
                    &[objects]
                }
                Feed::Pods | Feed::Namespaces | Feed::Attachments | Feed::Host => &[facts],
                // Its addresses are what its packets to gateways come from.
                Feed::Node => &[facts, egress],
                // Strategies may be chosen by the name of a policy.
                Feed::EgressPolicies => &[objects, egress],
                Feed::EgressSlices | Feed::EgressHealths => &[egress],
            };
            counters.iter().for_each(|counter| counter.send_modify(|count| *count = count.wrapping_add(1)));
        }
    }

    fn heard(&self, feed: Feed) {
        self.locked_health().heard(feed, now());
    }

    fn failed(&self, feed: Feed, failure: &Failure) {
        self.locked_health().failed(feed, failure, now());
    }

    async fn keep_saved(self) {
        loop {
            sleep(SETTLE).await;
            if self.unsaved().is_empty() {
                continue;
            }
            let saving = self.clone();
            if let Err(panic) = tokio::task::spawn_blocking(move || saving.save()).await {
                warn!(%panic, "saving what is known of the Kubernetes API ended in a panic");
            }
            sleep(REST).await;
        }
    }

    /// Writes what has changed since the last time.
    pub fn save(&self) {
        for unsaved in std::mem::take(&mut *self.unsaved()) {
            if let Err(error) = self.save_one(unsaved) {
                warn!(error = %crate::chain(&error), "what is known of the Kubernetes API is not saved; a restart lists anew");
            }
        }
    }

    /// Writes these at once: for whoever is about to act on them in a way that must not be forgotten.
    pub fn save_now(&self, feeds: &[Feed]) {
        for feed in feeds {
            if let Err(error) = self.save_one(Unsaved::Feed(*feed)) {
                warn!(error = %crate::chain(&error), feed = feed.name(), "what is known of the Kubernetes API is not saved");
            }
        }
    }

    fn save_one(&self, unsaved: Unsaved) -> Result<(), DiskError> {
        // What is newer is written later.
        let _one = self.0.saving.lock().unwrap_or_else(PoisonError::into_inner);
        match unsaved {
            Unsaved::Feed(feed) => {
                let heard = self.locked_health().feeds.get(&feed).and_then(|health| health.heard).unwrap_or_default();
                let content = self.state().saved(feed).unwrap_or_default();
                self.0.disk.save(feed, heard, content)
            }
            Unsaved::Taken => {
                let taken = self.state().taken.clone();
                let content = serde_json::to_value(taken).unwrap_or_default();
                self.0.disk.save_taken(now(), content)
            }
        }
    }
}

/// Older ones first.
fn known(table: &Table<Kept>) -> Vec<Known> {
    let known = table.entries.iter().filter_map(|(name, kept)| {
        let good = kept.good.as_ref()?;
        Some(Known {
            // The strategies' ConfigMap is the only one with a namespace.
            name: name.rsplit('/').next().unwrap_or(name).to_owned(),
            version: good.version.clone(),
            generation: good.generation,
            created: kept.created.clone(),
            deleting: kept.deleting,
            object: good.object.clone()?,
        })
    });
    let mut known: Vec<Known> = known.collect();
    known.sort_by(|one, other| (&one.created, &one.name).cmp(&(&other.created, &other.name)));
    known
}

/// Wall-clock time.
pub(crate) fn now() -> Millis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
