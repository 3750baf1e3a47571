//! Compiled code on disk, so that a module is compiled once per machine and not once per start. wasmtime runs whatever bytes it is
//! given as code, so a file is believed only when nobody but ourselves can have written it and it is whole.
//!
//! **Whom it trusts.** The effective user of this process, which is root for a daemon (also in a user namespace, where it is root of
//! that namespace only). Folder and file belong to that user, nobody else may write them, the file is a regular one and no link, and
//! it carries the key that it is found under and the SHA-256 of its code. It is opened once; what is hashed are the very bytes that
//! are then loaded, in memory of our own, so that nothing can change between the two and the folder may be on a `noexec` mount.

mod entry;
mod folder;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use sha2::{Digest, Sha256};

use entry::Entry;
pub(crate) use entry::Key;
use folder::{Folder, Found};

/// Room for some hundred policies of Rust and a few of Python.
pub const DEFAULT_BYTES: u64 = 1 << 30;

/// A folder of compiled code. Cheap to clone; several processes may share one.
#[derive(Debug, Clone)]
pub struct Cache(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    folder: Folder,
    max_bytes: u64,
    counters: Counters,
}

#[derive(Debug, Default)]
struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    refused: AtomicU64,
    evicted: AtomicU64,
    unwritten: AtomicU64,
}

/// What a cache has done since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Modules that were loaded without compiling them.
    pub hits: u64,
    /// Modules that had to be compiled; those whose file was refused count here too.
    pub misses: u64,
    /// Files that were damaged, or not surely ours, and were removed.
    pub refused: u64,
    /// Files that had to make room.
    pub evicted: u64,
    /// Modules whose code could not be kept: the disk is full, say, or the code is larger than the cache.
    pub unwritten: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    #[error("cannot make the folder `{}` for compiled policies", path.display())]
    Create { path: PathBuf, source: io::Error },
    #[error("cannot open the folder `{}` of compiled policies", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error(
        "the folder `{}` of compiled policies cannot be trusted: {why}; hint: `chown {uid}` and `chmod go-w`, or name another folder",
        path.display()
    )]
    Untrusted { path: PathBuf, why: String, uid: u32 },
}

impl Cache {
    /// Opens a folder, which is made (mode 0700) when it is missing; its files together stay below `max_bytes`.
    pub fn open(path: &Path, max_bytes: u64) -> Result<Cache, CacheError> {
        let folder = Folder::open(path)?;
        Ok(Cache(Arc::new(Shared { folder, max_bytes, counters: Counters::default() })))
    }

    pub fn stats(&self) -> CacheStats {
        let Counters { hits, misses, refused, evicted, unwritten } = &self.0.counters;
        let now = |counter: &AtomicU64| counter.load(Relaxed);
        CacheStats {
            hits: now(hits),
            misses: now(misses),
            refused: now(refused),
            evicted: now(evicted),
            unwritten: now(unwritten),
        }
    }

    /// What `link` makes of the code that is kept under a key, if it is here and can be believed. What cannot be is removed.
    pub(crate) fn load<T>(&self, key: &Key, link: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
        let Shared { folder, max_bytes, counters } = &*self.0;
        let name = key.file_name();
        let (present, loaded) = match folder.read(&name, *max_bytes) {
            Found::File(bytes) => (true, Entry::parse(bytes, key).and_then(|entry| link(entry.code()))),
            Found::Untrusted => (true, None),
            Found::Nothing => (false, None),
        };
        if present && loaded.is_none() {
            count(&counters.refused);
            folder.remove(&name);
        }
        count(if loaded.is_some() { &counters.hits } else { &counters.misses });
        loaded
    }

    /// Keeps code for the next time. A cache that cannot write costs time and nothing else, so it counts and goes on.
    pub(crate) fn put(&self, key: &Key, code: &[u8]) {
        let Shared { folder, max_bytes, counters } = &*self.0;
        let parts = [&Entry::header(key, code)[..], code];
        let bytes = parts.iter().map(|part| part.len() as u64).sum::<u64>();
        if bytes > *max_bytes || folder.write(&key.file_name(), &parts).is_err() {
            return count(&counters.unwritten);
        }
        counters.evicted.fetch_add(folder.shrink(*max_bytes, &key.file_name()), Relaxed);
    }
}

