//! Where a policy's module is, as text.

use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr, sync::Arc};

use nicety_core::ids::StrategyName;
use serde::{Deserialize, Serialize};

/// Largest module in a ConfigMap, in bytes: all of one is at most 1 MiB in the API, with the names and the document beside it.
pub const CONFIG_MAP_MODULE_MAX: usize = 900 << 10;

/// Where a policy's module is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PolicyRef {
    /// Shipped with the daemon.
    Builtin(String),
    /// A file; a relative path starts at the manifests folder.
    File(PathBuf),
    /// A key of the `binaryData` of the ConfigMap that holds the strategies.
    ConfigMap(String),
    /// An image in a registry, pinned by the digest of its manifest: `oci://REGISTRY/REPOSITORY[:TAG]@sha256:DIGEST`, whole.
    Oci(String),
}

/// A module, and whose signature it must have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleRef {
    pub policy: PolicyRef,
    /// PEM texts of public keys; one of their signatures is needed. Empty: none is.
    pub signed_by: Vec<String>,
}

/// Modules of a ConfigMap by their key.
pub type Modules = BTreeMap<String, Module>;

/// The bytes of a module. Its `Debug` shows their number alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Module(pub Arc<[u8]>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicyRef {
    #[error(
        "`{text}` is not a policy reference; hint: write `builtin:NAME`, `file:PATH`, `configmap:KEY` or `oci://REGISTRY/REPOSITORY@sha256:DIGEST`"
    )]
    Unknown { text: String },
    #[error("`{text}` is not pinned; hint: end it with `@sha256:` and the 64 hexadecimal digits of the image's digest")]
    Unpinned { text: String },
}

impl FromStr for PolicyRef {
    type Err = InvalidPolicyRef;
    fn from_str(text: &str) -> Result<Self, InvalidPolicyRef> {
        let unknown = || InvalidPolicyRef::Unknown { text: text.to_owned() };
        match text.split_once(':') {
            Some(("builtin", name)) if name.parse::<StrategyName>().is_ok() => Ok(PolicyRef::Builtin(name.to_owned())),
            Some(("file", path)) if !path.is_empty() && !path.contains('\0') => Ok(PolicyRef::File(path.into())),
            Some(("configmap", key)) if is_config_map_key(key) => Ok(PolicyRef::ConfigMap(key.to_owned())),
            Some(("oci", rest)) => {
                let image = rest.strip_prefix("//").ok_or_else(unknown)?;
                if !image.bytes().all(|byte| byte.is_ascii_graphic()) {
                    return Err(unknown());
                }
                let (name, digest) =
                    image.split_once("@sha256:").ok_or_else(|| InvalidPolicyRef::Unpinned { text: text.to_owned() })?;
                if digest.len() != 64 || !digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                    return Err(InvalidPolicyRef::Unpinned { text: text.to_owned() });
                }
                match name.split_once('/') {
                    Some((registry, repository)) if !registry.is_empty() && !repository.is_empty() => {
                        Ok(PolicyRef::Oci(text.to_owned()))
                    }
                    _ => Err(unknown()),
                }
            }
            _ => Err(unknown()),
        }
    }
}

/// Kubernetes' rule for keys of a ConfigMap.
fn is_config_map_key(key: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !key.is_empty() && key.len() <= 253 && key != "." && key != ".." && key.bytes().all(legal)
}

impl TryFrom<String> for PolicyRef {
    type Error = InvalidPolicyRef;
    fn try_from(text: String) -> Result<Self, InvalidPolicyRef> {
        text.parse()
    }
}

impl From<PolicyRef> for String {
    fn from(policy: PolicyRef) -> String {
        policy.to_string()
    }
}

impl fmt::Display for PolicyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PolicyRef::Builtin(name) => write!(f, "builtin:{name}"),
            PolicyRef::File(path) => write!(f, "file:{}", path.display()),
            PolicyRef::ConfigMap(key) => write!(f, "configmap:{key}"),
            PolicyRef::Oci(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Module({} bytes)", self.0.len())
    }
}
