//! One signature: cosign's payload and what makes it good. Pure.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use p256::ecdsa::DerSignature;
use serde::{Deserialize, Serialize};

use crate::{
    keys::{Keys, PublicKey},
    reference::{Digest, Reference},
};

pub(crate) const PAYLOAD_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// Base64 of the DER signature, on the payload's layer.
pub(crate) const ANNOTATION: &str = "dev.cosignproject.cosign/signature";
/// Of a payload; ours has under 300.
pub(crate) const PAYLOAD_BYTES: u64 = 64 << 10;
const TYPE: &str = "cosign container image signature";

/// "Simple signing": what is signed.
#[derive(Serialize, Deserialize)]
struct Payload {
    critical: Critical,
    /// Anything, of no consequence.
    optional: Option<serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Identity {
    docker_reference: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Image {
    docker_manifest_digest: String,
}

/// Why a signature is not good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    NoAnnotation,
    NotBase64,
    NotDer,
    OtherKey { keys: usize },
    NotPayload(String),
    OtherType(String),
    OtherDigest(String),
    OtherRepository { found: String, expected: String },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NoAnnotation => write!(f, "its layer has no annotation `{ANNOTATION}`"),
            Reason::NotBase64 => f.write_str("it is not base64"),
            Reason::NotDer => f.write_str("it is no DER signature of ECDSA"),
            Reason::OtherKey { keys: 1 } => f.write_str("it is not by the given key, or its payload was changed"),
            Reason::OtherKey { keys } => {
                write!(f, "it is by none of the {keys} given keys, or its payload was changed")
            }
            Reason::NotPayload(what) => write!(f, "its payload is not understood: {what}"),
            Reason::OtherType(found) => write!(f, "its payload is a `{found}`, not a `{TYPE}`"),
            Reason::OtherDigest(found) => write!(f, "it is for another digest, `{found}`"),
            Reason::OtherRepository { found, expected } => {
                write!(f, "it is for another repository, `{found}`, not `{expected}`")
            }
        }
    }
}

/// A signature that was checked.
#[derive(Debug, Clone)]
pub(crate) struct Good {
    pub key: PublicKey,
    pub payload: Vec<u8>,
    pub signature: String,
}

/// The payload for a manifest in a repository.
pub(crate) fn payload(reference: &Reference, digest: &Digest) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Payload {
        critical: Critical {
            identity: Identity { docker_reference: reference.identity() },
            image: Image { docker_manifest_digest: digest.to_string() },
            kind: TYPE.to_owned(),
        },
        optional: None,
    })
}

/// The signature first: nothing in a payload counts before it is known whose it is.
pub(crate) fn check(
    payload: &[u8],
    signature: &str,
    reference: &Reference,
    digest: &Digest,
    keys: &Keys,
) -> Result<Good, Reason> {
    let der = STANDARD.decode(signature).map_err(|_| Reason::NotBase64)?;
    let der = DerSignature::from_bytes(&der).map_err(|_| Reason::NotDer)?;
    let key = keys.iter().find(|key| key.made(&der, payload)).ok_or(Reason::OtherKey { keys: keys.iter().count() })?;
    let Payload { critical: Critical { identity, image, kind }, optional: _ } =
        serde_json::from_slice(payload).map_err(|error| Reason::NotPayload(error.to_string()))?;
    if kind != TYPE {
        return Err(Reason::OtherType(kind));
    }
    if image.docker_manifest_digest != digest.as_str() {
        return Err(Reason::OtherDigest(image.docker_manifest_digest));
    }
    if !same_repository(&identity.docker_reference, &reference.identity()) {
        return Err(Reason::OtherRepository { found: identity.docker_reference, expected: reference.identity() });
    }
    Ok(Good { key: key.clone(), payload: payload.to_owned(), signature: signature.to_owned() })
}

