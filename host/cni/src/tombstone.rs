//! A DEL that no daemon heard: a file under the run directory, which the daemon replays when it starts.
//!
//! Nothing is lost in between if the shim writes the tombstone and then tries the socket once more, and if the daemon listens first,
//! then replays every tombstone, then serves: either the shim's second try reaches the socket, or the daemon began to listen after
//! the file stood.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use crate::{
    env::Env,
    request::{Attachment, Refused, Request, STDIN_MAX},
};

const FORMAT: u32 = 1;

/// A temporary file this old belongs to a shim that was killed while it wrote.
const ABANDONED: Duration = Duration::from_secs(60);

/// The DEL as the runtime gave it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tombstone {
    /// Of this file.
    pub format: u32,
    /// Milliseconds since the epoch at which the DEL was given up. A record made later is of a later ADD and is none of its business.
    pub at: u64,
    pub env: Env,
    /// Standard input.
    pub netconf: String,
}

/// A tombstone and its file; `content` says why one cannot be read.
#[derive(Debug)]
pub struct Found {
    pub path: PathBuf,
    pub content: Result<Tombstone, TombstoneError>,
}

#[derive(Debug, thiserror::Error)]
pub enum TombstoneError {
    #[error("cannot {act} `{}`", path.display())]
    Io { act: &'static str, path: PathBuf, source: io::Error },
    #[error("tombstone `{}` is not of the form that this release writes", path.display())]
    Content { path: PathBuf, source: serde_json::Error },
    #[error("tombstone `{}` is of format {format}, this release reads {FORMAT}", path.display())]
    Format { path: PathBuf, format: u32 },
    #[error("tombstone `{}` is larger than {limit} bytes", path.display())]
    TooLarge { path: PathBuf, limit: u64 },
}

/// Beside the daemon's socket.
pub fn directory(socket: &Path) -> PathBuf {
    socket.with_file_name("tombstones")
}

/// 128 bits of FNV-1a over the key, each part with its length in front: the same DEL repeated has one file.
pub fn file_name(del: &Attachment) -> String {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let absorb = |hash: u128, byte: &u8| (hash ^ u128::from(*byte)).wrapping_mul(PRIME);
    let hash = [&del.netconf.name, &del.container_id, &del.ifname].into_iter().fold(BASIS, |hash, part| {
        let hash = (part.len() as u64).to_le_bytes().iter().fold(hash, absorb);
        part.as_bytes().iter().fold(hash, absorb)
    });
    format!("{hash:032x}.json")
}

impl Tombstone {
    /// `stdin` is a configuration that has been parsed, hence UTF-8.
    pub fn new(env: Env, stdin: &[u8], at: SystemTime) -> Tombstone {
        let since_epoch = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let at = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
        Tombstone { format: FORMAT, at, env, netconf: String::from_utf8_lossy(stdin).into_owned() }
    }

    /// The DEL to replay.
    pub fn request(&self) -> Result<Request, Refused> {
        Request::parse(&self.env, self.netconf.as_bytes())
    }
}

/// Durable when it returns: written beside, synced, renamed, and the directory synced. The directory is made if need be, for root
/// alone. An older tombstone of the same key is replaced.
pub fn write(directory: &Path, name: &str, tombstone: &Tombstone) -> Result<PathBuf, TombstoneError> {
    let path = directory.join(name);
    let temporary = directory.join(format!(".{name}.{}", std::process::id()));
    let failed = |act, path: &Path| {
        let path = path.to_owned();
        move |source| TombstoneError::Io { act, path, source }
    };
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed("create directory", directory))?;
    let mut text =
        serde_json::to_vec(tombstone).map_err(|source| TombstoneError::Content { path: path.clone(), source })?;
    text.push(b'\n');
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, &path));
    if let Err(source) = written {
        // Best effort: the error that matters is the one above, and `list` sweeps what stays.
        let _ = fs::remove_file(&temporary);
        return Err(TombstoneError::Io { act: "write", path, source });
    }
    File::open(directory).and_then(|dir| dir.sync_all()).map_err(failed("sync directory", directory))?;
    Ok(path)
}

/// Every tombstone, oldest first; those that cannot be read last. A directory that does not exist holds none. Temporary files of
/// shims that were killed are removed.
pub fn list(directory: &Path) -> Result<Vec<Found>, TombstoneError> {
    let failed = |source| TombstoneError::Io { act: "list", path: directory.to_owned(), source };
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            if modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > ABANDONED)) {
                // It may have been renamed just now, which is as good.
                let _ = fs::remove_file(&path);
            }
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(Found { content: read(&path), path });
        }
    }
    let age = |found: &Found| found.content.as_ref().map_or(u64::MAX, |tombstone| tombstone.at);
    found.sort_by(|a, b| (age(a), &a.path).cmp(&(age(b), &b.path)));
    Ok(found)
}

