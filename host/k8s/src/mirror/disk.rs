//! The mirror on disk, one file for each watch: what a daemon serves from that starts while the API is away.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use nicety_core::{ids::NodeName, millis::Millis};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::feed::Feed;

/// Of the files. A daemon that finds another one, older or newer, takes nothing from it and lists anew.
const FORMAT: u32 = 1;

const TAKEN: &str = "strategies-taken";

#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    #[error("cannot make `{}`", .folder.display())]
    Folder { folder: PathBuf, source: io::Error },
    #[error("cannot read `{}`", .file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("cannot write `{}`", .file.display())]
    Write { file: PathBuf, source: io::Error },
    #[error("`{}` is not what a daemon saved", .file.display())]
    Content { file: PathBuf, source: serde_json::Error },
    #[error("`{}` is of format {found}, and this daemon knows {FORMAT}", .file.display())]
    Format { file: PathBuf, found: u32 },
    #[error("`{}` is of node `{found}`", .file.display())]
    Node { file: PathBuf, found: String },
}

/// What one file says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Saved {
    format: u32,
    node: String,
    /// The version of the daemon that wrote it: another one may keep more of each object, and lists them again.
    pub daemon: String,
    /// When it was last known to be what the server has.
    pub heard: Millis,
    pub content: Value,
}

/// A file is asked for its format first: what else it holds may be anything.
#[derive(Deserialize)]
struct Stamp {
    #[serde(default)]
    format: u32,
    #[serde(default)]
    node: String,
}

#[derive(Debug, Clone)]
pub struct Disk {
    folder: PathBuf,
    node: NodeName,
}

impl Disk {
    pub fn new(folder: &Path, node: &NodeName) -> Disk {
        Disk { folder: folder.to_owned(), node: node.clone() }
    }

    pub fn load(&self, feed: Feed) -> Result<Option<Saved>, DiskError> {
        self.read(feed.name())
    }

    pub fn load_taken(&self) -> Result<Option<Saved>, DiskError> {
        self.read(TAKEN)
    }

    pub fn save(&self, feed: Feed, heard: Millis, content: Value) -> Result<(), DiskError> {
        self.write(feed.name(), heard, content)
    }

    pub fn save_taken(&self, heard: Millis, content: Value) -> Result<(), DiskError> {
        self.write(TAKEN, heard, content)
    }

    fn read(&self, name: &str) -> Result<Option<Saved>, DiskError> {
        let file = self.file(name);
        let text = match fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(DiskError::Read { file, source }),
        };
        let content = |source| DiskError::Content { file: file.clone(), source };
        let Stamp { format, node } = serde_json::from_slice(&text).map_err(content)?;
        if format != FORMAT {
            return Err(DiskError::Format { file, found: format });
        }
        if node != self.node.as_str() {
            return Err(DiskError::Node { file, found: node });
        }
        serde_json::from_slice(&text).map(Some).map_err(content)
    }

    /// Whole or not at all, also when the node loses power meanwhile.
    fn write(&self, name: &str, heard: Millis, content: Value) -> Result<(), DiskError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        made.map_err(|source| DiskError::Folder { folder: self.folder.clone(), source })?;
        let daemon = env!("CARGO_PKG_VERSION").to_owned();
        let saved = Saved { format: FORMAT, node: self.node.to_string(), daemon, heard, content };
        let file = self.file(name);
        let text = serde_json::to_vec(&saved).map_err(|source| DiskError::Content { file: file.clone(), source })?;
        let beside = self.folder.join(format!(".{name}.new"));
        let replaced = create(&beside)
            .and_then(|mut new| new.write_all(&text).and_then(|()| new.sync_all()))
            .and_then(|()| fs::rename(&beside, &file));
        replaced.map_err(|source| DiskError::Write { file, source })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }
}

/// Annotations of pods may hold secrets: for the daemon's own user alone.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use serde_json::json;

    use super::*;

    fn disk(folder: &Path, node: &str) -> Disk {
        Disk::new(folder, &node.parse().unwrap())
    }

    #[test]
    fn what_is_saved_comes_back_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let disk = disk(&folder.path().join("mirror"), "node-1");
        assert_eq!(disk.load(Feed::Pods).unwrap(), None);
        disk.save(Feed::Pods, Millis(7), json!({"a": 1})).unwrap();
        let saved = disk.load(Feed::Pods).unwrap().unwrap();
        assert_eq!((saved.heard, saved.content), (Millis(7), json!({"a": 1})));
        let file = folder.path().join("mirror/pods.json");
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_of_another_format_or_node_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        disk(folder.path(), "node-1").save(Feed::Pods, Millis(7), json!({})).unwrap();
        assert!(matches!(disk(folder.path(), "node-2").load(Feed::Pods), Err(DiskError::Node { .. })));
        fs::write(folder.path().join("pods.json"), r#"{"format": 2, "else": "entirely"}"#).unwrap();
        assert!(matches!(disk(folder.path(), "node-1").load(Feed::Pods), Err(DiskError::Format { found: 2, .. })));
        fs::write(folder.path().join("pods.json"), "torn").unwrap();
        assert!(matches!(disk(folder.path(), "node-1").load(Feed::Pods), Err(DiskError::Content { .. })));
    }
}
