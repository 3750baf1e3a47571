//! The folder of the cache: everything goes through one descriptor of it, so that it cannot be exchanged under us.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read, Write},
    os::unix::fs::DirBuilderExt,
    path::Path,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, SystemTime},
};

use rustix::{
    fd::OwnedFd,
    fs::{self as at, AtFlags, Dir, FileType, Mode, OFlags, Stat},
    io::Errno,
};

use super::CacheError;

pub(super) const SUFFIX: &str = ".code";
const UNFINISHED: &str = ".unfinished";
/// After this time whoever was writing a file is gone.
const ABANDONED: Duration = Duration::from_secs(3600);

#[derive(Debug)]
pub(super) struct Folder {
    descriptor: OwnedFd,
}

pub(super) enum Found {
    File(Vec<u8>),
    Nothing,
    /// It is not surely ours: a link, a pipe, another owner, or others may write it.
    Untrusted,
}

struct Listed {
    name: String,
    bytes: u64,
    used: SystemTime,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Folder, CacheError> {
        let create = |source| CacheError::Create { path: path.to_owned(), source };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(create)?;
        }
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(create(error)),
            _ => {}
        }
        let open = |error: Errno| CacheError::Open { path: path.to_owned(), source: error.into() };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor = at::open(path, flags, Mode::empty()).map_err(open)?;
        let stat = at::fstat(&descriptor).map_err(open)?;
        match distrust(&stat) {
            None => Ok(Folder { descriptor }),
            Some(why) => Err(CacheError::Untrusted { path: path.to_owned(), why, uid: ourselves() }),
        }
    }

    /// A file of at most `max_bytes`, read through the one descriptor that was looked at. Being read makes it younger.
    pub(super) fn read(&self, name: &str, max_bytes: u64) -> Found {
        // A pipe in its place must not keep us waiting, nor a terminal become ours.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let descriptor = match at::openat(&self.descriptor, name, flags, Mode::empty()) {
            Ok(descriptor) => descriptor,
            Err(Errno::NOENT) => return Found::Nothing,
            Err(_) => return Found::Untrusted,
        };
        let Ok(stat) = at::fstat(&descriptor) else { return Found::Untrusted };
        let bytes = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        if !regular || distrust(&stat).is_some() || bytes > max_bytes {
            return Found::Untrusted;
        }
        let file = File::from(descriptor);
        let mut content = Vec::with_capacity(usize::try_from(bytes).unwrap_or_default());
        if (&file).take(max_bytes).read_to_end(&mut content).is_err() {
            return Found::Untrusted;
        }
        // The order of eviction suffers when this fails, and nothing else.
        let _ = file.set_modified(SystemTime::now());
        Found::File(content)
    }

    /// Whole or not at all. Nothing is synced: what a crash of the machine damages is noticed by its digest.
    pub(super) fn write(&self, name: &str, parts: &[&[u8]]) -> io::Result<()> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let unfinished = format!("{}-{}{UNFINISHED}", std::process::id(), NUMBER.fetch_add(1, Relaxed));
        // Of an earlier process with our number.
        self.remove(&unfinished);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(at::openat(&self.descriptor, &unfinished, flags, Mode::RUSR | Mode::WUSR)?);
        let written = parts.iter().try_for_each(|part| file.write_all(part));
        let renamed = written.and_then(|()| Ok(at::renameat(&self.descriptor, &unfinished, &self.descriptor, name)?));
        if renamed.is_err() {
            self.remove(&unfinished);
        }
        renamed
    }

    /// It may be gone already, and one that cannot be removed is refused again.
    pub(super) fn remove(&self, name: &str) {
        let _ = at::unlinkat(&self.descriptor, name, AtFlags::empty());
    }

    /// Removes the files that were not used for longest until all together have at most `max_bytes`; never `keep`. How many it were.
    pub(super) fn shrink(&self, max_bytes: u64, keep: &str) -> u64 {
        let now = SystemTime::now();
        let (mut unfinished, mut files): (Vec<Listed>, Vec<Listed>) =
            self.list().into_iter().partition(|file| file.name.ends_with(UNFINISHED));
        unfinished.retain(|file| now.duration_since(file.used).is_ok_and(|age| age > ABANDONED));
        unfinished.iter().for_each(|file| self.remove(&file.name));
        let mut total: u64 = files.iter().map(|file| file.bytes).sum();
        files.sort_by_key(|file| file.used);
        let mut removed = 0;
        for file in files.iter().filter(|file| file.name != keep) {
            if total <= max_bytes {
                break;
            }
            self.remove(&file.name);
            total = total.saturating_sub(file.bytes);
            removed += 1;
        }
        removed
    }

    /// Our files; what else lies in the folder is not ours to count or remove. Empty when it cannot be listed.
    fn list(&self) -> Vec<Listed> {
        let Ok(entries) = Dir::read_from(&self.descriptor) else { return Vec::new() };
        let listed = |entry: rustix::fs::DirEntry| {
            let name =
                entry.file_name().to_str().ok().filter(|name| name.ends_with(SUFFIX) || name.ends_with(UNFINISHED))?;
            let stat = at::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
            let since = Duration::from_secs(u64::try_from(stat.st_mtime).unwrap_or_default())
                + Duration::from_nanos(u64::try_from(stat.st_mtime_nsec).unwrap_or_default());
            Some(Listed {
                name: name.to_owned(),
                bytes: u64::try_from(stat.st_size).unwrap_or_default(),
                used: SystemTime::UNIX_EPOCH + since,
            })
        };
        entries.filter_map(|entry| listed(entry.ok()?)).collect()
    }
}

/// Why something cannot have been written by us alone.
fn distrust(stat: &Stat) -> Option<String> {
    let ours = ourselves();
    if stat.st_uid != ours {
        return Some(format!("it belongs to user {}, not to {ours}", stat.st_uid));
    }
    (stat.st_mode & 0o022 != 0)
        .then(|| format!("others than its owner may write it (mode {:o})", stat.st_mode & 0o7777))
}

fn ourselves() -> u32 {
    rustix::process::geteuid().as_raw()
}
