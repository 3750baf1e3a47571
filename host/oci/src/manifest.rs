//! What a policy looks like in a registry: the Wasm OCI artifact layout of the CNCF's TAG Runtime.

use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    reference::{Digest, Reference},
    session::Session,
};

pub(crate) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const CONFIG_TYPE: &str = "application/vnd.wasm.config.v0+json";
pub(crate) const LAYER_TYPE: &str = "application/wasm";

/// Of a manifest; ours has under 1 KiB.
pub(crate) const MANIFEST_BYTES: u64 = 1 << 20;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    pub schema_version: u32,
    pub media_type: Option<String>,
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub media_type: String,
    pub digest: String,
    pub size: u64,
}

/// The one layer that is the module.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Layer {
    pub digest: Digest,
    pub bytes: u64,
}

impl Manifest {
    pub fn of(config: &[u8], module: &[u8]) -> Manifest {
        let descriptor = |media_type: &str, bytes: &[u8]| Descriptor {
            media_type: media_type.to_owned(),
            digest: Digest::of(bytes).to_string(),
            size: bytes.len() as u64,
        };
        Manifest {
            schema_version: 2,
            media_type: Some(MANIFEST_TYPE.to_owned()),
            config: descriptor(CONFIG_TYPE, config),
            layers: vec![descriptor(LAYER_TYPE, module)],
        }
    }
}

/// The module's layer in a manifest's bytes; `limit` is of the module, in bytes.
pub(crate) fn layer(bytes: &[u8], what: &str, limit: u64) -> Result<Layer, Error> {
    let not = |wrong: String| Error::NotPolicy { what: what.to_owned(), wrong };
    let manifest: Manifest =
        serde_json::from_slice(bytes).map_err(|error| not(format!("its manifest is not understood: {error}")))?;
    if manifest.schema_version != 2 {
        return Err(not(format!("its manifest has schema version {}, not 2", manifest.schema_version)));
    }
    if let Some(other) = manifest.media_type.as_deref().filter(|name| *name != MANIFEST_TYPE) {
        return Err(not(format!("its manifest is a `{}`, not a `{MANIFEST_TYPE}`", short(other))));
    }
    let mut modules = manifest.layers.iter().filter(|layer| layer.media_type == LAYER_TYPE);
    let (Some(module), None) = (modules.next(), modules.next()) else {
        let found: Vec<String> = manifest.layers.iter().take(4).map(|layer| short(&layer.media_type)).collect();
        return Err(not(format!("it needs exactly one layer `{LAYER_TYPE}` and has [{}]", found.join(", "))));
    };
    let digest: Digest = module
        .digest
        .parse()
        .map_err(|_| not(format!("digest `{}` of its layer is no SHA-256", short(&module.digest))))?;
    if module.size > limit {
        return Err(Error::TooLarge { what: format!("the module of {what} ({} bytes)", module.size), limit });
    }
    Ok(Layer { digest, bytes: module.size })
}

/// A registry's word in a message.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

/// The manifest that a reference names, and its digest. One with a digest gets exactly that manifest.
pub(crate) async fn manifest(session: &Session, reference: &Reference) -> Result<(Vec<u8>, Digest), Error> {
    let named = match (reference.digest(), reference.tag()) {
        (Some(digest), _) => digest.to_string(),
        (None, Some(tag)) => tag.to_owned(),
        (None, None) => return Err(Error::NeedsTagOrDigest(reference.to_string())),
    };
    let what = format!("the manifest of `{reference}`");
    let bytes = session.get(&format!("manifests/{named}"), MANIFEST_TYPE, &what, MANIFEST_BYTES).await?;
    let found = Digest::of(&bytes);
    match reference.digest() {
        Some(expected) if *expected != found => Err(Error::Digest { what, expected: expected.clone(), found }),
        _ => Ok((bytes, found)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(manifest: &serde_json::Value) -> Result<Layer, String> {
        layer(manifest.to_string().as_bytes(), "`x`", 1000).map_err(|error| error.to_string())
    }

    fn good() -> serde_json::Value {
        serde_json::to_value(Manifest::of(b"{}", b"module")).expect("JSON")
    }

    #[test]
    fn the_module_is_the_one_layer_of_its_media_type() {
        assert_eq!(check(&good()), Ok(Layer { digest: Digest::of(b"module"), bytes: 6 }));
    }

    #[test]
    fn another_manifest_is_refused_with_what_it_is() {
        let refused = |change: &dyn Fn(&mut serde_json::Value), wrong: &str| {
            let mut manifest = good();
            change(&mut manifest);
            let error = check(&manifest).expect_err(wrong);
            assert!(error.contains(wrong), "{error}");
        };
        refused(&|m| m["schemaVersion"] = 1.into(), "schema version 1, not 2");
        refused(
            &|m| m["mediaType"] = "application/vnd.oci.image.index.v1+json".into(),
            "a `application/vnd.oci.image.index.v1+json`",
        );
        refused(&|m| m["layers"] = serde_json::json!([]), "exactly one layer `application/wasm` and has []");
        refused(
            &|m| m["layers"][0]["mediaType"] = "application/vnd.oci.image.layer.v1.tar+gzip".into(),
            "has [application/vnd.oci.image.layer.v1.tar+gzip]",
        );
        refused(&|m| m["layers"] = serde_json::json!([m["layers"][0], m["layers"][0]]), "exactly one layer");
        refused(&|m| m["layers"][0]["digest"] = "sha512:12".into(), "digest `sha512:12` of its layer is no SHA-256");
        refused(&|m| m["layers"][0]["digest"] = "../../secrets".into(), "is no SHA-256");
        refused(
            &|m| m["layers"][0]["size"] = 1001.into(),
            "the module of `x` (1001 bytes) is larger than 1000 bytes, the limit",
        );
        refused(&|m| *m = serde_json::json!("manifest"), "its manifest is not understood");
    }
}
