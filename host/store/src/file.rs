//! The state file: who may open it, which format it has, and how durable a commit is.
//!
//! The file describes network namespaces, which die with the kernel, so it must outlive the daemon and nothing more. A commit is
//! therefore in the page cache when it returns (safe against `kill -9`) and is never forced to a disk.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io,
    ops::Bound,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use redb::{BackendError, Builder, Database, DatabaseError, StorageBackend, StorageError, backends::FileBackend};

use crate::{error::OpenError, rows};

/// Name of the state file in the run directory.
pub const FILE: &str = "state.redb";

/// Raised with every change of a table or of the shape of a row that an older version would misread or refuse.
pub const FORMAT: u64 = 1;

/// redb's own copy of pages. What is asked often is mirrored in memory by the store itself.
const CACHE_BYTES: usize = 1 << 20;

/// Opens the state file of a run directory, or makes it.
pub(crate) fn open(dir: &Path) -> Result<Database, OpenError> {
    let path = dir.join(FILE);
    let prepare = |source| OpenError::Prepare { path: path.clone(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(prepare)?;
    if !path.try_exists().map_err(prepare)? {
        create(&path)?;
    }
    let file = OpenOptions::new().read(true).write(true).open(&path).map_err(prepare)?;
    file.set_permissions(Permissions::from_mode(0o600)).map_err(prepare)?;
    let database = open_file(&path, file)?;
    check_format(&path, &database)?;
    Ok(database)
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

fn open_file(path: &Path, file: File) -> Result<Database, OpenError> {
    let backend = PageCacheFile(FileBackend::new(file).map_err(|error| refused(path, error))?);
    Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(backend).map_err(|error| refused(path, error))
}

fn refused(path: &Path, error: DatabaseError) -> OpenError {
    let path = path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::InUse { path },
        DatabaseError::Storage(StorageError::Corrupted(what)) => OpenError::Damaged { path, what },
        DatabaseError::Storage(StorageError::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
            OpenError::Damaged { path, what: "it ends too early".to_owned() }
        }
        DatabaseError::Storage(StorageError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
            OpenError::Foreign { path, source: Some(Box::new(StorageError::Io(error).into())) }
        }
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

/// A file whose writes are left to the page cache.
#[derive(Debug)]
struct PageCacheFile(FileBackend);

impl StorageBackend for PageCacheFile {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    /// Other processes, and this one after a kill, read what was written whether or not a disk has it.
    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.query_lock_range(start, end)
    }
}
