//! From a policy reference to the bytes of a module.

use std::{io::Read, path::Path};

use nicety_engine::CompileLimits;
use nicety_objects::strategies::{Body, ModuleRef, Modules, PolicyRef, Strategies};
use nicety_oci::{FetchOptions, Keys, Reference};

use tracing::warn;

use crate::chain;

/// Where modules come from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    pub registry: FetchOptions,
}

impl Sources {
    /// The module's bytes; the text is the whole error. Relative paths start at `folder`.
    pub fn fetch(&self, module: &ModuleRef, beside: &Modules, folder: &Path) -> Result<Vec<u8>, String> {
        match &module.policy {
            PolicyRef::Builtin(name) => builtin(name).map(<[u8]>::to_vec),
            PolicyRef::File(path) => read_module(&folder.join(path)),
            PolicyRef::ConfigMap(key) => match beside.get(key) {
                Some(module) => Ok(module.0.to_vec()),
                None if beside.is_empty() => Err(format!(
                    "there is no `binaryData` to take `{key}` from; hint: the strategies stand in ConfigMap `nicety-strategies` then, with the module beside them"
                )),
                None => {
                    let known = beside.keys().map(String::as_str).collect::<Vec<_>>().join("`, `");
                    Err(format!("`binaryData` has no key `{key}`; hint: there are `{known}`"))
                }
            },
            PolicyRef::Oci(image) => self.pull(image, &module.signed_by),
        }
    }

    /// Gives back the space of modules that a document, which is about to be in force, does not name.
    pub(crate) fn forget_all_but(&self, document: &Strategies) {
        let Some(store) = self.registry.store.as_deref().filter(|store| store.exists()) else { return };
        let images = document.strategies.values().filter_map(|strategy| match &strategy.body {
            Body::Policy { module: ModuleRef { policy: PolicyRef::Oci(image), .. }, .. } => image.parse().ok(),
            Body::Policy { .. } | Body::Pipeline(_) => None,
        });
        let images: Vec<Reference> = images.collect();
        if let Err(error) = nicety_oci::retain(store, &images.iter().collect::<Vec<_>>()) {
            warn!(error = %chain(&error), "modules that are no longer used stay on disk");
        }
    }

    /// `signed_by`: PEM texts of public keys; with none no signature is asked for.
    fn pull(&self, image: &str, signed_by: &[String]) -> Result<Vec<u8>, String> {
        let reference: Reference = image.parse().map_err(|error: nicety_oci::ReferenceError| chain(&error))?;
        let mut keys: Option<Keys> = None;
        for (place, pem) in signed_by.iter().enumerate() {
            let more = Keys::from_pem(pem)
                .map_err(|error| format!("requireSignature.publicKeys[{place}] is no public key: {}", chain(&error)))?;
            keys = Some(match keys {
                Some(keys) => keys.and(more),
                None => more,
            });
        }
        nicety_oci::fetch(&reference, keys.as_ref(), &self.registry).map_err(|error| chain(&error))
    }
}

/// A policy that is shipped with the daemon.
pub fn builtin(name: &str) -> Result<&'static [u8], String> {
    nicety_builtins::get(name).ok_or_else(|| {
        let known = nicety_builtins::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>().join("`, `");
        format!("there is no built-in policy `{name}`; hint: there are `{known}`")
    })
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
