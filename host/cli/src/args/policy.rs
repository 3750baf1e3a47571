//! `nicety policy ...`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{PolicyKeygen, PolicyPull, PolicyPush, PolicySign, PolicyVerify, Socket};

#[derive(Debug, Subcommand)]
pub enum Policy {
    /// One decision of one policy from a file of facts
    Run(PolicyRun),
    /// Put a component into a registry, as an OCI artifact
    Push(PolicyPush),
    /// Take a component out of a registry
    Pull(PolicyPull),
    /// Sign a component in its registry, as cosign does
    Sign(PolicySign),
    /// Check that a component in a registry is signed by a key
    Verify(PolicyVerify),
    /// Make a pair of keys, to sign and to verify with
    Keygen(PolicyKeygen),
}

#[derive(Debug, Args)]
pub struct PolicyRun {
    /// `builtin:NAME`, the path of a component, or `strategy:NAME` as the running daemon has it
    pub module: String,
    /// JSON: {"kind": "nic-selection", "facts": {...}}; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    pub facts: PathBuf,
    /// JSON of the policy's config [default: {}]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub socket: Socket,
}
