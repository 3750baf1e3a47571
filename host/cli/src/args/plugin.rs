//! Arguments of `kubectl nicety`: this program under the name `kubectl-nicety`.

use clap::{Args, Parser, Subcommand};

use super::EgressChange;

/// Nicety in the cluster that kubectl talks to.
#[derive(Debug, Parser)]
#[command(name = "kubectl nicety", version, disable_help_subcommand = true)]
pub struct Plugin {
    #[command(flatten)]
    pub cluster: Cluster,
    #[command(subcommand)]
    pub command: PluginCommand,
}

/// Handed on to kubectl.
#[derive(Debug, Default, Args)]
pub struct Cluster {
    /// As kubectl takes it
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<String>,
    /// As kubectl takes it
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// Namespace of pods that are named without one [default: the context's]
    #[arg(long, short, global = true, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// Where Nicety runs
    #[arg(long, global = true, value_name = "NAMESPACE", default_value = "nicety-system")]
    pub system_namespace: String,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// Whether daemons, controllers, networks and strategies are as they should be; 3 when not
    Status,
    /// Why a pod got the network cards that it has; asks the daemon of its node
    Explain(PluginExplain),
    /// Nodes: daemon, NICs, networks that are ready, strategies
    Nodes,
    /// Networks: what they are, blocks, nodes that are ready
    Networks,
    /// Who leaves the cluster by which gateway, and which gateways do not answer
    Egress(PluginEgress),
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct PluginEgress {
    /// Of this policy alone
    #[arg(long, value_name = "NAME")]
    pub policy: Option<String>,
    #[command(subcommand)]
    pub command: Option<PluginEgressCommand>,
}

/// Computed here, as the controller does it, of objects that are listed with your rights; nothing is written.
#[derive(Debug, Subcommand)]
pub enum PluginEgressCommand {
    /// Whom a change would move, without making it; 3 where a pod would lose its gateway, more would be captured without one, or nothing would be decided
    Plan(EgressChange),
    /// The assignment of a policy as a picture, SVG
    Picture(PluginPicture),
}

#[derive(Debug, Args)]
pub struct PluginPicture {
    #[arg(value_name = "POLICY")]
    pub policy: String,
}

#[derive(Debug, Args)]
pub struct PluginExplain {
    /// POD or NAMESPACE/POD
    pub pod: String,
    /// Also what the daemon has let go
    #[arg(long)]
    pub history: bool,
}
