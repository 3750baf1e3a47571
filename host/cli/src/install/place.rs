//! A file that appears under its name complete, or not at all: a runtime may read its folders at any moment, and execute what it finds.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use anyhow::Context;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Program,
    Document,
}

impl Mode {
    fn bits(self) -> u32 {
        match self {
            Mode::Program => 0o755,
            Mode::Document => 0o644,
        }
    }
}

/// Written beside its place, made durable, and moved there. A folder that is not there is made. What is there already, and the same,
/// stays.
pub fn file(folder: &Path, name: &str, bytes: &[u8], mode: Mode) -> anyhow::Result<()> {
    let path = folder.join(name);
    let cannot = || format!("cannot write `{}`", path.display());
    fs::create_dir_all(folder).with_context(cannot)?;
    let same = fs::read(&path).is_ok_and(|there| there == bytes);
    if same && fs::metadata(&path).is_ok_and(|found| found.permissions().mode() & 0o777 == mode.bits()) {
        return Ok(());
    }
    // Runtimes read no names that begin with a dot, and no others than `.conf`, `.conflist` and `.json`.
    let draft = folder.join(format!(".{name}.{}.new", std::process::id()));
    let written = write(&draft, bytes, mode).and_then(|()| fs::rename(&draft, &path));
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written.with_context(cannot)?;
    File::open(folder).and_then(|folder| folder.sync_all()).with_context(cannot)
}

fn write(draft: &Path, bytes: &[u8], mode: Mode) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode.bits()).open(draft)?;
    file.write_all(bytes)?;
    file.set_permissions(fs::Permissions::from_mode(mode.bits()))?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_complete_and_replaces_one_that_runs() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("bin");
        file(&inside, "nicety", &fs::read("/bin/sleep").unwrap(), Mode::Program).unwrap();
        let mut running = std::process::Command::new(inside.join("nicety")).arg("60").spawn().unwrap();
        file(&inside, "nicety", b"new", Mode::Program).unwrap();
        running.kill().unwrap();
        running.wait().unwrap();
        assert_eq!(fs::read(inside.join("nicety")).unwrap(), b"new");
        assert_eq!(fs::metadata(inside.join("nicety")).unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(fs::read_dir(&inside).unwrap().count(), 1);
    }

    #[test]
    fn what_is_right_already_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        file(folder.path(), "a.conflist", b"{}", Mode::Document).unwrap();
        let before = fs::metadata(folder.path().join("a.conflist")).unwrap().modified().unwrap();
        file(folder.path(), "a.conflist", b"{}", Mode::Document).unwrap();
        assert_eq!(fs::metadata(folder.path().join("a.conflist")).unwrap().modified().unwrap(), before);
    }
}
