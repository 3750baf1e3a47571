//! Everything that one node's daemon holds, shared by all requests.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::Context;
use arc_swap::ArcSwap;
use nicety_core::{finding::Finding, millis::Millis};
use nicety_deciding::{Metrics, Policies, Shadows, State, chain};
use nicety_engine::EngineConfig;
use nicety_journal::{Bounds, Journal, OpenError};
use nicety_kernel::capability::{self, Capabilities};
use nicety_objects::Strategies;
use nicety_store::Store;
use nicety_strategies::StrategySet;
use tracing::warn;

use crate::{
    cluster::Cluster,
    config::{Config, KeptIn, Objects},
    egress::Egress,
    gather::Snapshot,
    inventory::Inventory,
    peers::Peers,
    source::Source,
    world::{Loaded, World},
};

#[derive(Debug)]
pub struct Node {
    pub config: Config,
    pub store: Store,
    pub journal: Arc<Journal>,
    pub inventory: Inventory,
    pub capabilities: Capabilities,
    pub started: Millis,
    pub metrics: Metrics,
    pub shadows: Shadows,
    pub peers: Peers,
    pub egress: Egress,
    pub source: Source,
    policies: Policies,
    world: ArcSwap<World>,
    /// What of the source is not in force, and why; empty when the world in force is what it says.
    refused: Mutex<Vec<Finding>>,
    ledger: Mutex<()>,
    served: AtomicU64,
}

impl Node {
    /// Opens the store, probes the kernel, loads the objects. Manifests with findings are an error here: a daemon that starts has
    /// nothing to fall back on.
    pub fn new(config: Config) -> anyhow::Result<Result<Node, Vec<Finding>>> {
        let store = Store::open(&config.run_dir)?;
        let journal = Arc::new(journal(&config.journal)?);
        let state =
            State { folder: Some(config.state_dir.clone()), registry_credentials: config.registry_credentials.clone() };
        let policies = Policies::open(EngineConfig::default(), &state)?;
        let source = match &config.objects {
            Objects::Folder(folder) => Source::Folder(folder.clone()),
            Objects::Kubernetes(kubernetes) => {
                Source::Cluster(Box::new(Cluster::open(kubernetes, &config.mirror_dir(), &config.node)))
            }
        };
        let Loaded { world, refused } = match World::load(&config, &source, &policies, None) {
            Ok(loaded) => loaded,
            Err(findings) => return Ok(Err(findings)),
        };
        let inventory = Inventory::read(&world.overlay)?;
        Ok(Ok(Node {
            capabilities: capability::probe()?,
            started: now(),
            metrics: Metrics::default(),
            shadows: Shadows::start().context("cannot start the thread for shadow runs")?,
            peers: Peers::default(),
            egress: Egress::default(),
            store,
            journal,
            inventory,
            source,
            policies,
            world: ArcSwap::from_pointee(world),
            refused: Mutex::new(refused),
            ledger: Mutex::default(),
            served: AtomicU64::new(0),
            config,
        }))
    }

    /// What is in force now; a request keeps the one that it started with.
    pub fn world(&self) -> Arc<World> {
        self.world.load_full()
    }

    /// Everything that a decision may look at, as it stands now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            world: self.world(),
            node: self.config.node.clone(),
            node_labels: self.source.cluster().and_then(|cluster| cluster.mirror.node_labels()),
            nics: self.inventory.nics(),
            usage: self.store.usage(),
            capabilities: self.capabilities,
        }
    }

    /// Loads what the source says and swaps it in when it is good and says something new: the new generation. What has findings
    /// leaves what was before in force: of a folder all of it, of an API each object by itself.
    pub fn reload(&self) -> Result<Option<u64>, Vec<Finding>> {
        let before = self.world();
        let loaded = World::load(&self.config, &self.source, &self.policies, Some(&before));
        let (outcome, refused) = match loaded {
            Err(findings) => (Err(findings.clone()), findings),
            Ok(Loaded { world, refused }) if world.says_the_same_as(&before) => (Ok(None), refused),
            Ok(Loaded { world, refused }) => {
                let generation = world.generation;
                if world.overlay != before.overlay
                    && let Err(error) = self.inventory.refresh(&world.overlay)
                {
                    warn!(%error, "cannot read the node's NICs under the new overlay");
                }
                self.world.store(Arc::new(world));
                self.peers.look();
                self.egress.look();
                (Ok(Some(generation)), refused)
            }
        };
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
        outcome
    }

    /// Strategies as they would run; they do not come into force. Alone: relative paths of modules start at the folder of manifests.
    pub fn try_strategies(&self, document: &Strategies) -> Result<StrategySet, Vec<Finding>> {
        let folder = match &self.source {
            Source::Folder(folder) => folder.as_path(),
            Source::Cluster(_) => Path::new("/"),
        };
        self.policies.try_build(document, folder).map(|built| built.set)
    }

    /// What is written and not in force, and why.
    pub fn refused(&self) -> Vec<Finding> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Held from gather to lease, so that two pods that start together do not both see the emptier NIC.
    pub fn ledger(&self) -> MutexGuard<'_, ()> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request that was answered.
    pub fn count(&self) {
        self.served.fetch_add(1, Ordering::Relaxed);
    }

    pub fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }
}

fn journal(kept: &KeptIn) -> Result<Journal, OpenError> {
    match kept {
        KeptIn::Memory => Ok(Journal::in_memory(Bounds::default())),
        KeptIn::Folder(folder) => Journal::open(folder, Bounds::default()),
        KeptIn::FolderIfPossible(folder) => Ok(Journal::open(folder, Bounds::default()).unwrap_or_else(|error| {
            warn!(error = %chain(&error), "decisions are kept in memory only; hint: `--journal DIR` names another folder");
            Journal::in_memory(Bounds::default())
        })),
    }
}

/// Wall-clock time.
pub fn now() -> Millis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
