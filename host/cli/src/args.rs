//! The command line, as types.

mod author;
mod authoring;
mod convert;
mod egress;
mod install;
mod plugin;
mod policy;
mod registry;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use nicety_core::cluster::tables::TableRange;

pub use authoring::{PolicyBuild, PolicyNew};
pub use convert::{Convert, ReportForm};
pub use egress::{Egress, EgressChange, EgressHeld, EgressOptions, EgressPicture, EgressPlan, EgressShow, EgressTrace};
pub use install::{Conflist, Install, Uninstall};
pub use plugin::{Cluster, Plugin, PluginCommand, PluginEgress, PluginEgressCommand, PluginExplain};
pub use policy::{Policy, PolicyReplay, PolicyRun};
pub use registry::{PolicyKeygen, PolicyPull, PolicyPush, PolicySign, PolicyVerify, Registry};

/// Where a daemon lives that was not told otherwise.
pub const RUN_DIR: &str = "/run/nicety";
pub use author::{Form, Module, PolicyBench, PolicyCheck, PolicyInspect, PolicySchema, PolicyTest};

/// What the exit code says, of all commands.
const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  it failed; the message says why and what to do
  2  the command line is wrong
  3  the answer is no: a policy denied, failed or was refused in review, a module has findings, a case does not hold,
     a replay differs, a signature does not verify";

/// The same, of `nicety egress ...`.
const EGRESS_EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  it failed, or the answer is not known; the message says why and what to do
  2  the command line is wrong
  3  the answer is no: `plan`: a pod would lose its gateway, more pods than now would be captured without one, or nothing
     would be decided; `trace`: the packet would be dropped; `show --pod`: no policy captures the pod; `held`: nobody
     held the address then";

/// Decides which network cards a pod gets, by sandboxed policies.
#[derive(Debug, Parser)]
#[command(name = "nicety", version, disable_help_subcommand = true, after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve this node's container runtime
    Daemon(Daemon),
    /// Keep a cluster's blocks, definitions and readiness
    Controller(Controller),
    /// Put the plugin, and the network configuration that leads to it, where this node's runtime looks
    Install(Install),
    /// Leave this node as it was, and take plugin and configuration away
    Uninstall(Uninstall),
    /// Lay two nodes in namespaces, attach pods, prove reachability, take everything back
    Demo(Demo),
    /// What the daemon holds and in which condition it is
    Status(Status),
    /// Why a pod got the network cards that it has
    Explain(Explain),
    /// Run and look at policies
    #[command(subcommand, after_help = EXIT_CODES)]
    Policy(Policy),
    /// Who leaves the cluster by which gateway, what would change, what was
    #[command(subcommand, after_help = EGRESS_EXIT_CODES)]
    Egress(Egress),
    /// Make objects of ours of other systems' manifests
    Convert(Convert),
    /// Print what a shell needs to complete this command line
    Completions(Completions),
    /// A daemon of the demo, in the namespace of its node
    #[command(hide = true)]
    DemoNode(DemoNode),
    /// Decide over a local socket, for whoever keeps its own plumbing
    Engine(Engine),
}

#[derive(Debug, Args)]
pub struct Controller {
    /// How to reach the API server; without it as a pod does, by its service account
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Where the lease is that says who leads
    #[arg(long, value_name = "NAME", default_value = "nicety-system")]
    pub namespace: String,
    /// Name of the lease
    #[arg(long, value_name = "NAME", default_value = "nicety-controller")]
    pub lease: String,
    /// Who this replica is among its like; without it the host's name and the process
    #[arg(long, value_name = "NAME")]
    pub identity: Option<String>,
    /// Serve `/healthz`, `/readyz` and `/metrics` here: `127.0.0.1:9808`
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics: Option<std::net::SocketAddr>,
    /// A range of the cluster's own addresses, to which no egress policy applies; may be given again. What nodes show of theirs and of
    /// their pods' is added
    #[arg(long = "cluster-cidr", value_name = "CIDR")]
    pub cluster_cidrs: Vec<ipnet::IpNet>,
    /// Between two distributions of gateways at least; in a flood of changes it grows to ten times as much
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub egress_settle: u64,
    /// Write which pods held which egress addresses into this folder: at most 1 GiB
    #[arg(long, value_name = "DIR")]
    pub audit: Option<PathBuf>,
    /// What outlives a restart: compiled code, pulled modules [default: nothing does]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Credentials for registries, in docker's format [default: $DOCKER_CONFIG/config.json or ~/.docker/config.json]
    #[arg(long, value_name = "FILE")]
    pub registry_credentials: Option<PathBuf>,
    /// Log as JSON
    #[arg(long)]
    pub log_json: bool,
}

