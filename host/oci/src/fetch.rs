//! The module that a strategy names, from the store if it can be had there.

use std::path::PathBuf;

use oci_client::RegistryOperation;

use crate::{
    error::Error,
    keys::Keys,
    manifest,
    options::Options,
    pull,
    reference::Reference,
    session::{Session, blocking},
    sign,
    store::Store,
};

/// How a strategy's module is fetched.
#[derive(Debug, Clone, Default)]
pub struct FetchOptions {
    pub registry: Options,
    /// A folder that keeps what was fetched, so that nothing is asked of the registry for it again, even after a restart.
    /// It is created. Nothing in it is trusted: bytes are hashed and signatures checked on every use.
    pub store: Option<PathBuf>,
}

/// The module at a digest. With keys, only one that a signature by one of them covers, and that is checked before the module is
/// read from the registry.
///
/// What the store has is used without asking the registry: a signature that was good once stays good for as long as its key is
/// among `verify`; to withdraw trust, withdraw the key or name another digest.
pub fn fetch(reference: &Reference, verify: Option<&Keys>, options: &FetchOptions) -> Result<Vec<u8>, Error> {
    let FetchOptions { registry, store } = options;
    let digest = reference.digest().ok_or_else(|| Error::NeedsDigest(reference.to_string()))?;
    let store = store.as_deref().map(Store::new);
    let kept = store.as_ref().and_then(|store| store.module(digest, registry.module_bytes));
    let proof = match (verify, &store) {
        (None, _) => Proof::NotAsked,
        (Some(keys), Some(store)) if store.signed(reference, digest, keys) => Proof::Kept,
        (Some(keys), _) => Proof::Needed(keys),
    };
    match (kept, &proof) {
        (Some(module), Proof::NotAsked | Proof::Kept) => Ok(module),
        (kept, proof) => blocking(reference, registry.deadline, async {
            let session = Session::open(reference, registry, RegistryOperation::Pull).await?;
            if let Proof::Needed(keys) = proof {
                let good = sign::good(&session, reference, digest, keys).await?;
                if let Some(store) = &store {
                    store.keep_signature(digest, &good)?;
                }
            }
            if let Some(module) = kept {
                return Ok(module);
            }
            let (bytes, _) = manifest::manifest(&session, reference).await?;
            let module = pull::module(&session, reference, &bytes, registry).await?;
            if let Some(store) = &store {
                store.keep(&module)?;
                store.keep(&bytes)?;
            }
            Ok(module)
        }),
    }
}

enum Proof<'a> {
    NotAsked,
    Kept,
    Needed(&'a Keys),
}
