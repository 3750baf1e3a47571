//! `nicety policy pull`: a component out of a registry.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use serde_json::json;

use super::registry;
use crate::{
    args::PolicyPull,
    text::{complain, say},
};

pub fn run(arguments: &PolicyPull) -> anyhow::Result<ExitCode> {
    let PolicyPull { reference, output, registry } = arguments;
    let last = reference.repository().rsplit('/').next().unwrap_or("policy");
    let output = output.clone().unwrap_or_else(|| PathBuf::from(format!("{last}.wasm")));
    let to_stdout = output == Path::new("-");
    anyhow::ensure!(!(to_stdout && registry.json), "`--json` and the component cannot both go to standard output");
    let pulled = nicety_oci::pull(reference, &registry::options(registry))?;
    let pinned = reference.pinned(&pulled.digest).to_string();
    if to_stdout {
        std::io::stdout().lock().write_all(&pulled.module).context("cannot write to standard output")?;
        complain(&pinned);
        return Ok(ExitCode::SUCCESS);
    }
    fs::write(&output, &pulled.module).with_context(|| format!("cannot write `{}`", output.display()))?;
    say(&if registry.json {
        let digest = pulled.digest.as_str();
        serde_json::to_string_pretty(
            &json!({ "reference": pinned, "digest": digest, "file": output, "bytes": pulled.module.len() }),
        )?
    } else {
        format!("{pinned}\nwrote `{}`, {} bytes", output.display(), pulled.module.len())
    });
    Ok(ExitCode::SUCCESS)
}
