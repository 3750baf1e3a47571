//! `nicety policy`: what its authors do with a policy, one file per command.

mod bench;
mod build;
mod check;
mod inspect;
mod keygen;
mod loaded;
pub(crate) mod new;
mod pull;
mod push;
mod registry;
pub(crate) mod replay;
mod run;
mod schema;
mod shadow;
mod sign;
mod test;
mod verify;

use std::{fs, io::Read, path::Path, process::ExitCode};

use anyhow::Context;

use crate::args::Policy;

/// The answer is no: a denial, a finding, a case that does not hold.
const SAID_NO: u8 = 3;
/// Another policy would have decided otherwise.
const DIFFERENT: u8 = 3;

pub fn main(command: &Policy) -> anyhow::Result<ExitCode> {
    match command {
        Policy::New(arguments) => new::run(arguments),
        Policy::Build(arguments) => build::run(arguments),
        Policy::Run(arguments) => run::run(arguments),
        Policy::Push(arguments) => push::run(arguments),
        Policy::Pull(arguments) => pull::run(arguments),
        Policy::Sign(arguments) => sign::run(arguments),
        Policy::Verify(arguments) => verify::run(arguments),
        Policy::Keygen(arguments) => keygen::run(arguments),
        Policy::Replay(arguments) => replay::run(arguments),
        Policy::Shadow(socket) => shadow::run(socket),
        Policy::Check(arguments) => check::run(arguments),
        Policy::Test(arguments) => test::run(arguments),
        Policy::Bench(arguments) => bench::run(arguments),
        Policy::Inspect(arguments) => inspect::run(arguments),
        Policy::Schema(arguments) => schema::run(arguments).map(|()| ExitCode::SUCCESS),
    }
}

/// The bytes of what the command line names.
fn module(named: &str) -> anyhow::Result<Vec<u8>> {
    match named.strip_prefix("builtin:") {
        Some(name) => nicety_deciding::modules::builtin(name).map(<[u8]>::to_vec).map_err(anyhow::Error::msg),
        None => nicety_deciding::read_module(Path::new(named))
            .map_err(|error| anyhow::anyhow!("{error}; hint: `builtin:NAME`, `strategy:NAME` or a path")),
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
        return Ok(text);
    }
    fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}
