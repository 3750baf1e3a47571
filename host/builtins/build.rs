//! Builds every folder of `policies/` as a component and lists them for embedding. A nested cargo with its own target directory
//! and profile does it, so that a change to a policy recompiles nothing else. It works from the same lock file and needs no network
//! where `cargo fetch` has run.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use nicety_component::TARGET;

const PROFILE: &str = "policy";

/// Settings of the outer build that would change the inner one, or make the two wait for each other.
const OUTER: &[&str] = &[
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_TARGET_DIR",
    "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
];

type Outcome<T> = Result<T, String>;

fn main() {
    if let Err(message) = build() {
        println!("cargo::error={message}");
        std::process::exit(1);
    }
}

fn build() -> Outcome<()> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("../..");
    let root = root.canonicalize().map_err(|error| format!("cannot find `{}`: {error}", root.display()))?;
    let out = PathBuf::from(variable("OUT_DIR")?);
    let target = inner_target(&out);
    for watched in ["policies", "Cargo.toml", "Cargo.lock", "sdk/rust/Cargo.toml", "wit"] {
        watch(&root.join(watched));
    }
    let mut list =
        String::from("/// Every built-in policy by name, as a component.\npub const ALL: &[(&str, &[u8])] = &[\n");
    for name in policies(&root)? {
        let core = compile(&root, &target, &name)?;
        watch(&root.join("policies").join(&name).join("Cargo.toml"));
        for source in sources(&core.with_extension("d")).into_iter().filter(|source| source.starts_with(&root)) {
            watch(&source);
        }
        let component =
            component(&core).map_err(|error| format!("cannot make a component of policy `{name}`: {error}"))?;
        write(&out.join(format!("{name}.wasm")), &component)?;
        list += &format!("    ({name:?}, include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.wasm\"))),\n");
    }
    write(&out.join("builtins.rs"), (list + "];\n").as_bytes())
}

/// One inner target directory for all outer profiles: `<target>/policies`.
fn inner_target(out: &Path) -> PathBuf {
    let build = out.ancestors().find(|part| part.file_name().is_some_and(|name| name == "build"));
    build.and_then(|build| build.ancestors().nth(2)).unwrap_or(out).join("policies")
}

/// The folders of `policies/` that are crates, sorted. Each must say what it does and prove it.
fn policies(root: &Path) -> Outcome<Vec<String>> {
    let folder = root.join("policies");
    let entries = fs::read_dir(&folder).map_err(|error| format!("cannot list `{}`: {error}", folder.display()))?;
    let crates = entries.filter_map(Result::ok).filter(|entry| entry.path().join("Cargo.toml").exists());
    let mut names: Vec<String> = crates.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    for name in &names {
        let policy = folder.join(name);
        if !policy.join("README.md").exists() {
            return Err(format!(
                "policy `{name}` has no README.md; hint: say there what it does and what its config means"
            ));
        }
        let source = fs::read_to_string(policy.join("src/lib.rs")).unwrap_or_default();
        if !source.contains("#[test]") && !policy.join("src/tests.rs").exists() {
            return Err(format!(
                "policy `{name}` has no test; hint: test its `decide` natively in src/lib.rs or src/tests.rs"
            ));
        }
    }
    Ok(names)
}

/// Builds one policy and answers with the path of its core module.
fn compile(root: &Path, target: &Path, name: &str) -> Outcome<PathBuf> {
    let mut cargo = Command::new(variable("CARGO")?);
    for (key, _) in env::vars_os() {
        let outer = key.to_str().is_some_and(|key| OUTER.contains(&key) || key.starts_with("CARGO_PROFILE_"));
        if outer {
            cargo.env_remove(key);
        }
    }
    let mut flags = nicety_component::flags();
    flags.push(nicety_component::remap(root, "nicety"));
    let status = cargo
        .current_dir(root)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .env("CARGO_BUILD_BUILD_DIR", target)
        .args(["rustc", "--locked", "--quiet", "--lib", "--crate-type", "cdylib"])
        .args(["--profile", PROFILE, "--target", TARGET, "-p", &format!("nicety-policy-{name}")])
        .arg("--target-dir")
        .arg(target)
        .status()
        .map_err(|error| format!("cannot run cargo for policy `{name}`: {error}"))?;
    if !status.success() {
        return Err(format!(
            "policy `{name}` did not build for {TARGET}; hint: if its standard library is missing, run `rustup target add {TARGET}`; if a crate is, run `cargo fetch`"
        ));
    }
    Ok(target.join(TARGET).join(PROFILE).join(format!("nicety_policy_{}.wasm", name.replace('-', "_"))))
}

fn component(core: &Path) -> Outcome<Vec<u8>> {
    let module = fs::read(core).map_err(|error| format!("cannot read `{}`: {error}", core.display()))?;
    nicety_component::encode(&module)
}

/// The sources that cargo itself recorded for an artefact.
fn sources(file: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line =
        text.lines().next().and_then(|line| line.split_once(": ")).map(|(_, sources)| sources).unwrap_or_default();
    line.replace("\\ ", "\0").split(' ').map(|source| PathBuf::from(source.replace('\0', " "))).collect()
}

fn write(path: &Path, bytes: &[u8]) -> Outcome<()> {
    fs::write(path, bytes).map_err(|error| format!("cannot write `{}`: {error}", path.display()))
}

fn variable(name: &str) -> Outcome<std::ffi::OsString> {
    env::var_os(name).ok_or_else(|| format!("cargo did not set `{name}`"))
}

fn watch(path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
}
