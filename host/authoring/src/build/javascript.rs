//! JavaScript: componentize-qjs puts QuickJS and the policy into one component, with WASI's functions as traps.

use std::{fs, path::Path, process::Command};

use super::{
    BuildError,
    tool::{absolute, find, run},
    world,
};
use crate::Project;

/// Exports what `policy.js` says.
const ENTRY: &str = "component.js";

pub fn component(folder: &Path, project: &Project) -> Result<Vec<u8>, BuildError> {
    let folder = absolute(folder);
    let hint = || format!("in `{}`: `npm install`, or have it on the PATH", folder.display());
    let tool = find("componentize-qjs", &[folder.join("node_modules/.bin")], hint)?;
    let unfinished = project.component(&folder).with_extension("wasm.new");
    let mut command = Command::new(tool);
    command.args(["--wit", "wit/policy.wit", "--world", &world(project), "--js", ENTRY]);
    // Not the asynchronous runtime: a decision is one call.
    command.args(["--sync", "--stub-wasi", "--output"]).arg(&unfinished);
    run(&mut command, &folder, "componentize-qjs")?;
    let component = fs::read(&unfinished).map_err(|source| BuildError::Read { path: unfinished, source })?;
    Ok(nicety_component::without_names(&component))
}
