//! What is in force: objects, strategies and overlay of one generation. A decision runs wholly under one.

use std::{
    collections::BTreeMap,
    io::Read,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use nicety_core::{evaluate::Evaluator, finding::Finding, hash};
use nicety_engine::{CompileLimits, Engine, Limits, Policy};
use nicety_objects::{
    Overlay, Set,
    strategies::{self, PolicyRef},
};
use nicety_strategies::StrategySet;

use crate::config::Config;

#[derive(Debug)]
pub struct World {
    /// Ascending from 1; never goes back.
    pub generation: u64,
    pub objects: Set,
    pub overlay: Overlay,
    pub strategies: StrategySet,
    /// Hash of everything that it was made from.
    pub fingerprint: String,
}

impl World {
    /// Everything that the manifests folder and the overlay say, or everything that is wrong with them.
    pub fn load(config: &Config, policies: &Policies, generation: u64) -> Result<World, Vec<Finding>> {
        let mut findings = Vec::new();
        let objects = Set::load(&config.manifests).map_err(|found| findings.extend(found)).ok();
        let overlay = config.overlay.as_deref().map_or(Ok(Overlay::default()), Overlay::load);
        let overlay = overlay.map_err(|found| findings.extend(found)).ok();
        let Some((objects, overlay)) = objects.zip(overlay) else { return Err(findings) };
        let mut modules = Vec::new();
        let strategies = nicety_strategies::build(&objects.strategies, &mut |reference, limits| {
            let module = fetch(reference, &config.manifests)?;
            let policy = policies.load(&module)?;
            modules.push(policy.digest().to_owned());
            let limits = limited(*policy.limits(), limits);
            Ok(Arc::new(policy.limited(limits)) as Arc<dyn Evaluator>)
        })?;
        policies.keep_only(&modules);
        let fingerprint = hash::hex(&[&format!("{objects:?}"), &format!("{overlay:?}"), &modules.join(" ")]);
        Ok(World { generation, objects, overlay, strategies, fingerprint })
    }
}

/// The module's bytes; the text is the whole error.
fn fetch(reference: &PolicyRef, manifests: &Path) -> Result<Vec<u8>, String> {
    match reference {
        PolicyRef::Builtin(name) => nicety_builtins::get(name).map(<[u8]>::to_vec).ok_or_else(|| {
            let known = nicety_builtins::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>().join("`, `");
            format!("there is no built-in policy `{name}`; hint: there are `{known}`")
        }),
        PolicyRef::File(path) => read_module(&manifests.join(path)),
    }
}

/// A module from a file: a regular one, and no more of it than the compiler takes. The text of an error is the whole error.
pub fn read_module(path: &Path) -> Result<Vec<u8>, String> {
    let wrong = |what: String| format!("cannot read module `{}`: {what}", path.display());
    // Asked before it is opened: opening a pipe would wait for a writer.
    let found = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    if !found.is_file() {
        return Err(wrong("it is not a regular file".to_owned()));
    }
    let limit = CompileLimits::default().input_bytes;
    let mut module = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| wrong(error.to_string()))?;
    file.take(limit + 1).read_to_end(&mut module).map_err(|error| wrong(error.to_string()))?;
    if module.len() as u64 > limit {
        return Err(wrong(format!("it is larger than {limit} bytes, which is the limit of a module")));
    }
    Ok(module)
}

/// The engine's defaults with what the strategy says in their place.
pub fn limited(defaults: Limits, wanted: &strategies::Limits) -> Limits {
    let strategies::Limits { fuel, milliseconds, memory, output_bytes, log_bytes } = wanted;
    Limits {
        fuel: fuel.unwrap_or(defaults.fuel),
        milliseconds: milliseconds.unwrap_or(defaults.milliseconds),
        memory: memory.unwrap_or(defaults.memory),
        output_bytes: output_bytes.unwrap_or(defaults.output_bytes),
        log_bytes: log_bytes.unwrap_or(defaults.log_bytes),
    }
}

/// Loaded policies by the digest of their module: a reload compiles only what is new.
#[derive(Debug)]
pub struct Policies {
    engine: Engine,
    loaded: Mutex<BTreeMap<String, Policy>>,
}

impl Policies {
    pub fn new(engine: Engine) -> Policies {
        Policies { engine, loaded: Mutex::default() }
    }

    /// The text of an error is the whole chain.
    pub fn load(&self, module: &[u8]) -> Result<Policy, String> {
        let digest = nicety_engine::digest(module);
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(policy) = loaded.get(&digest) {
            return Ok(policy.clone());
        }
        let policy = self.engine.load(module).map_err(|error| chain(&error))?;
        loaded.insert(digest, policy.clone());
        Ok(policy)
    }

    /// Gives back the memory of every policy but these.
    fn keep_only(&self, digests: &[String]) {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.retain(|digest, _| digests.contains(digest));
    }
}

/// An error and its causes on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