impl Key {
    /// Of a module under one engine's fingerprint.
    pub(crate) fn new(fingerprint: &[u8; 32], module: &[u8; 32]) -> Key {
        Key(Sha256::new_with_prefix(fingerprint).chain_update(module).finalize().into())
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const CODE: &[u8] = b"what a compiler wrote";

    struct Lab {
        folder: tempfile::TempDir,
        cache: Cache,
        key: Key,
    }

    fn lab(max_bytes: u64) -> Lab {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), max_bytes).unwrap();
        Lab { folder, cache, key: Key::new(&[1; 32], &[2; 32]) }
    }

    impl Lab {
        fn file(&self) -> PathBuf {
            self.folder.path().join(self.key.file_name())
        }

        fn get(&self) -> Option<Vec<u8>> {
            self.cache.load(&self.key, |code| Some(code.to_vec()))
        }

        /// After something happened to the file, it is a miss, the file is gone, and the next code is kept again.
        fn is_refused(&self, what: &str) {
            assert_eq!(self.get(), None, "{what}");
            assert!(self.file().symlink_metadata().is_err(), "{what}: it stayed");
            assert_eq!(self.cache.stats().refused, 1, "{what}");
            self.cache.put(&self.key, CODE);
            assert_eq!(self.get().as_deref(), Some(CODE), "{what}");
        }
    }

    fn kept(what: &str, harm: impl FnOnce(&Path)) {
        let lab = lab(4096);
        lab.cache.put(&lab.key, CODE);
        harm(&lab.file());
        lab.is_refused(what);
    }

    #[test]
    fn code_comes_back_under_its_key_only() {
        let lab = lab(4096);
        assert_eq!(lab.get(), None);
        lab.cache.put(&lab.key, CODE);
        assert_eq!(lab.get().as_deref(), Some(CODE));
        for other in [Key::new(&[1; 32], &[3; 32]), Key::new(&[9; 32], &[2; 32])] {
            assert_eq!(lab.cache.load(&other, |_| Some(())), None);
        }
        assert_eq!(lab.cache.stats(), CacheStats { hits: 1, misses: 3, ..CacheStats::default() });
        let again = Cache::open(lab.folder.path(), 4096).unwrap();
        assert_eq!(again.load(&lab.key, |code| Some(code.to_vec())).as_deref(), Some(CODE), "after a restart");
    }

    #[test]
    fn a_file_that_is_not_whole_or_not_surely_ours_is_removed() {
        let write = |path: &Path, bytes: &[u8]| std::fs::write(path, bytes).unwrap();
        kept("a bit is wrong", |path| {
            let mut bytes = std::fs::read(path).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            write(path, &bytes);
        });
        kept("cut", |path| write(path, &std::fs::read(path).unwrap()[..90]));
        kept("empty", |path| write(path, b""));
        kept("larger than the cache", |path| write(path, &[0; 5000]));
        kept("others may write it", |path| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o620)).unwrap();
        });
        kept("a link to the very file", |path| {
            let elsewhere = path.with_extension("elsewhere");
            std::fs::rename(path, &elsewhere).unwrap();
            symlink(elsewhere, path).unwrap();
        });
        kept("a pipe", |path| {
            std::fs::remove_file(path).unwrap();
            assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
        });
        if rustix::process::geteuid().is_root() {
            kept("of another user", |path| std::os::unix::fs::chown(path, Some(12_345), None).unwrap());
        }
    }

    #[test]
    fn code_that_wasmtime_refuses_is_removed() {
        let lab = lab(4096);
        lab.cache.put(&lab.key, CODE);
        assert_eq!(lab.cache.load(&lab.key, |_| None::<()>), None);
        assert_eq!(lab.cache.stats(), CacheStats { misses: 1, refused: 1, ..CacheStats::default() });
        assert!(!lab.file().exists());
    }

    #[test]
    fn a_folder_that_others_can_write_or_that_is_a_link_is_not_opened() {
        let parent = tempfile::tempdir().unwrap();
        let open = |name: &str| Cache::open(&parent.path().join(name), 4096).map(drop);
        assert!(open("new/and/deep").is_ok());
        let mode = parent.path().join("new/and/deep").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700);
        std::fs::set_permissions(parent.path().join("new/and/deep"), std::fs::Permissions::from_mode(0o777)).unwrap();
        let error = open("new/and/deep").unwrap_err().to_string();
        assert!(error.contains("mode 777") && error.contains("chmod go-w"), "{error}");
        symlink("new/and", parent.path().join("link")).unwrap();
        assert!(matches!(open("link"), Err(CacheError::Open { .. })));
        std::fs::write(parent.path().join("file"), "").unwrap();
        assert!(matches!(open("file"), Err(CacheError::Open { .. })));
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(parent.path().join("new/and"), Some(12_345), None).unwrap();
            let error = open("new/and").unwrap_err().to_string();
            assert!(error.contains("belongs to user 12345, not to 0"), "{error}");
        }
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let lab = lab(1000);
        let key = |number: u8| Key::new(&[1; 32], &[number; 32]);
        // 380 bytes each with their header: two fit.
        let has = |number: u8| lab.folder.path().join(key(number).file_name()).exists();
        let aged = |number: u8, seconds: u64| {
            let file =
                std::fs::File::options().write(true).open(lab.folder.path().join(key(number).file_name())).unwrap();
            file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(seconds)).unwrap();
        };
        std::fs::write(lab.folder.path().join("somebody's notes"), [0; 5000]).unwrap();
        lab.cache.put(&key(1), &[0; 300]);
        lab.cache.put(&key(2), &[0; 300]);
        aged(1, 300);
        aged(2, 200);
        assert!(lab.cache.load(&key(1), |_| Some(())).is_some(), "which makes it the younger one");
        lab.cache.put(&key(3), &[0; 300]);
        assert_eq!((has(1), has(2), has(3)), (true, false, true));
        assert_eq!(lab.cache.stats().evicted, 1);
        lab.cache.put(&key(4), &[0; 1000]);
        assert_eq!((has(4), lab.cache.stats().unwritten), (false, 1), "larger than all of it");
        assert!(lab.folder.path().join("somebody's notes").exists());
    }

    #[test]
    fn what_a_crash_left_unfinished_goes_in_time() {
        let lab = lab(4096);
        let left = |name: &str, age: u64| {
            let path = lab.folder.path().join(name);
            let file = std::fs::File::create(&path).unwrap();
            file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(age)).unwrap();
            path
        };
        let (old, new) = (left("1-0.unfinished", 4000), left("2-0.unfinished", 10));
        lab.cache.put(&lab.key, CODE);
        assert_eq!((old.exists(), new.exists()), (false, true));
        assert_eq!(std::fs::read_dir(lab.folder.path()).unwrap().count(), 2);
    }
}
