//! Python: componentize-py puts the interpreter and the policy into one component, with WASI's functions as traps.

use std::{fs, path::Path, process::Command};

use super::{
    BuildError,
    tool::{absolute, find, run},
    world,
};
use crate::Project;

/// The version that the tests build with.
pub const VERSION: &str = "0.25.1";
/// The module of the SDK that exports what `policy.py` says.
const APP: &str = "nicety_policy.component";

pub fn component(folder: &Path, project: &Project) -> Result<Vec<u8>, BuildError> {
    let folder = absolute(folder);
    let hint = || {
        format!(
            "in `{}`: `python3 -m venv .venv && .venv/bin/pip install componentize-py=={VERSION}`, or have it on the PATH",
            folder.display()
        )
    };
    let tool = find("componentize-py", &[folder.join(".venv/bin")], hint)?;
    let unfinished = project.component(&folder).with_extension("wasm.new");
    let mut command = Command::new(tool);
    // A virtual environment of the caller's would be searched for modules, and then be needed by the policy.
    command.env_remove("VIRTUAL_ENV").env_remove("PYTHONPATH");
    command.args(["--wit-path", "wit", "--world", &world(project)]);
    command.args(["componentize", "--stub-wasi", APP, "--output"]).arg(&unfinished);
    run(&mut command, &folder, "componentize-py")?;
    let component = fs::read(&unfinished).map_err(|source| BuildError::Read { path: unfinished, source })?;
    Ok(nicety_component::without_names(&component))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_and_folders_name_the_versions_that_the_tests_build_with() {
        let tools = include_str!("../../../../sdk/tools.txt");
        assert!(tools.contains(&format!("\ncomponentize-py=={VERSION}\n")));
        let readme = include_str!("../../../../sdk/templates/python/all/README.md");
        assert!(readme.contains(&format!("componentize-py=={VERSION}`")));
        let of_qjs = tools.lines().find_map(|line| line.strip_prefix("componentize-qjs==")).unwrap();
        let package = include_str!("../../../../sdk/templates/javascript/all/package.json");
        assert!(package.contains(&format!("\"componentize-qjs\": \"{of_qjs}\"")));
    }
}
