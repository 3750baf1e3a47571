//! `nicety policy push`, `pull`, `sign`, `verify` and `keygen`.

use std::path::PathBuf;

use clap::Args;

use nicety_oci::Reference;

/// How the registry is spoken to.
#[derive(Debug, Args)]
pub struct Registry {
    /// A docker configuration with the registry's credentials, such as the `.dockerconfigjson` of an image pull secret
    /// [default: $DOCKER_CONFIG/config.json, else ~/.docker/config.json]
    #[arg(long, value_name = "FILE")]
    pub credentials: Option<PathBuf>,
    /// PEM certificates to trust besides the machine's own
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Speak HTTP, not HTTPS; a registry on localhost is spoken to so anyway, unless `--ca` is given
    #[arg(long, conflicts_with = "ca")]
    pub plain_http: bool,
    /// Of all requests together
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct PolicyPush {
    /// `builtin:NAME` or the path of a component
    pub module: String,
    /// oci://REGISTRY/REPOSITORY:TAG
    pub reference: Reference,
    #[command(flatten)]
    pub registry: Registry,
}

#[derive(Debug, Args)]
pub struct PolicyPull {
    /// oci://REGISTRY/REPOSITORY with `:TAG` or `@sha256:HEX`
    pub reference: Reference,
    /// Where the component goes; `-` is standard output [default: the last part of the repository, with `.wasm`]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub registry: Registry,
}

#[derive(Debug, Args)]
pub struct PolicySign {
    /// oci://REGISTRY/REPOSITORY@sha256:HEX as `push` printed it; a tag is taken for what it names now
    pub reference: Reference,
    /// Private key: PKCS#8 PEM, or cosign's, whose password is in $COSIGN_PASSWORD
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    #[command(flatten)]
    pub registry: Registry,
}

#[derive(Debug, Args)]
pub struct PolicyVerify {
    /// oci://REGISTRY/REPOSITORY with `:TAG` or `@sha256:HEX`
    pub reference: Reference,
    /// Public keys, PEM; a signature by one of them is enough
    #[arg(long, value_name = "FILE", required = true)]
    pub key: Vec<PathBuf>,
    #[command(flatten)]
    pub registry: Registry,
}

#[derive(Debug, Args)]
pub struct PolicyKeygen {
    /// Writes PREFIX.key and PREFIX.pub
    #[arg(value_name = "PREFIX", default_value = "policy")]
    pub prefix: PathBuf,
}
