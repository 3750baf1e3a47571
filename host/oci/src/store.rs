//! Modules, manifests and signatures on disk, each file named by the digest of what it holds.
//!
//! The store is a cache of public things, never a judge: a manifest is looked up by the reference's digest and hashed, the module by
//! the digest in that manifest and hashed. There is no "this was verified" to forge: of a signature the payload and the signature
//! itself are kept, by manifest and key, and are checked anew with the caller's key.

use std::{
    collections::BTreeSet,
    fs, io,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    keys::Keys,
    manifest::{self, MANIFEST_BYTES},
    reference::{Digest, Reference},
    signature::{self, Good, PAYLOAD_BYTES},
};

#[derive(Debug)]
pub(crate) struct Store {
    blobs: PathBuf,
    signatures: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    /// Base64, as is the signature.
    payload: String,
    signature: String,
}

impl Store {
    pub fn new(folder: &Path) -> Store {
        Store { blobs: folder.join("sha256"), signatures: folder.join("signatures") }
    }

    /// The module of a manifest; `None` when it is not there whole, for whatever reason: then it is fetched again.
    pub fn module(&self, manifest: &Digest, limit: u64) -> Option<Vec<u8>> {
        let bytes = self.blob(manifest, MANIFEST_BYTES)?;
        let layer = manifest::layer(&bytes, "", limit).ok()?;
        self.blob(&layer.digest, layer.bytes)
    }

    fn blob(&self, digest: &Digest, limit: u64) -> Option<Vec<u8>> {
        let bytes = read(&self.blobs.join(digest.hex()), limit)?;
        (Digest::of(&bytes) == *digest).then_some(bytes)
    }

    pub fn keep(&self, bytes: &[u8]) -> Result<(), Error> {
        write(&self.blobs.join(Digest::of(bytes).hex()), bytes)
    }

    /// Whether a signature by one of the keys is here, checked.
    pub fn signed(&self, reference: &Reference, digest: &Digest, keys: &Keys) -> bool {
        keys.iter().any(|key| {
            let path = self.signatures.join(digest.hex()).join(key.fingerprint());
            let kept: Option<Kept> =
                read(&path, 4 * PAYLOAD_BYTES).and_then(|bytes| serde_json::from_slice(&bytes).ok());
            kept.is_some_and(|Kept { payload, signature }| {
                let payload = STANDARD.decode(payload).unwrap_or_default();
                signature::check(&payload, &signature, reference, digest, &Keys::one(key.clone())).is_ok()
            })
        })
    }

    pub fn keep_signature(&self, digest: &Digest, good: &Good) -> Result<(), Error> {
        let path = self.signatures.join(digest.hex()).join(good.key.fingerprint());
        let kept = Kept { payload: STANDARD.encode(&good.payload), signature: good.signature.clone() };
        let text =
            serde_json::to_vec(&kept).map_err(|error| Error::Store { path: path.clone(), source: error.into() })?;
        write(&path, &text)
    }
}

/// Forgets what none of these references needs. Not to be called while a [`crate::fetch`] into the same store is under way: what that has
/// just written may be taken for a leftover.
pub fn retain(folder: &Path, keep: &[&Reference]) -> Result<(), Error> {
    let store = Store::new(folder);
    let mut needed: BTreeSet<String> = BTreeSet::new();
    for digest in keep.iter().filter_map(|reference| reference.digest()) {
        needed.insert(digest.hex().to_owned());
        let manifest = store.blob(digest, MANIFEST_BYTES);
        let layer = manifest.and_then(|bytes| manifest::layer(&bytes, "", u64::MAX).ok());
        needed.extend(layer.map(|layer| layer.digest.hex().to_owned()));
    }
    for folder in [&store.blobs, &store.signatures] {
        let failed = |source: io::Error| Error::Forget { path: folder.clone(), source };
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other.map_err(failed)?,
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            if entry.file_name().to_str().is_some_and(|name| needed.contains(name)) {
                continue;
            }
            let removed = if entry.file_type().map_err(failed)?.is_dir() {
                fs::remove_dir_all(entry.path())
            } else {
                fs::remove_file(entry.path())
            };
            removed.map_err(|source| Error::Forget { path: entry.path(), source })?;
        }
    }
    Ok(())
}

/// A regular file of at most `limit` bytes.
fn read(path: &Path, limit: u64) -> Option<Vec<u8>> {
    // Asked before it is opened: opening a pipe would wait for a writer.
    fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(limit.saturating_add(1)).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= limit).then_some(bytes)
}

/// Whole or not at all, also when the machine stops midway.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let attempt = || -> io::Result<()> {
        let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
        fs::create_dir_all(folder)?;
        let partial = folder.join(format!(".{name}.{}.{:?}", std::process::id(), std::thread::current().id()));
        let written = fs::File::create(&partial).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        let moved = written.and_then(|()| fs::rename(&partial, path));
        if moved.is_err() {
            // The first error is the one to tell.
            drop(fs::remove_file(&partial));
        }
        moved
    };
    attempt().map_err(|source| Error::Store { path: path.to_owned(), source })
}
