//! Gathers what a new policy's folder is made of, so that the crate can embed it: the SDKs, the contract and the templates, from
//! the one place where each of them is. What the workspace says for all its members is written into the manifests, because
//! a policy stands alone.

#[path = "build/lock.rs"]
mod lock;
#[path = "build/manifest.rs"]
mod manifest;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

type Outcome<T> = Result<T, String>;

/// Folders that tools leave beside sources.
const LEFT_BY_TOOLS: &[&str] = &["target", "__pycache__", "node_modules", ".venv"];

fn main() {
    if let Err(message) = gather() {
        println!("cargo::error={message}");
        std::process::exit(1);
    }
}

fn gather() -> Outcome<()> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("../..");
    let root = root.canonicalize().map_err(|error| format!("cannot find `{}`: {error}", root.display()))?;
    let kit = PathBuf::from(variable("OUT_DIR")?).join("kit");
    for watched in ["sdk", "wit", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml"] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    if kit.exists() {
        fs::remove_dir_all(&kit).map_err(|error| format!("cannot empty `{}`: {error}", kit.display()))?;
    }
    copy(&root.join("sdk"), &kit)?;
    copy(&root.join("wit"), &kit.join("wit"))?;
    let workspace = read(&root.join("Cargo.toml"))?;
    for path in ["rust/Cargo.toml", "templates/rust/all/Cargo.toml"] {
        let manifest = manifest::alone(&read(&root.join("sdk").join(path))?, &workspace)
            .map_err(|message| format!("`sdk/{path}`: {message}"))?;
        write(&kit.join(path), &manifest)?;
    }
    let lock = lock::of_a_policy(&read(&root.join("Cargo.lock"))?)?;
    write(&kit.join("templates/rust/all/Cargo.lock"), &lock)
}

/// Copies a folder; links are followed, so that the SDK has the contract in it.
fn copy(from: &Path, to: &Path) -> Outcome<()> {
    let failed = |error: std::io::Error| format!("cannot copy `{}`: {error}", from.display());
    fs::create_dir_all(to).map_err(failed)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let Some(name) = path.file_name() else { continue };
        if path.is_file() {
            fs::copy(&path, to.join(name)).map_err(failed)?;
        } else if !name.to_str().is_some_and(|name| LEFT_BY_TOOLS.contains(&name)) {
            copy(&path, &to.join(name))?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Outcome<()> {
    fs::write(path, text).map_err(|error| format!("cannot write `{}`: {error}", path.display()))
}

fn variable(name: &str) -> Outcome<std::ffi::OsString> {
    env::var_os(name).ok_or_else(|| format!("cargo did not set `{name}`"))
}
