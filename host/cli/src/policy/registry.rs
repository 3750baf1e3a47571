//! What the commands that speak to a registry share.

use std::{env, path::Path, time::Duration};

use nicety_engine::CompileLimits;
use nicety_oci::{Credentials, Options, Scheme};

use crate::args::Registry;

pub fn options(arguments: &Registry) -> Options {
    let Registry { credentials, ca, plain_http, timeout, json: _ } = arguments;
    Options {
        credentials: credentials.clone().map_or(Credentials::DockerConfig, Credentials::File),
        scheme: match (plain_http, ca) {
            (true, _) => Scheme::PlainHttp,
            (false, Some(_)) => Scheme::Https,
            (false, None) => Scheme::ByHost,
        },
        roots: ca.clone(),
        deadline: Duration::from_secs(*timeout),
        module_bytes: CompileLimits::default().input_bytes,
    }
}

/// The password of cosign's keys, where cosign looks for it as well.
pub fn password() -> Option<String> {
    env::var("COSIGN_PASSWORD").ok()
}

/// `policy` and `key` to `policy.key`; a prefix may have dots of its own.
pub fn suffixed(prefix: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = prefix.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}
