//! A module out of a registry.

use oci_client::RegistryOperation;

use crate::{
    error::Error,
    manifest,
    options::Options,
    reference::{Digest, Reference},
    session::{Session, blocking},
};

/// A module and the manifest that named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    pub module: Vec<u8>,
    /// Of the manifest: with it the reference is pinned.
    pub digest: Digest,
}

/// What a tag or a digest names now. Strategies go through [`crate::fetch`], which insists on a digest.
pub fn pull(reference: &Reference, options: &Options) -> Result<Pulled, Error> {
    blocking(reference, options.deadline, async {
        let session = Session::open(reference, options, RegistryOperation::Pull).await?;
        let (bytes, digest) = manifest::manifest(&session, reference).await?;
        let module = module(&session, reference, &bytes, options).await?;
        Ok(Pulled { module, digest })
    })
}

pub(crate) async fn module(
    session: &Session,
    reference: &Reference,
    manifest: &[u8],
    options: &Options,
) -> Result<Vec<u8>, Error> {
    let layer = manifest::layer(manifest, &format!("`{reference}`"), options.module_bytes)?;
    session.blob(&layer.digest, layer.bytes, &format!("the module of `{reference}`")).await
}
