//! From a policy reference to the bytes of a module.

use std::{io::Read, path::Path};

use nicety_engine::CompileLimits;
use nicety_objects::strategies::PolicyRef;

/// The module's bytes; the text is the whole error. Relative paths start at `folder`.
pub fn fetch(reference: &PolicyRef, folder: &Path) -> Result<Vec<u8>, String> {
    match reference {
        PolicyRef::Builtin(name) => builtin(name).map(<[u8]>::to_vec),
        PolicyRef::File(path) => read_module(&folder.join(path)),
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