/// Whether a claimed reference is of the repository. Some signers add the tag or digest that they were given; the digest that is
/// signed says which content it is.
fn same_repository(claimed: &str, identity: &str) -> bool {
    let without_digest = claimed.split('@').next().unwrap_or(claimed);
    let repository = match without_digest.rsplit_once(':') {
        // A colon before the last `/` is a port.
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => without_digest,
    };
    let hub = |name: &str| match name.strip_prefix("index.docker.io/") {
        Some(rest) => format!("docker.io/{rest}"),
        None => name.to_owned(),
    };
    hub(repository) == hub(identity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::PrivateKey;

    fn reference(text: &str) -> Reference {
        text.parse().expect("a reference")
    }

    /// Signs what `change` makes of our payload and checks it as a signature of `module` in `oci://r.example:5000/a`.
    fn check_changed(change: &dyn Fn(&mut serde_json::Value)) -> Result<(), Reason> {
        let (key, at, digest) =
            (PrivateKey::generate().expect("a key"), reference("oci://r.example:5000/a"), Digest::of(b"manifest"));
        let ours = payload(&at, &digest).expect("a payload");
        let mut value = serde_json::from_slice(&ours).expect("JSON");
        change(&mut value);
        let changed = serde_json::to_vec(&value).expect("JSON");
        check(&changed, &key.sign(&changed), &at, &digest, &Keys::one(key.public())).map(drop)
    }

    #[test]
    fn a_signature_is_good_for_its_digest_and_repository() {
        assert_eq!(check_changed(&|_| {}), Ok(()));
        for name in ["r.example:5000/a:v1", "r.example:5000/a@sha256:12", "r.example:5000/a:v1@sha256:12"] {
            assert_eq!(
                check_changed(&|p| p["critical"]["identity"]["docker-reference"] = name.into()),
                Ok(()),
                "{name}"
            );
        }
        assert_eq!(check_changed(&|p| p["optional"] = serde_json::json!({"creator": "x", "timestamp": 1})), Ok(()));
    }

    #[test]
    fn a_signature_for_something_else_is_refused_by_what_it_is_for() {
        let other = Digest::of(b"other").to_string();
        let of_other = check_changed(&|p| p["critical"]["image"]["docker-manifest-digest"] = other.clone().into());
        assert_eq!(of_other, Err(Reason::OtherDigest(other.clone())));
        for name in ["r.example:5000/b", "r.example:5001/a", "r.example/a", "a", ""] {
            let found = check_changed(&|p| p["critical"]["identity"]["docker-reference"] = name.into());
            assert!(matches!(found, Err(Reason::OtherRepository { .. })), "{name}: {found:?}");
        }
        let kind = check_changed(&|p| p["critical"]["type"] = "atomic container signature".into());
        assert_eq!(kind, Err(Reason::OtherType("atomic container signature".to_owned())));
        assert!(matches!(check_changed(&|p| *p = serde_json::json!([])), Err(Reason::NotPayload(_))));
    }

    #[test]
    fn another_key_a_changed_payload_and_garbage_are_no_signature() {
        let (key, at, digest) =
            (PrivateKey::generate().expect("a key"), reference("oci://r.example/a"), Digest::of(b"x"));
        let ours = payload(&at, &digest).expect("a payload");
        let own = Keys::one(key.public());
        let others = Keys::one(PrivateKey::generate().expect("a key").public());
        let signature = key.sign(&ours);
        let outcome = |payload: &[u8], signature: &str, keys: &Keys| {
            check(payload, signature, &at, &digest, keys).map(|good| good.key)
        };
        assert_eq!(outcome(&ours, &signature, &own), Ok(key.public()));
        assert_eq!(outcome(&ours, &signature, &others), Err(Reason::OtherKey { keys: 1 }));
        assert_eq!(outcome(&ours, &signature, &others.clone().and(own.clone())), Ok(key.public()));
        let spaced = [ours.as_slice(), b" "].concat();
        assert_eq!(outcome(&spaced, &signature, &own), Err(Reason::OtherKey { keys: 1 }));
        assert_eq!(outcome(&ours, "?", &own), Err(Reason::NotBase64));
        assert_eq!(outcome(&ours, "AAAA", &own), Err(Reason::NotDer));
    }

    #[test]
    fn one_registry_has_two_names_in_signatures_and_no_other_has() {
        assert!(same_repository("index.docker.io/team/a", "docker.io/team/a"));
        assert!(same_repository("docker.io/team/a", "index.docker.io/team/a"));
        assert!(!same_repository("index.docker.io.example/team/a", "docker.io/team/a"));
    }
}