/// One that is gone already counts as removed.
pub fn remove(path: &Path) -> Result<(), TombstoneError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(TombstoneError::Io { act: "remove", path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

fn read(path: &Path) -> Result<Tombstone, TombstoneError> {
    // Quotes and line ends of the configuration grow by their escapes.
    let limit = 4 * STDIN_MAX as u64;
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut text))
        .map_err(|source| TombstoneError::Io { act: "read", path: path.to_owned(), source })?;
    if text.len() as u64 > limit {
        return Err(TombstoneError::TooLarge { path: path.to_owned(), limit });
    }
    let tombstone: Tombstone =
        serde_json::from_slice(&text).map_err(|source| TombstoneError::Content { path: path.to_owned(), source })?;
    match tombstone.format {
        FORMAT => Ok(tombstone),
        format => Err(TombstoneError::Format { path: path.to_owned(), format }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const NETCONF: &str = r#"{"cniVersion":"1.0.0","name":"net","type":"nicety","socket":"/run/nicety/cni.sock"}"#;

    fn env(container: &str, netns: &str) -> Env {
        let variables =
            [("CNI_COMMAND", "DEL"), ("CNI_CONTAINERID", container), ("CNI_IFNAME", "eth0"), ("CNI_NETNS", netns)];
        variables.into_iter().collect()
    }

    fn attachment(container: &str, netns: &str) -> Attachment {
        match Request::parse(&env(container, netns), NETCONF.as_bytes()) {
            Ok(Request::Del(attachment)) => attachment,
            other => panic!("{other:?}"),
        }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn bury(directory: &Path, container: &str, seconds: u64) -> PathBuf {
        let tombstone = Tombstone::new(env(container, ""), NETCONF.as_bytes(), at(seconds));
        write(directory, &file_name(&attachment(container, "")), &tombstone).unwrap()
    }

    #[test]
    fn a_tombstone_is_the_del_that_nobody_heard() {
        let run = tempfile::tempdir().unwrap();
        let directory = directory(&run.path().join("nicety/cni.sock"));
        assert_eq!(directory, run.path().join("nicety/tombstones"));
        assert!(list(&directory).unwrap().is_empty());

        let path = bury(&directory, "c1", 7);
        let found = list(&directory).unwrap();
        assert_eq!(found.iter().map(|found| &found.path).collect::<Vec<_>>(), [&path]);
        let tombstone = found[0].content.as_ref().unwrap();
        assert_eq!(tombstone.at, 7000);
        assert_eq!(tombstone.request().unwrap(), Request::Del(attachment("c1", "")));

        remove(&path).unwrap();
        remove(&path).unwrap();
        assert!(list(&directory).unwrap().is_empty());
    }

    #[test]
    fn a_repeated_del_has_one_tombstone_and_another_key_has_another() {
        assert_eq!(file_name(&attachment("c1", "/run/netns/a")), file_name(&attachment("c1", "")));
        assert_ne!(file_name(&attachment("c1", "")), file_name(&attachment("c2", "")));
        let parts = |name: &str, container_id: &str| {
            let mut del = attachment("c1", "");
            (del.netconf.name, del.container_id) = (name.to_owned(), container_id.to_owned());
            file_name(&del)
        };
        assert_ne!(parts("ab", "c"), parts("a", "bc"));
    }

    #[test]
    fn tombstones_are_read_oldest_first_and_the_unreadable_last() {
        let run = tempfile::tempdir().unwrap();
        let directory = run.path().join("tombstones");
        let second = bury(&directory, "c1", 2);
        let first = bury(&directory, "c2", 1);
        let cut = directory.join("0.json");
        fs::write(&cut, "{\"format\":1,").unwrap();
        let later = directory.join("1.json");
        fs::write(&later, r#"{"format":9,"at":0,"env":{},"netconf":"{}"}"#).unwrap();
        let found = list(&directory).unwrap();
        assert_eq!(found.iter().map(|found| &found.path).collect::<Vec<_>>(), [&first, &second, &cut, &later]);
        assert!(matches!(found[2].content, Err(TombstoneError::Content { .. })));
        assert!(matches!(found[3].content, Err(TombstoneError::Format { format: 9, .. })));
    }

    #[test]
    fn only_root_can_read_them_and_no_temporary_file_stays() {
        let run = tempfile::tempdir().unwrap();
        let directory = run.path().join("a/tombstones");
        let path = bury(&directory, "c1", 1);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&directory), mode(&path)), (0o700, 0o600));
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);

        let (fresh, abandoned) = (directory.join(".x.json.1"), directory.join(".y.json.2"));
        fs::write(&fresh, "").unwrap();
        let old = SystemTime::now() - 2 * ABANDONED;
        File::create(&abandoned).unwrap().set_modified(old).unwrap();
        assert_eq!(list(&directory).unwrap().len(), 1);
        assert_eq!((fresh.exists(), abandoned.exists()), (true, false));
    }

    #[test]
    fn a_tombstone_that_cannot_be_written_is_an_error_with_its_path() {
        let run = tempfile::tempdir().unwrap();
        let file = run.path().join("file");
        fs::write(&file, "").unwrap();
        let tombstone = Tombstone::new(env("c1", ""), NETCONF.as_bytes(), at(1));
        let error = write(&file.join("tombstones"), "x.json", &tombstone).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot create directory `{}`", file.join("tombstones").display()));
    }
}
