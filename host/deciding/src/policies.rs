//! Loaded policies, and sets of strategies made of them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use nicety_core::{evaluate::Evaluator, finding::Finding};
use nicety_engine::{Cache, Engine, EngineConfig, EngineError, Limits, Policy};
use nicety_objects::strategies::{self, ModuleRef, Strategies};
use nicety_oci::{Credentials, FetchOptions};
use nicety_strategies::{StrategySet, Trials};
use tracing::warn;

use crate::{Sources, chain};

/// Loaded policies by the digest of their module: a reload compiles only what is new.
#[derive(Debug)]
pub struct Policies {
    engine: Engine,
    loaded: Mutex<BTreeMap<String, Policy>>,
    trials: Trials,
    sources: Sources,
}

/// Room for compiled code on disk: some hundred policies of Rust and a few of Python.
const CODE_CACHE_BYTES: u64 = 1 << 30;

/// What a process keeps for its next start, and who it is to registries.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Gets the folders `code` and `modules`. None: nothing is kept.
    pub folder: Option<PathBuf>,
    /// In docker's format. None: the usual places.
    pub registry_credentials: Option<PathBuf>,
}

/// A set that may be put in force.
#[derive(Debug)]
pub struct Built {
    pub set: StrategySet,
    /// Digests of its modules.
    pub modules: Vec<String>,
}

impl Policies {
    pub fn new(engine: Engine, sources: Sources) -> Policies {
        Policies { engine, loaded: Mutex::default(), trials: Trials::default(), sources }
    }

    /// With what `state` keeps from start to start. Without its cache of code everything works, slower.
    pub fn open(engine: EngineConfig, state: &State) -> Result<Policies, EngineError> {
        let cache =
            state.folder.as_ref().and_then(|folder| match Cache::open(&folder.join("code"), CODE_CACHE_BYTES) {
                Ok(cache) => Some(cache),
                Err(error) => {
                    warn!(error = %chain(&error), "policies are compiled at each start");
                    None
                }
            });
        let engine = Engine::new(EngineConfig { cache, ..engine })?;
        let credentials = state.registry_credentials.clone().map_or(Credentials::DockerConfig, Credentials::File);
        let registry = nicety_oci::Options { credentials, ..nicety_oci::Options::default() };
        let store = state.folder.as_ref().map(|folder| folder.join("modules"));
        Ok(Policies::new(engine, Sources { registry: FetchOptions { registry, store } }))
    }

    /// A set that runs, or everything that is wrong with the document. Relative paths of modules start at `folder`.
    pub fn build(&self, document: &Strategies, folder: &Path) -> Result<Built, Vec<Finding>> {
        let built = self.try_build(document, folder)?;
        self.trials.forget_unused();
        self.sources.forget_all_but(document);
        Ok(built)
    }

    /// The same for somebody who only asks: what belongs to the set in force stays.
    pub fn try_build(&self, document: &Strategies, folder: &Path) -> Result<Built, Vec<Finding>> {
        let mut modules = Vec::new();
        let mut load = |module: &ModuleRef, limits: &strategies::Limits| {
            let policy = self.load(&self.sources.fetch(module, &document.modules, folder)?)?;
            modules.push(policy.digest().to_owned());
            let limits = limited(*policy.limits(), limits);
            Ok(Arc::new(policy.limited(limits)) as Arc<dyn Evaluator>)
        };
        let set = nicety_strategies::build(document, &mut load, &self.trials)?;
        Ok(Built { set, modules })
    }

    /// The text of an error is the whole chain.
    pub fn load(&self, module: &[u8]) -> Result<Policy, String> {
        let digest = nicety_engine::digest(module);
        if let Some(policy) = self.loaded.lock().unwrap_or_else(PoisonError::into_inner).get(&digest) {
            return Ok(policy.clone());
        }
        let policy = self.engine.load(module).map_err(|error| chain(&error))?;
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, policy.clone());
        Ok(policy)
    }

    /// Gives back the memory of every policy but these.
    pub fn keep_only(&self, digests: &[String]) {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.retain(|digest, _| digests.contains(digest));
    }
}

/// The engine's defaults with what the strategy says in their place.
pub fn limited(defaults: Limits, wanted: &strategies::Limits) -> Limits {
    let strategies::Limits { fuel, milliseconds, memory, output_bytes, log_bytes } = wanted;
    Limits {
        fuel: fuel.unwrap_or(defaults.fuel),
        milliseconds: milliseconds.unwrap_or(defaults.milliseconds),
        memory: memory.unwrap_or(defaults.memory),
        output_bytes: output_bytes.unwrap_or(defaults.output_bytes),
        log_bytes: log_bytes.unwrap_or(defaults.log_bytes),
    }
}
