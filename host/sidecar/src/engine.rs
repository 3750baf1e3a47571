//! The engine alone: strategies from one file, followed while it changes, and the socket.

mod follow;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use nicety_core::{finding::Finding, hash};
use nicety_deciding::{Built, Policies, Shadows};
use nicety_journal::{Bounds, Journal};
use nicety_strategies::StrategySet;
use tracing::{info, warn};

use crate::{
    decide,
    records::Ring,
    server::{self, Peers, Socket},
    service::{Limits, Service},
    source::{InForce, Source},
};

/// Decisions that are remembered in memory, and the bytes that they may hold together.
pub const REMEMBERED: (usize, usize) = (1024, 64 << 20);

#[derive(Debug)]
pub struct Config {
    /// A strategies document. Relative paths of modules start at its folder.
    pub strategies: PathBuf,
    pub socket: Socket,
    pub peers: Peers,
    pub limits: Limits,
    /// Folder of the journal; none: decisions are remembered in memory alone.
    pub journal: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("the strategies cannot be used:\n  {}", .0.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n  "))]
    Strategies(Vec<Finding>),
    #[error("cannot listen on `{path}`")]
    Listen { path: PathBuf, source: std::io::Error },
    #[error("cannot keep a journal in `{folder}`")]
    Journal { folder: PathBuf, source: nicety_journal::OpenError },
    #[error("cannot start")]
    Start(#[source] std::io::Error),
}

/// Serves until SIGTERM or SIGINT; answers under way end first.
pub fn run(config: Config, policies: Policies) -> Result<(), EngineError> {
    let Config { strategies, socket, peers, limits, journal } = config;
    let journal = journal.map(|folder| {
        let opened = Journal::open(&folder, Bounds::default());
        opened.map(Arc::new).map_err(|source| EngineError::Journal { folder, source })
    });
    let (decisions, bytes) = REMEMBERED;
    let records = Arc::new(Ring::new(decisions, bytes, decide::now(), journal.transpose()?));
    let alone = Arc::new(Alone::new(strategies, policies)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(EngineError::Start)?.block_on(async move {
        let listener = server::listen(&socket);
        let listener = listener.map_err(|source| EngineError::Listen { path: socket.path.clone(), source })?;
        let service = Arc::new(Service::new(alone.clone(), records, limits));
        info!(socket = %socket.path.display(), generation = alone.in_force().generation(), "serving");
        let following = tokio::spawn(async move {
            if let Err(error) = follow::follow(alone).await {
                warn!(%error, "the strategies are no longer followed");
            }
        });
        let answer = move |request| {
            let service = service.clone();
            async move { service.answer(request).await }
        };
        server::serve(listener, peers, answer, server::stopped()).await;
        following.abort();
        if let Err(error) = std::fs::remove_file(&socket.path) {
            warn!(%error, "cannot remove the socket");
        }
        info!("stopped");
        Ok(())
    })
}

/// Strategies of one file.
#[derive(Debug)]
pub struct Alone {
    file: PathBuf,
    policies: Policies,
    set: ArcSwap<Set>,
    refused: Mutex<Vec<Finding>>,
    shadows: Shadows,
}

#[derive(Debug)]
struct Set {
    generation: u64,
    strategies: StrategySet,
    /// Hash of what it was made from.
    fingerprint: String,
}

impl Alone {
    /// A file with findings is an error here: there is nothing to fall back on.
    pub fn new(file: PathBuf, policies: Policies) -> Result<Alone, EngineError> {
        let set = load(&file, &policies, 1).map_err(EngineError::Strategies)?;
        let shadows = Shadows::start().map_err(EngineError::Start)?;
        Ok(Alone { file, policies, set: ArcSwap::from_pointee(set), refused: Mutex::default(), shadows })
    }

    /// Loads the file and swaps its strategies in when they are good and new: the new generation. Findings leave those before in
    /// force.
    pub fn reload(&self) -> Result<Option<u64>, Vec<Finding>> {
        let before = self.set.load_full();
        let outcome = load(&self.file, &self.policies, before.generation + 1).map(|set| {
            let generation = set.generation;
            (set.fingerprint != before.fingerprint).then(|| {
                self.set.store(Arc::new(set));
                generation
            })
        });
        let findings = outcome.as_ref().err().cloned().unwrap_or_default();
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = findings;
        outcome
    }
}

fn load(file: &std::path::Path, policies: &Policies, generation: u64) -> Result<Set, Vec<Finding>> {
    let document = nicety_objects::Strategies::load(file)?;
    let folder = file.parent().unwrap_or(std::path::Path::new(""));
    let Built { set: strategies, modules } = policies.build(&document, folder)?;
    policies.keep_only(&modules);
    let fingerprint = hash::hex(&[&format!("{document:?}"), &modules.join(" ")]);
    Ok(Set { generation, strategies, fingerprint })
}

impl Source for Alone {
    fn in_force(&self) -> Arc<dyn InForce> {
        self.set.load_full()
    }

    fn refused(&self) -> Vec<Finding> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn shadows(&self) -> &Shadows {
        &self.shadows
    }
}

impl InForce for Set {
    fn generation(&self) -> u64 {
        self.generation
    }

    fn strategies(&self) -> &StrategySet {
        &self.strategies
    }
}
