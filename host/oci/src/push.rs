//! A module into a registry.

use oci_client::RegistryOperation;
use serde::Serialize;

use crate::{
    component::{self, Names},
    error::Error,
    manifest::Manifest,
    options::Options,
    reference::{Digest, Reference},
    session::{Session, blocking},
};

/// The configuration of the Wasm OCI artifact layout.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    created: &'a str,
    architecture: &'a str,
    os: &'a str,
    layer_digests: [&'a str; 1],
    component: &'a Names,
}

/// Readers want a date; one that is always the same makes the same module always the same digest.
const CREATED: &str = "1970-01-01T00:00:00Z";
/// The layout's word for "a component"; ours imports nothing of WASI.
const OS: &str = "wasip2";

/// Puts a component under the reference's tag; the digest of its manifest pins it. The same module always gets the same digest.
pub fn push(reference: &Reference, module: &[u8], options: &Options) -> Result<Digest, Error> {
    let Some(tag) = reference.tag() else { return Err(Error::NeedsTag(reference.to_string())) };
    if reference.digest().is_some() {
        return Err(Error::HasDigest(reference.to_string()));
    }
    if module.len() as u64 > options.module_bytes {
        return Err(Error::TooLarge { what: "the module".to_owned(), limit: options.module_bytes });
    }
    let component =
        component::names(module).map_err(|wrong| Error::NotPolicy { what: "the module".to_owned(), wrong })?;
    let digest = Digest::of(module);
    let config = Config {
        created: CREATED,
        architecture: "wasm",
        os: OS,
        layer_digests: [digest.as_str()],
        component: &component,
    };
    let config = serde_json::to_vec(&config).map_err(Error::Encode)?;
    let manifest = serde_json::to_vec(&Manifest::of(&config, module)).map_err(Error::Encode)?;
    let pushed = Digest::of(&manifest);
    blocking(reference, options.deadline, async {
        let session = Session::open(reference, options, RegistryOperation::Push).await?;
        session.push_blob(module).await?;
        session.push_blob(&config).await?;
        session.push_manifest(tag, manifest).await
    })?;
    Ok(pushed)
}
