//! The engine: a pool of sandboxes, and the way of a module into it.

use std::{fmt, io, sync::Arc, time::Duration};

use nicety_core::evaluate::Failure;
use sha2::{Digest, Sha256};
use wasmtime::component::{Component, Linker};

use crate::{
    cache::{Cache, CacheStats, Key},
    compile::{self, CompileCommand, CompileError, CompileLimits},
    contract::{self, ContractError},
    policy::Policy,
    sandbox::{self, Sandbox},
    settings,
    slots::Slots,
    ticker::Ticker,
};

#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Decisions that can run at the same time. Each reserves 4 GiB of address space, and keeps at most `resident`.
    pub sandboxes: u32,
    /// Memory of a sandbox that stays mapped after a decision and is cleared by hand, in bytes. A page that a policy has not touched is
    /// never there, and one that stays need not be asked of the kernel again.
    pub resident: u64,
    /// Memory that any policy's limits can grant, in bytes.
    pub memory: u64,
    /// How long a decision waits for a sandbox before it fails with `Failure::Busy`.
    pub wait: Duration,
    pub compile: CompileCommand,
    pub compile_limits: CompileLimits,
    /// Where compiled code is kept for the next start. None: every module is compiled when it is loaded.
    pub cache: Option<Cache>,
}

impl Default for EngineConfig {
    /// 32 sandboxes of at most 256 MiB, of which 0.5 MiB stay (a policy of ours has half of that), a wait of 1 s, this very binary as the
    /// compiler, and no cache.
    fn default() -> EngineConfig {
        EngineConfig {
            sandboxes: 32,
            resident: 512 << 10,
            memory: 256 << 20,
            wait: Duration::from_secs(1),
            compile: CompileCommand::this_binary(),
            compile_limits: CompileLimits::default(),
            cache: None,
        }
    }
}

impl EngineConfig {
    /// For who decides one after the other on very many endpoints, as the controller does: two sandboxes. 100,000 endpoints take 10 MiB
    /// of memory, which the kernel would hand out page by page for each decision.
    pub fn for_distributions() -> EngineConfig {
        EngineConfig { sandboxes: 2, resident: 16 << 20, ..EngineConfig::default() }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("cannot set the engine up: {0}")]
    Setup(String),
    #[error("cannot start the engine's clock")]
    Ticker(#[source] io::Error),
}

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the module cannot be a policy")]
    Contract(#[from] ContractError),
    #[error("cannot compile the module")]
    Compile(#[from] CompileError),
    #[error("cannot load the compiled code: {message}")]
    Code { message: String },
    #[error("the policy could not say what it is")]
    Describe(#[source] Failure),
    #[error("what the policy says of itself cannot be used: {message}")]
    Description { message: String },
}

/// Loads policies. Cheap to clone; all clones and the policies loaded by them share one pool.
#[derive(Debug, Clone)]
pub struct Engine(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) wasmtime: wasmtime::Engine,
    pub(crate) linker: Linker<Sandbox>,
    pub(crate) slots: Slots,
    pub(crate) ticker: Ticker,
    pub(crate) config: EngineConfig,
    fingerprint: [u8; 32],
}

impl Engine {
    pub fn new(config: EngineConfig) -> Result<Engine, EngineError> {
        let setup = |error: wasmtime::Error| EngineError::Setup(format!("{error:#}"));
        let bytes = |bytes: u64| usize::try_from(bytes).map_err(|error| EngineError::Setup(error.to_string()));
        let (memory, resident) = (bytes(config.memory)?, bytes(config.resident)?);
        let wasmtime = wasmtime::Engine::new(&settings::running(config.sandboxes, memory, resident)).map_err(setup)?;
        let mut linker = Linker::new(&wasmtime);
        linker.instance(&contract::log()).and_then(|mut log| log.func_wrap("emit", sandbox::emit)).map_err(setup)?;
        let clock = wasmtime.clone();
        let ticker = Ticker::start(move || clock.increment_epoch()).map_err(EngineError::Ticker)?;
        let fingerprint = settings::fingerprint(&wasmtime);
        let slots = Slots::new(config.sandboxes);
        Ok(Engine(Arc::new(Inner { wasmtime, linker, slots, ticker, config, fingerprint })))
    }

    /// Takes a component's code from the cache, or compiles it in a child process and keeps the code; checks it against the contract
    /// and asks it what it is. Blocks for as long as that takes: 0.1 s for a Rust policy, below a millisecond from the cache.
    pub fn load(&self, module: &[u8]) -> Result<Policy, LoadError> {
        contract::check_header(module)?;
        let EngineConfig { compile, compile_limits, cache, .. } = &self.0.config;
        let bytes = module.len() as u64;
        if bytes > compile_limits.input_bytes {
            return Err(CompileError::Input { bytes, limit: compile_limits.input_bytes }.into());
        }
        let sha256: [u8; 32] = Sha256::digest(module).into();
        let key = Key::new(&self.0.fingerprint, &sha256);
        let describe = |component| Policy::describe(Arc::clone(&self.0), component, hexadecimal(&sha256));
        if let Some(component) = cache.as_ref().and_then(|cache| cache.load(&key, |code| self.link(code).ok())) {
            return describe(component);
        }
        let code = compile::in_child(compile, module, compile_limits)?;
        let policy = describe(self.link(&code)?)?;
        if let Some(cache) = cache {
            cache.put(&key, &code);
        }
        Ok(policy)
    }

    /// What the cache of compiled code has done; all zero without one.
    pub fn cache_stats(&self) -> CacheStats {
        self.0.config.cache.as_ref().map(Cache::stats).unwrap_or_default()
    }

    #[expect(unsafe_code, reason = "wasmtime cannot prove that code was made by its own compiler")]
    pub(crate) fn link(&self, code: &[u8]) -> Result<Component, LoadError> {
        // SAFETY: `code` is what a child of this process, running this crate's compiler with this crate's settings, has written to a
        // pipe that nobody else holds; or the same, as an earlier process of this user wrote it to a file that nobody else can write,
        // under a key of the same settings, and unchanged by its digest (see `cache`).
        // JUSTIFICATION: compiling in this process would put its memory and time at the mercy of a module.
        let component = unsafe { Component::deserialize(&self.0.wasmtime, code) };
        component.map_err(|error| LoadError::Code { message: format!("{error:#}") })
    }
}

/// SHA-256 of a module in hexadecimal, as `Evaluator::digest` gives it once it is loaded.
pub fn digest(module: &[u8]) -> String {
    hexadecimal(&Sha256::digest(module))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("config", &self.config).field("slots", &self.slots).finish_non_exhaustive()
    }
}
