//! How a registry is spoken to.

use std::{path::PathBuf, time::Duration};

use crate::credentials::Credentials;

/// What all acts have in common.
#[derive(Debug, Clone)]
pub struct Options {
    pub credentials: Credentials,
    pub scheme: Scheme,
    /// PEM certificates that are trusted besides the machine's own; of a registry with a private authority.
    pub roots: Option<PathBuf>,
    /// Of the whole act, all its requests together.
    pub deadline: Duration,
    /// The largest module, in bytes.
    pub module_bytes: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            credentials: Credentials::default(),
            scheme: Scheme::default(),
            roots: None,
            deadline: Duration::from_secs(30),
            module_bytes: 64 << 20,
        }
    }
}

/// Whether requests are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheme {
    /// HTTPS, but HTTP to a registry on this machine's loopback, as container tools have it.
    #[default]
    ByHost,
    /// HTTP wherever the registry is. Content is still checked against its digest; credentials and names travel in the open.
    PlainHttp,
    /// HTTPS wherever the registry is.
    Https,
}
