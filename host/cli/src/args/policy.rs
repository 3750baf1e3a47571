//! `nicety policy ...`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{
    PolicyBench, PolicyBuild, PolicyCheck, PolicyInspect, PolicyKeygen, PolicyNew, PolicyPull, PolicyPush,
    PolicySchema, PolicySign, PolicyTest, PolicyVerify, Socket,
};

#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Make a folder to start from: a small policy that works, its tests, the SDK and the contract
    New(PolicyNew),
    /// Build the component of a policy's folder: DIR/NAME.wasm
    Build(PolicyBuild),
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
    /// What another policy would have changed in the decisions of a journal
    ///
    /// Every recorded decision of the module's kind is made anew, on its recorded facts and with its recorded config, and compared.
    /// Exit codes: 0 all the same, 3 something is not, 1 there was nothing to compare or it could not be.
    Replay(PolicyReplay),
    /// How candidates in shadow compare with what decides
    Shadow(Socket),
    /// Load a module as the daemon would, and say everything that is against it at once
    Check(PolicyCheck),
    /// Hold a module to a folder of golden cases
    Test(PolicyTest),
    /// What a decision takes: time, fuel, memory
    Bench(PolicyBench),
    /// What a module says of itself: name, kind, imports, exports, digest, size, limits
    Inspect(PolicyInspect),
    /// JSON Schema of a policy's config, or of facts, decisions and strategies.yaml
    Schema(PolicySchema),
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

#[derive(Debug, Args)]
pub struct PolicyReplay {
    /// A journal: the daemon's folder, or a file of it
    pub journal: PathBuf,
    /// `builtin:NAME` or the path of a component
    #[arg(long, value_name = "MODULE")]
    pub with: String,
    /// JSON of the config to decide with, instead of the recorded ones
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Only decisions that this strategy made
    #[arg(long, value_name = "NAME")]
    pub strategy: Option<String>,
    /// Only decisions for this pod
    #[arg(long, value_name = "NAMESPACE/POD")]
    pub pod: Option<String>,
    /// So many differences are shown; all are counted
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