#[derive(Debug, Args)]
pub struct Daemon {
    /// Folder of manifests: every kind of ours (Network, IPBlock, DeviceClass, HostInterface, PodNetwork, PodNetworkAttachment,
    /// EgressPolicy, EgressGateway), Node, Pod and Namespace for egress, and strategies.yaml
    #[arg(long, value_name = "DIR", required_unless_present = "kubernetes")]
    pub manifests: Option<PathBuf>,
    /// Take objects and strategies from the Kubernetes API, and tell it what this node does
    #[arg(long, conflicts_with = "manifests", requires = "node")]
    pub kubernetes: bool,
    /// How to reach the Kubernetes API [default: the service account of the daemon's own pod]
    #[arg(long, value_name = "FILE", requires = "kubernetes")]
    pub kubeconfig: Option<PathBuf>,
    /// How long an ADD waits for a pod that the API has not told of yet, before it answers `try again later`
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(0..=15))]
    pub pod_wait: u64,
    /// Write the pods' annotation `networks-status` too, beside `network-status`
    #[arg(long, requires = "kubernetes")]
    pub networks_status: bool,
    /// File that adds or overrides facts about this node's NICs and devices
    #[arg(long, value_name = "FILE")]
    pub inventory_overlay: Option<PathBuf>,
    /// Where sockets and state live; a tmpfs, so that state ends with the reboot that ends the pods
    #[arg(long, value_name = "DIR", default_value = RUN_DIR)]
    pub run_dir: PathBuf,
    /// What outlives a reboot: compiled code, pulled modules, the journal [default: /var/lib/nicety, or `state` in a run directory of your own]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Credentials for registries, in docker's format [default: $DOCKER_CONFIG/config.json or ~/.docker/config.json]
    #[arg(long, value_name = "FILE")]
    pub registry_credentials: Option<PathBuf>,
    /// This node's name in IPBlock objects [default: the host name]
    #[arg(long, value_name = "NAME")]
    pub node: Option<String>,
    /// Folder of the journal of decisions [default: `journal` in the state directory]
    #[arg(long, value_name = "DIR")]
    pub journal: Option<PathBuf>,
    /// Keep decisions in memory and in the run directory alone
    #[arg(long, conflicts_with = "journal")]
    pub no_journal: bool,
    /// Folder of plugins that network configurations may name as `delegate`; it and its files belong to root [default: none may be]
    #[arg(long, value_name = "DIR")]
    pub delegates: Option<PathBuf>,
    /// Numbers that networks with routes between nodes get their routing tables from
    #[arg(long, value_name = "FIRST-LAST", default_value_t = TableRange::default())]
    pub route_tables: TableRange,
    /// Where to decide for others, as `nicety engine` does: unix:PATH [default: nowhere]
    #[arg(long, value_name = "unix:PATH")]
    pub engine_listen: Option<nicety_sidecar::Socket>,
    #[command(flatten)]
    pub egress: EgressOptions,
    /// Logs as JSON, one object per line
    #[arg(long)]
    pub log_json: bool,
}

#[derive(Debug, Args)]
pub struct Demo {
    /// Leave everything standing, with instructions to look inside
    #[arg(long)]
    pub keep: bool,
    /// Print one JSON document instead of tables
    #[arg(long)]
    pub json: bool,
    /// The plugin binary to install [default: `nicety-shim` beside this program]
    #[arg(long, value_name = "FILE")]
    pub shim: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Completions {
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub struct DemoNode {
    #[arg(long)]
    pub netns: PathBuf,
    #[command(flatten)]
    pub daemon: Daemon,
}

/// Where the daemon listens.
#[derive(Debug, Args)]
pub struct Socket {
    /// The daemon's admin socket
    #[arg(long, value_name = "PATH", default_value = "/run/nicety/admin.sock")]
    pub socket: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Status {
    #[command(flatten)]
    pub socket: Socket,
}

#[derive(Debug, Args)]
pub struct Explain {
    /// A container ID (or its beginning), or NAMESPACE/POD
    #[arg(value_name = "CONTAINER|NAMESPACE/POD")]
    pub of: String,
    /// Also what the daemon has let go, from its journal; the last 16 ADDs
    #[arg(long)]
    pub history: bool,
    /// Ask no daemon: read this journal, a folder or a file
    #[arg(long, value_name = "PATH")]
    pub journal: Option<PathBuf>,
    #[command(flatten)]
    pub socket: Socket,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Engine {
    #[command(subcommand)]
    pub command: Option<EngineCommand>,
    #[command(flatten)]
    pub options: Option<EngineOptions>,
}

#[derive(Debug, Subcommand)]
pub enum EngineCommand {
    /// Read a component from standard input, write machine code to standard output
    #[command(hide = true)]
    Compile,
}

#[derive(Debug, Args)]
pub struct EngineOptions {
    /// Strategies document; followed while it changes
    #[arg(long, value_name = "FILE")]
    pub strategies: PathBuf,
    /// Where to listen: unix:PATH
    #[arg(long, value_name = "unix:PATH")]
    pub listen: nicety_sidecar::Socket,
    /// Mode of the socket's file, in octal digits
    #[arg(long, value_name = "MODE", default_value = "600", value_parser = mode)]
    pub mode: u32,
    /// A user besides root and this process's own that may connect; repeatable
    #[arg(long, value_name = "UID")]
    pub allow_uid: Vec<u32>,
    /// Decisions at once; more are answered 503
    #[arg(long, value_name = "NUMBER", default_value = "16", value_parser = clap::value_parser!(u16).range(1..))]
    pub concurrent: u16,
    /// Folder in which decisions are journalled [default: they are remembered in memory alone]
    #[arg(long, value_name = "DIR")]
    pub journal: Option<PathBuf>,
    /// What outlives a restart: compiled code, pulled modules [default: nothing does]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Credentials for registries, in docker's format [default: $DOCKER_CONFIG/config.json or ~/.docker/config.json]
    #[arg(long, value_name = "FILE")]
    pub registry_credentials: Option<PathBuf>,
    /// Logs as JSON, one object per line
    #[arg(long)]
    pub log_json: bool,
}

fn mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("write it as `chmod` does: `600`, `660`".to_owned()),
    }
}
