//! Rust: cargo makes a core module, and the encoder that our own policies go through makes a component of it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::Deserialize;

use super::{
    BuildError,
    tool::{absolute, find},
};

/// The part of cargo's messages that says what was built.
#[derive(Deserialize)]
struct Artifact {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

pub fn component(folder: &Path) -> Result<Vec<u8>, BuildError> {
    let hint = || format!("install Rust by rustup, and `rustup target add {}`", nicety_component::TARGET);
    let cargo = match env::var_os("CARGO") {
        Some(cargo) => PathBuf::from(cargo),
        None => find("cargo", &[], hint)?,
    };
    let output = Command::new(&cargo)
        .current_dir(folder)
        .env("CARGO_ENCODED_RUSTFLAGS", nicety_component::flags().join("\x1f"))
        .args(["rustc", "--quiet", "--lib", "--crate-type", "cdylib", "--release"])
        .args(["--target", nicety_component::TARGET, "--message-format", "json-render-diagnostics"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| BuildError::Run { tool: cargo, source })?;
    if !output.status.success() {
        let (folder, status) = (folder.to_owned(), output.status);
        return Err(BuildError::Failed { folder, tool: "cargo", status, said: String::new() });
    }
    let path = module(&String::from_utf8_lossy(&output.stdout), &absolute(folder).join("Cargo.toml"))
        .ok_or_else(|| BuildError::NoModule { folder: folder.to_owned() })?;
    let module = fs::read(&path).map_err(|source| BuildError::Read { path, source })?;
    nicety_component::encode(&module).map_err(|message| BuildError::NotAPolicy { folder: folder.to_owned(), message })
}

/// The module that cargo built of the package with this manifest.
fn module(messages: &str, manifest: &Path) -> Option<PathBuf> {
    let same = |path: &Path| path.canonicalize().ok() == manifest.canonicalize().ok();
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Artifact>(line).ok())
        .filter(|artifact| artifact.reason == "compiler-artifact" && same(&artifact.manifest_path))
        .flat_map(|artifact| artifact.filenames)
        .find(|path| path.extension().is_some_and(|extension| extension == "wasm"))
}
