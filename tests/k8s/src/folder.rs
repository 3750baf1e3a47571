//! Where the programs of the servers lie, and what this machine lacks to run them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The repository that this was built from.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder with `etcd`, `kube-apiserver` and what else `scripts/kube-servers` says. To build them here would hide minutes in a test.
pub(crate) fn folder() -> Result<&'static Path, String> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    FOLDER.get_or_init(ask).as_deref().map_err(Clone::clone)
}

fn ask() -> Result<PathBuf, String> {
    let script = repository().join("scripts/kube-servers");
    let output =
        Command::new(&script).arg("--built").output().map_err(|error| format!("`{}`: {error}", script.display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last: Vec<&str> = said.lines().rev().take(2).collect();
        return Err(last.into_iter().rev().collect::<Vec<_>>().join("; "));
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// A program of that folder.
pub(crate) fn program(name: &str) -> anyhow::Result<PathBuf> {
    let path = folder().map_err(anyhow::Error::msg)?.join(name);
    anyhow::ensure!(path.exists(), "no `{}`", path.display());
    Ok(path)
}

/// What keeps these tests from running here, if something does.
pub fn missing() -> Option<String> {
    for tool in ["openssl", "setpriv"] {
        if Command::new(tool).arg("--version").output().is_err() {
            return Some(format!("no `{tool}`; hint: scripts/setup kube"));
        }
    }
    let folder = match folder() {
        Ok(folder) => folder,
        Err(said) => return Some(said),
    };
    let lacks = |name: &&str| !folder.join(name).exists();
    let name = ["etcd", "kube-apiserver"].into_iter().find(lacks)?;
    Some(format!("no `{name}` in `{}`", folder.display()))
}

/// Whether NICETY_REQUIRE names these tests, so that what is missing is a failure.
pub fn required() -> bool {
    std::env::var("NICETY_REQUIRE").is_ok_and(|list| list.split(',').any(|part| part == "k8s"))
}
