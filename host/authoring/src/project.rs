//! `policy.json`: what a policy's folder holds.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use nicety_core::facts::Kind;
use serde::{Deserialize, Serialize};

use crate::{Lang, PolicyName};

/// The file that makes a folder a policy's.
pub const PROJECT_FILE: &str = "policy.json";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Project {
    pub name: PolicyName,
    pub kind: Kind,
    pub lang: Lang,
}

#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    #[error("`{}` is not the folder of a policy: there is no `{PROJECT_FILE}`; hint: `nicety policy new` makes one", folder.display())]
    NoProject { folder: PathBuf },
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("`{}` does not say what the folder holds; hint: {{\"name\": \"my-policy\", \"kind\": \"nic-selection\", \"lang\": \"rust\"}}", path.display())]
    Parse { path: PathBuf, source: serde_json::Error },
}

impl Project {
    /// What the folder says of itself.
    pub fn read(folder: &Path) -> Result<Project, ProjectError> {
        let path = folder.join(PROJECT_FILE);
        match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map_err(|source| ProjectError::Parse { path, source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(ProjectError::NoProject { folder: folder.to_owned() })
            }
            Err(source) => Err(ProjectError::Read { path, source }),
        }
    }

    /// Where `nicety policy build` puts the component.
    pub fn component(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.wasm", self.name))
    }

    pub(crate) fn text(&self) -> String {
        let Project { name, kind, lang } = self;
        format!("{{ \"name\": \"{name}\", \"kind\": \"{}\", \"lang\": \"{}\" }}\n", kind.name(), lang.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        for lang in Lang::ALL {
            let project = Project { name: "fast-first".parse().unwrap(), kind: Kind::GatewayFilter, lang };
            fs::write(folder.path().join(PROJECT_FILE), project.text()).unwrap();
            assert_eq!(Project::read(folder.path()).unwrap(), project);
        }
    }

    #[test]
    fn another_folder_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let error = Project::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("there is no `policy.json`; hint: `nicety policy new`"), "{error}");
        fs::write(folder.path().join(PROJECT_FILE), r#"{"name": "A", "kind": "attach", "lang": "rust"}"#).unwrap();
        assert!(matches!(Project::read(folder.path()), Err(ProjectError::Parse { .. })));
    }
}
