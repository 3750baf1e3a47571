//! What can go wrong between here and a policy in a registry.

use std::{io, path::PathBuf};

use crate::{credentials::CredentialsError, keys::KeyError, reference::Digest};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "`{0}` names no digest; hint: a policy in use is named by its content, oci://REGISTRY/REPOSITORY@sha256:HEX"
    )]
    NeedsDigest(String),
    #[error("`{0}` names no tag; hint: oci://REGISTRY/REPOSITORY:TAG")]
    NeedsTag(String),
    #[error("`{0}` names neither a tag nor a digest; hint: add `:TAG` or `@sha256:HEX`")]
    NeedsTagOrDigest(String),
    #[error("`{0}` names a digest, which follows from what is pushed; hint: leave `@sha256:...` out")]
    HasDigest(String),
    #[error("cannot start a client")]
    Client(#[source] io::Error),
    #[error("cannot write JSON")]
    Encode(#[source] serde_json::Error),
    #[error("cannot set up HTTP")]
    Http(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("cannot read the certificates in `{}`", path.display())]
    Roots {
        path: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("no credentials for `{registry}`")]
    Credentials {
        registry: String,
        #[source]
        source: Box<CredentialsError>,
    },
    #[error("registry `{registry}` did not answer in full within {seconds} s; hint: is it reachable from here")]
    Deadline { registry: String, seconds: f64 },
    #[error("cannot reach registry `{registry}`")]
    Unreachable {
        registry: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error(
        "registry `{registry}` refuses `{repository}`: {said}; hint: `docker login {registry}` writes the credentials that are used"
    )]
    Unauthorized { registry: String, repository: String, said: String },
    #[error("registry `{registry}` does not have {what}")]
    Missing { registry: String, what: String },
    #[error("registry `{registry}` answers {status} to a request for {what}: {said}")]
    Status { registry: String, what: String, status: u16, said: String },
    #[error("{what} is larger than {limit} bytes, the limit")]
    TooLarge { what: String, limit: u64 },
    #[error("{what} has {found} bytes; its manifest says {said}")]
    Size { what: String, found: u64, said: u64 },
    #[error(
        "{what} is not what its digest says: expected `{expected}`, found `{found}`; hint: the registry, or what is between, changed it"
    )]
    Digest { what: String, expected: Digest, found: Digest },
    #[error("{what} is no policy: {wrong}")]
    NotPolicy { what: String, wrong: String },
    #[error("cannot push to registry `{registry}`")]
    Push {
        registry: String,
        #[source]
        source: Box<oci_client::errors::OciDistributionError>,
    },
    #[error("`{reference}` is not signed: the registry has no `{tag}` beside it")]
    Unsigned { reference: String, tag: String },
    #[error("no signature of `{reference}` is good: {}", reasons.join("; "))]
    Unverified {
        reference: String,
        /// Why, one for each signature.
        reasons: Vec<String>,
    },
    #[error("cannot sign")]
    Sign(#[source] KeyError),
    #[error("cannot keep `{}`", path.display())]
    Store {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot forget `{}`", path.display())]
    Forget {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}
