//! The state file: who may open it, which format it has, and how durable a commit is.
//!
//! The file describes network namespaces, which die with the kernel, so it must outlive the daemon and nothing more. A commit is
//! therefore in the page cache when it returns (safe against `kill -9`) and is never forced to a disk.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{self, Read},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use redb::{Builder, Database, DatabaseError, StorageBackend, StorageError, backends::InMemoryBackend};

use crate::{error::OpenError, rows};

/// Name of the state file in the run directory.
pub const FILE: &str = "state.redb";

/// Raised with every change of a table or of the shape of a row that an older version would misread or refuse.
pub const FORMAT: u64 = 1;

/// redb's own copy of pages. What is asked often is mirrored in memory by the store itself.
const CACHE_BYTES: usize = 1 << 20;

/// The right to use a run directory: it ends with the process, or with this.
#[derive(Debug)]
pub(crate) struct Claimed {
    path: PathBuf,
    _lock: File,
}

/// Makes the directory when it is not there. The lock is on the directory: the file may be looked at only by its owner.
pub(crate) fn claim(dir: &Path) -> Result<Claimed, OpenError> {
    let path = dir.join(FILE);
    let prepare = |source| OpenError::Prepare { path: path.clone(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(prepare)?;
    let lock = File::open(dir).map_err(prepare)?;
    match lock.try_lock() {
        Ok(()) => Ok(Claimed { path, _lock: lock }),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path }),
        Err(TryLockError::Error(source)) => Err(prepare(source)),
    }
}

impl Claimed {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the state file, or makes it.
    pub fn open(&self) -> Result<Database, OpenError> {
        match self.path.try_exists().map_err(|source| self.prepare(source))? {
            true => verify(&self.path)?,
            false => create(&self.path)?,
        }
        self.reopen()
    }

    /// Opens the state file as it was a moment ago.
    pub fn reopen(&self) -> Result<Database, OpenError> {
        let file = OpenOptions::new().read(true).write(true).open(&self.path);
        let file = file.map_err(|source| self.prepare(source))?;
        file.set_permissions(Permissions::from_mode(0o600)).map_err(|source| self.prepare(source))?;
        let database = open_file(&self.path, file)?;
        check_format(&self.path, &database)?;
        Ok(database)
    }

    fn prepare(&self, source: io::Error) -> OpenError {
        OpenError::Prepare { path: self.path.clone(), source }
    }
}

/// A daemon that is killed half-way through making the file must not leave one that the next daemon takes for a damaged one: the
/// file appears under its name complete.
fn create(path: &Path) -> Result<(), OpenError> {
    let prepare = |source| OpenError::Prepare { path: path.to_owned(), source };
    let draft = path.with_extension("new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(prepare(error)),
        _ => {}
    }
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&draft).map_err(prepare)?;
    let database = open_file(&draft, file)?;
    rows::initialize(&database, FORMAT).map_err(|source| OpenError::Read { path: draft.clone(), source })?;
    drop(database);
    fs::rename(&draft, path).map_err(prepare)
}

/// Checks every page of a copy. redb repairs a damaged file by going back to an older commit, which may not know an address that is
/// in use; a file that needs that is refused instead, and left as it was found. The copy is in memory: the file system may be full.
fn verify(path: &Path) -> Result<(), OpenError> {
    let prepare = |source| OpenError::Prepare { path: path.to_owned(), source };
    let copy = copy(path).map_err(prepare)?;
    let database = Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(copy);
    match database.and_then(|mut database| database.check_integrity()).map_err(|error| refused(path, error))? {
        true => Ok(()),
        false => Err(OpenError::Damaged { path: path.to_owned(), what: "its checksums do not match".to_owned() }),
    }
}

/// In pieces, so that no more than one copy is ever in memory.
fn copy(path: &Path) -> io::Result<InMemoryBackend> {
    let mut file = File::open(path)?;
    let copy = InMemoryBackend::new();
    copy.set_len(file.metadata()?.len())?;
    let (mut piece, mut offset) = (vec![0; 64 << 10], 0);
    loop {
        let count = file.read(&mut piece)?;
        let Some(read @ [_, ..]) = piece.get(..count) else { return Ok(copy) };
        copy.write(offset, read)?;
        offset += count as u64;
    }
}

fn open_file(path: &Path, file: File) -> Result<Database, OpenError> {
    let database = Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(PageCacheFile(file));
    database.map_err(|error| refused(path, error))
}

fn refused(path: &Path, error: DatabaseError) -> OpenError {
    let path = path.to_owned();
    match error {
        DatabaseError::Storage(StorageError::Corrupted(what)) => OpenError::Damaged { path, what },
        DatabaseError::Storage(StorageError::Io(error)) => match error.kind() {
            // A read past the end: of the file, and of its copy in memory.
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput => {
                OpenError::Damaged { path, what: "it ends too early".to_owned() }
            }
            io::ErrorKind::InvalidData => {
                OpenError::Foreign { path, source: Some(Box::new(StorageError::Io(error).into())) }
            }
            _ => OpenError::Read { path, source: Box::new(StorageError::Io(error).into()) },
        },
        error => OpenError::Read { path, source: Box::new(error.into()) },
    }
}

/// Reads only: a file of a newer format is left as its own version wrote it.
fn check_format(path: &Path, database: &Database) -> Result<(), OpenError> {
    let path = || path.to_owned();
    match rows::format(database).map_err(|source| OpenError::Read { path: path(), source })? {
        None => Err(OpenError::Foreign { path: path(), source: None }),
        Some(found) if found > FORMAT => Err(OpenError::Newer { path: path(), found, supported: FORMAT }),
        Some(_) => Ok(()),
    }
}

/// A file whose writes are left to the page cache. It takes no lock: the run directory is locked already.
#[derive(Debug)]
struct PageCacheFile(File);

impl StorageBackend for PageCacheFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    /// Other processes, and this one after a kill, read what was written whether or not a disk has it.
    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_all_at(data, offset)
    }
}
