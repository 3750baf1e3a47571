//! From a policy's folder to its component, by the language's own tools.

mod javascript;
mod python;
mod rust;
mod tool;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{Lang, Project, ProjectError};

/// What was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    pub project: Project,
    /// The component.
    pub path: PathBuf,
    pub bytes: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Project(#[from] ProjectError),
    #[error("`{tool}` is not on this machine; hint: {hint}")]
    NoTool { tool: &'static str, hint: String },
    #[error("cannot run `{}`", tool.display())]
    Run { tool: PathBuf, source: io::Error },
    #[error("`{}` did not build: `{tool}` ended with {status}{}{said}", folder.display(), if said.is_empty() { "; what it says is above" } else { ":\n" })]
    Failed { folder: PathBuf, tool: &'static str, status: std::process::ExitStatus, said: String },
    #[error("cargo has built no library in `{}`; hint: the policy is a plain library, with `src/lib.rs`", folder.display())]
    NoModule { folder: PathBuf },
    #[error("what was built in `{}` is no policy: {message}; hint: `nicety_policy_sdk::policy!` makes one", folder.display())]
    NotAPolicy { folder: PathBuf, message: String },
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write `{}`", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// Builds the policy of a folder as `FOLDER/NAME.wasm`. Blocks for as long as the tools take: seconds, for Python tens of them.
pub fn build(folder: &Path) -> Result<Built, BuildError> {
    let project = Project::read(folder)?;
    let path = project.component(folder);
    let component = match project.lang {
        Lang::Rust => rust::component(folder)?,
        Lang::Python => python::component(folder, &project)?,
        Lang::JavaScript => javascript::component(folder, &project)?,
    };
    // Replaced in one step: a daemon may be watching it.
    let unfinished = path.with_extension("wasm.new");
    let written = fs::write(&unfinished, &component).and_then(|()| fs::rename(&unfinished, &path));
    written.map_err(|source| BuildError::Write { path: path.clone(), source })?;
    Ok(Built { project, path, bytes: component.len() as u64 })
}

/// The world of the contract that a policy of this kind is for.
fn world(project: &Project) -> String {
    format!("{}-policy", project.kind.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_policy_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(build(folder.path()), Err(BuildError::Project(ProjectError::NoProject { .. }))));
    }
}
