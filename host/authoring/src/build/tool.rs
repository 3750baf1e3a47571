//! Finding and running other people's tools.

use std::{
    env,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::BuildError;

/// The first of these places that holds the program, then the search path.
pub fn find(tool: &'static str, places: &[PathBuf], hint: impl FnOnce() -> String) -> Result<PathBuf, BuildError> {
    let on_path = env::var_os("PATH").unwrap_or_default();
    let candidates = places.iter().cloned().chain(env::split_paths(&on_path)).map(|folder| folder.join(tool));
    let found = candidates.into_iter().find(|path| runs(path)).and_then(|path| path.canonicalize().ok().map(|_| path));
    found.ok_or_else(|| BuildError::NoTool { tool, hint: hint() })
}

fn runs(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// Runs a tool that talks a lot, and says what it said only if it fails.
pub fn run(command: &mut Command, folder: &Path, tool: &'static str) -> Result<Output, BuildError> {
    let program = PathBuf::from(command.get_program());
    let output = command.current_dir(folder).output().map_err(|source| BuildError::Run { tool: program, source })?;
    if output.status.success() {
        return Ok(output);
    }
    let said = [output.stdout.as_slice(), &output.stderr].map(String::from_utf8_lossy).join("");
    let said = said.trim().to_owned();
    Err(BuildError::Failed { folder: folder.to_owned(), tool, status: output.status, said })
}

/// An absolute path, for a tool that runs in another folder than we.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_is_named_with_what_to_do() {
        let error = find("no-such-tool", &[], || "install it".to_owned()).unwrap_err();
        assert_eq!(error.to_string(), "`no-such-tool` is not on this machine; hint: install it");
    }

    #[test]
    fn a_tool_beside_the_policy_comes_before_others() {
        let folder = tempfile::tempdir().unwrap();
        let places = [folder.path().to_owned()];
        let tool = folder.path().join("sh");
        std::fs::write(&tool, "").unwrap();
        assert_ne!(find("sh", &places, String::new).unwrap(), tool, "it cannot be executed");
        std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find("sh", &places, String::new).unwrap(), tool);
    }

    #[test]
    fn what_a_failing_tool_says_is_passed_on() {
        let mut shell = Command::new("sh");
        let error = run(shell.args(["-c", "echo out; echo err >&2; exit 3"]), Path::new("/"), "sh").unwrap_err();
        assert!(error.to_string().ends_with("exit status: 3:\nout\nerr"), "{error}");
    }
}
