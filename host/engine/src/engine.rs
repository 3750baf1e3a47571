//! The engine: a pool of sandboxes, and the way of a module into it.

use std::{fmt, io, sync::Arc, time::Duration};

use nicety_core::evaluate::Failure;
use sha2::{Digest, Sha256};
use wasmtime::component::{Component, Linker};

use crate::{
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
    /// Decisions that can run at the same time. Each reserves 4 GiB of address space, and keeps at most 0.5 MiB of memory.
    pub sandboxes: u32,
    /// Memory that any policy's limits can grant, in bytes.
    pub memory: u64,
    /// How long a decision waits for a sandbox before it fails with `Failure::Busy`.
    pub wait: Duration,
    pub compile: CompileCommand,
    pub compile_limits: CompileLimits,
}

impl Default for EngineConfig {
    /// 32 sandboxes of at most 256 MiB, a wait of 1 s, and this very binary as the compiler.
    fn default() -> EngineConfig {
        EngineConfig {
            sandboxes: 32,
            memory: 256 << 20,
            wait: Duration::from_secs(1),
            compile: CompileCommand::this_binary(),
            compile_limits: CompileLimits::default(),
        }
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
pub struct Engine(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) wasmtime: wasmtime::Engine,
    pub(crate) linker: Linker<Sandbox>,
    pub(crate) slots: Slots,
    pub(crate) ticker: Ticker,
    pub(crate) config: EngineConfig,
}

impl Engine {
    pub fn new(config: EngineConfig) -> Result<Engine, EngineError> {
        let setup = |error: wasmtime::Error| EngineError::Setup(format!("{error:#}"));
        let memory = usize::try_from(config.memory).map_err(|error| EngineError::Setup(error.to_string()))?;
        let wasmtime = wasmtime::Engine::new(&settings::running(config.sandboxes, memory)).map_err(setup)?;
        let mut linker = Linker::new(&wasmtime);
        linker.instance(contract::LOG).and_then(|mut log| log.func_wrap("emit", sandbox::emit)).map_err(setup)?;
        let clock = wasmtime.clone();
        let ticker = Ticker::start(move || clock.increment_epoch()).map_err(EngineError::Ticker)?;
        Ok(Engine(Arc::new(Inner { slots: Slots::new(config.sandboxes), wasmtime, linker, ticker, config })))
    }

    /// Compiles a component in a child process, checks it against the contract and asks it what it is. Blocks for as long as that
    /// takes: 0.1 s for a Rust policy.
    pub fn load(&self, module: &[u8]) -> Result<Policy, LoadError> {
        contract::check_header(module)?;
        let code = compile::in_child(&self.0.config.compile, module, &self.0.config.compile_limits)?;
        let digest = digest(module);
        let component = self.link(&code)?;
        Policy::describe(Arc::clone(&self.0), component, digest)
    }

    #[expect(unsafe_code, reason = "wasmtime cannot prove that code was made by its own compiler")]
    fn link(&self, code: &[u8]) -> Result<Component, LoadError> {
        // SAFETY: `code` is what a child of this process, running this crate's compiler with this crate's settings, has written to a
        // pipe that nobody else holds.
        // JUSTIFICATION: compiling in this process would put its memory and time at the mercy of a module.
        let component = unsafe { Component::deserialize(&self.0.wasmtime, code) };
        component.map_err(|error| LoadError::Code { message: format!("{error:#}") })
    }
}

/// SHA-256 of a module in hexadecimal, as `Evaluator::digest` gives it once it is loaded.
pub fn digest(module: &[u8]) -> String {
    Sha256::digest(module).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("config", &self.config).field("slots", &self.slots).finish_non_exhaustive()
    }
}
