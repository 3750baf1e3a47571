//! `nicety policy ...`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Socket;

#[derive(Debug, Subcommand)]
pub enum Policy {
    /// One decision of one policy from a file of facts
    Run(PolicyRun),
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
