//! Signatures beside what they sign, in cosign's layout: an image at the tag `sha256-HEX.sig` of the same repository, with one layer for
//! each signature.

use oci_client::RegistryOperation;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    error::Error,
    keys::{Keys, PrivateKey},
    manifest::{self, MANIFEST_BYTES, MANIFEST_TYPE},
    options::Options,
    reference::{Digest, Reference},
    session::{Session, blocking},
    signature::{self, ANNOTATION, Good, PAYLOAD_BYTES, PAYLOAD_TYPE, Reason},
};

/// What was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Of the manifest.
    pub digest: Digest,
    /// Where the signatures are, in the same repository.
    pub tag: String,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Added,
    /// This key had signed it already; nothing was written.
    AlreadyThere,
}

/// What is known to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Of the manifest.
    pub digest: Digest,
    /// Fingerprint of the key that signed it.
    pub fingerprint: String,
}

/// More signatures than one policy has; a registry cannot keep us busy with more.
const SIGNATURES: usize = 64;

/// Adds a signature of what the reference names. Those of others stay. Registries know no transaction: of two who sign the same
/// digest in the same second, one may be lost, and is added by signing again.
pub fn sign(reference: &Reference, key: &PrivateKey, options: &Options) -> Result<Signed, Error> {
    blocking(reference, options.deadline, async {
        let session = Session::open(reference, options, RegistryOperation::Push).await?;
        let (_, digest) = manifest::manifest(&session, reference).await?;
        let tag = tag(&digest);
        let mut layers = match image(&session, reference, &digest).await {
            Ok(layers) => layers,
            Err(Error::Unsigned { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        let own = Keys::one(key.public());
        for layer in &layers {
            if examine(&session, layer, reference, &digest, &own).await?.is_ok() {
                return Ok(Signed { digest, tag, outcome: Outcome::AlreadyThere });
            }
        }
        let payload = signature::payload(reference, &digest).map_err(Error::Encode)?;
        layers.push(json!({
            "mediaType": PAYLOAD_TYPE,
            "size": payload.len(),
            "digest": Digest::of(&payload).as_str(),
            "annotations": { ANNOTATION: key.sign(&payload) },
        }));
        session.push_blob(&payload).await?;
        let digests: Vec<&Value> = layers.iter().filter_map(|layer| layer.get("digest")).collect();
        // Tools for images want a configuration with as many "differences" as there are layers.
        let config = serde_json::to_vec(&json!({
            "architecture": "", "config": {}, "created": "0001-01-01T00:00:00Z", "os": "",
            "rootfs": { "type": "layers", "diff_ids": digests },
        }))
        .map_err(Error::Encode)?;
        session.push_blob(&config).await?;
        let bytes = serde_json::to_vec(&json!({
            "schemaVersion": 2, "mediaType": MANIFEST_TYPE,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "size": config.len(), "digest": Digest::of(&config).as_str(),
            },
            "layers": layers,
        }))
        .map_err(Error::Encode)?;
        session.push_manifest(&tag, bytes).await?;
        Ok(Signed { digest, tag, outcome: Outcome::Added })
    })
}

/// That what the reference names is signed by one of the keys.
pub fn verify(reference: &Reference, keys: &Keys, options: &Options) -> Result<Verified, Error> {
    blocking(reference, options.deadline, async {
        let session = Session::open(reference, options, RegistryOperation::Pull).await?;
        let (_, digest) = manifest::manifest(&session, reference).await?;
        let good = good(&session, reference, &digest, keys).await?;
        Ok(Verified { digest, fingerprint: good.key.fingerprint() })
    })
}

/// The first good signature, or why none is.
pub(crate) async fn good(
    session: &Session,
    reference: &Reference,
    digest: &Digest,
    keys: &Keys,
) -> Result<Good, Error> {
    let mut reasons = Vec::new();
    for (number, layer) in image(session, reference, digest).await?.iter().enumerate() {
        match examine(session, layer, reference, digest, keys).await? {
            Ok(good) => return Ok(good),
            Err(reason) => reasons.push(format!("signature {}: {reason}", number + 1)),
        }
    }
    if reasons.is_empty() {
        reasons.push(format!("`{}` holds none", tag(digest)));
    }
    Err(Error::Unverified { reference: reference.pinned(digest).to_string(), reasons })
}

fn tag(digest: &Digest) -> String {
    format!("sha256-{}.sig", digest.hex())
}

/// The layers of the signatures' image, as they are: what is added later goes beside what others wrote there.
async fn image(session: &Session, reference: &Reference, digest: &Digest) -> Result<Vec<Value>, Error> {
    #[derive(Deserialize)]
    struct Image {
        layers: Vec<Value>,
    }
    let tag = tag(digest);
    let what = format!("the signatures `{tag}`");
    let bytes = match session.get(&format!("manifests/{tag}"), MANIFEST_TYPE, &what, MANIFEST_BYTES).await {
        Err(Error::Missing { .. }) => {
            return Err(Error::Unsigned { reference: reference.pinned(digest).to_string(), tag });
        }
        other => other?,
    };
    let unverified =
        |reason: String| Error::Unverified { reference: reference.pinned(digest).to_string(), reasons: vec![reason] };
    let Image { layers } = serde_json::from_slice(&bytes)
        .map_err(|error| unverified(format!("the manifest `{tag}` is not understood: {error}")))?;
    if layers.len() > SIGNATURES {
        return Err(unverified(format!(
            "`{tag}` has {} layers; no more than {SIGNATURES} are looked at",
            layers.len()
        )));
    }
    Ok(layers)
}

/// A layer's signature: good, not good, or (the outer error) not to be had.
async fn examine(
    session: &Session,
    layer: &Value,
    reference: &Reference,
    digest: &Digest,
    keys: &Keys,
) -> Result<Result<Good, Reason>, Error> {
    let text = |field: &str| layer.get(field).and_then(Value::as_str);
    if text("mediaType") != Some(PAYLOAD_TYPE) {
        return Ok(Err(Reason::NotPayload(format!("its layer is no `{PAYLOAD_TYPE}`"))));
    }
    let Some(signature) = layer.get("annotations").and_then(|all| all.get(ANNOTATION)).and_then(Value::as_str) else {
        return Ok(Err(Reason::NoAnnotation));
    };
    let (Some(blob), Some(bytes)) =
        (text("digest").and_then(|digest| digest.parse::<Digest>().ok()), layer.get("size").and_then(Value::as_u64))
    else {
        return Ok(Err(Reason::NotPayload("its layer names no SHA-256 and size".to_owned())));
    };
    if bytes > PAYLOAD_BYTES {
        return Ok(Err(Reason::NotPayload(format!("it is larger than {PAYLOAD_BYTES} bytes, the limit"))));
    }
    match session.blob(&blob, bytes, "the payload").await {
        Ok(payload) => Ok(signature::check(&payload, signature, reference, digest, keys)),
        // One broken payload must not hide a good signature behind it.
        Err(error @ (Error::Digest { .. } | Error::Size { .. } | Error::Missing { .. })) => {
            Ok(Err(Reason::NotPayload(error.to_string())))
        }
        Err(error) => Err(error),
    }
}
