//! The `nicety` binary as a library: arguments, wiring, and what people read. stdout is data, stderr is logs and errors.

pub mod args;
mod client;
mod completions;
mod controller;
mod convert;
mod daemon;
mod demo;
mod egress;
mod engine;
mod install;

mod explain;
mod plugin;
mod policy;
mod status;
mod text;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command, Plugin};

/// Runs what the command line asks for; the exit codes are told in `--help`.
pub fn run() -> ExitCode {
    if plugin::is_called(std::env::args_os().next().as_deref()) {
        return told(plugin::run(&Plugin::parse()));
    }
    told(match Arguments::parse().command {
        Command::Daemon(arguments) => daemon::run(arguments).map(|()| ExitCode::SUCCESS),
        Command::Controller(arguments) => controller::run(arguments).map(|()| ExitCode::SUCCESS),
        Command::Install(arguments) => install::run(&arguments),
        Command::Uninstall(arguments) => install::undo(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::DemoNode(arguments) => demo::node::become_daemon(arguments).map(|()| ExitCode::SUCCESS),
        Command::Status(arguments) => status::run(&arguments.socket).map(|()| ExitCode::SUCCESS),
        Command::Explain(arguments) => explain::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Policy(command) => policy::main(&command),
        Command::Engine(arguments) => engine::run(arguments).map(|()| ExitCode::SUCCESS),
        Command::Egress(command) => egress::main(&command),
        Command::Convert(arguments) => convert::run(&arguments),
        Command::Completions(arguments) => {
            completions::run(&arguments);
            Ok(ExitCode::SUCCESS)
        }
    })
}

fn told(outcome: anyhow::Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        text::complain(&format!("error: {error:#}"));
        ExitCode::FAILURE
    })
}
