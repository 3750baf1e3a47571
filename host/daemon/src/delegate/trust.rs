//! Which files the daemon runs as root: those of one folder, both owned by root (or whoever the daemon is) and writable by nobody else.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

#[derive(Debug, thiserror::Error)]
pub enum Untrusted {
    #[error("there is no delegate `{path}`")]
    Missing { path: PathBuf, source: io::Error },
    #[error("`{path}` belongs to user {owner}; hint: delegates and their folder belong to root")]
    Owner { path: PathBuf, owner: u32 },
    #[error("`{path}` may be written by others (mode {mode:o}); hint: chmod go-w")]
    Writable { path: PathBuf, mode: u32 },
    #[error("`{path}` is not a file that can be executed")]
    NotExecutable { path: PathBuf },
    #[error("`{path}` leads out of its folder, to `{to}`")]
    Elsewhere { path: PathBuf, to: PathBuf },
}

/// The plugin's path, with all links followed.
pub fn file(directory: &Path, kind: &str) -> Result<PathBuf, Untrusted> {
    let missing = |path: &Path| {
        let path = path.to_owned();
        move |source| Untrusted::Missing { path, source }
    };
    let folder = directory.canonicalize().map_err(missing(directory))?;
    let named = folder.join(kind);
    let path = named.canonicalize().map_err(missing(&named))?;
    if path.parent() != Some(&folder) {
        return Err(Untrusted::Elsewhere { path: named, to: path });
    }
    for path in [&folder, &path] {
        owned(path, &fs::metadata(path).map_err(missing(path))?)?;
    }
    let found = fs::metadata(&path).map_err(missing(&path))?;
    match found.is_file() && found.mode() & 0o111 != 0 {
        true => Ok(path),
        false => Err(Untrusted::NotExecutable { path }),
    }
}

fn owned(path: &Path, found: &Metadata) -> Result<(), Untrusted> {
    let path = || path.to_owned();
    if found.uid() != 0 && found.uid() != rustix::process::geteuid().as_raw() {
        return Err(Untrusted::Owner { path: path(), owner: found.uid() });
    }
    match found.mode() & 0o022 {
        0 => Ok(()),
        _ => Err(Untrusted::Writable { path: path(), mode: found.mode() & 0o7777 }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        plugin(folder.path(), 0o755);
        folder
    }

    fn plugin(folder: &Path, mode: u32) {
        fs::write(folder.join("bridge"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(folder.join("bridge"), fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_that_only_its_owner_writes_is_run() {
        let folder = folder();
        assert!(file(folder.path(), "bridge").unwrap().ends_with("bridge"));
    }

    #[test]
    fn what_others_may_write_is_not() {
        let folder = folder();
        plugin(folder.path(), 0o775);
        assert!(matches!(file(folder.path(), "bridge"), Err(Untrusted::Writable { mode: 0o775, .. })));
        plugin(folder.path(), 0o755);
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(file(folder.path(), "bridge"), Err(Untrusted::Writable { mode: 0o777, .. })));
    }

    #[test]
    fn a_link_out_of_the_folder_is_not_followed() {
        let folder = folder();
        symlink("/bin/sh", folder.path().join("sh")).unwrap();
        assert!(matches!(file(folder.path(), "sh"), Err(Untrusted::Elsewhere { .. })));
        symlink("bridge", folder.path().join("alias")).unwrap();
        assert!(file(folder.path(), "alias").is_ok());
    }

    #[test]
    fn what_is_not_there_or_no_program_is_told() {
        let folder = folder();
        plugin(folder.path(), 0o644);
        assert!(matches!(file(folder.path(), "bridge"), Err(Untrusted::NotExecutable { .. })));
        assert!(matches!(file(folder.path(), "absent"), Err(Untrusted::Missing { .. })));
    }
}
