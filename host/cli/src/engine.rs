//! `nicety engine`: the engine alone, and the child process in which modules are compiled.

use anyhow::bail;
use nicety_deciding::{Policies, State};
use nicety_engine::EngineConfig;
use nicety_sidecar::{Limits, Peers, Socket};

use crate::{
    args::{Engine, EngineCommand, EngineOptions},
    daemon::{Json, logs},
};

pub fn run(arguments: Engine) -> anyhow::Result<()> {
    let options = match arguments {
        // Does not return: the child ends with the compilation.
        Engine { command: Some(EngineCommand::Compile), options: _ } => nicety_engine::compile::child_main(),
        Engine { command: None, options: Some(options) } => options,
        Engine { command: None, options: None } => {
            bail!("nothing to do; hint: `nicety engine --strategies FILE --listen unix:PATH`")
        }
    };
    let EngineOptions {
        strategies,
        listen,
        mode,
        allow_uid,
        concurrent,
        journal,
        state_dir,
        registry_credentials,
        log_json,
    } = options;
    logs(log_json.then_some(Json));
    let limits = Limits { decisions: usize::from(concurrent), ..Limits::default() };
    // A sandbox for each decision that may be under way.
    let engine = EngineConfig { sandboxes: u32::from(concurrent), ..EngineConfig::default() };
    let policies = Policies::open(engine, &State { folder: state_dir, registry_credentials })?;
    let (socket, peers) = (Socket { mode, ..listen }, Peers::with(allow_uid));
    Ok(nicety_sidecar::engine::run(
        nicety_sidecar::engine::Config { strategies, socket, peers, limits, journal },
        policies,
    )?)
}
