//! Arguments of `nicety install` and `nicety uninstall`.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use nicety_core::cluster::tables::TableRange;

/// The name that sorts before those of other plugins: a runtime takes the first.
const CONFLIST: &str = "05-nicety.conflist";

#[derive(Debug, Args)]
pub struct Install {
    /// Where the runtime looks for plugins
    #[arg(long, value_name = "DIR")]
    pub cni_bin_dir: PathBuf,
    /// Where the runtime looks for network configurations [default: none is written]
    #[arg(long, value_name = "DIR")]
    pub cni_conf_dir: Option<PathBuf>,
    /// The plugin binary to install [default: `nicety-shim` beside this program]
    #[arg(long, value_name = "FILE")]
    pub shim: Option<PathBuf>,
    #[command(flatten)]
    pub conflist: Conflist,
    /// Write the configuration only when the daemon answers, and wait so long for it, in seconds [default: do not ask]
    #[arg(long, value_name = "SECONDS", value_parser = seconds, requires = "cni_conf_dir")]
    pub wait: Option<Duration>,
}

/// What stands in the network configuration.
#[derive(Debug, Args)]
pub struct Conflist {
    /// Name of its file
    #[arg(long, value_name = "FILE", default_value = CONFLIST)]
    pub conflist_name: String,
    /// Name of the CNI network
    #[arg(long, value_name = "NAME", default_value = "nicety")]
    pub name: String,
    /// Network of the pods' own interface
    #[arg(long, value_name = "NETWORK", conflicts_with = "delegate")]
    pub network: Option<String>,
    /// Network configuration of the plugins that make the pods' own interface instead of us: a file with `type` or `plugins`
    #[arg(long, value_name = "FILE")]
    pub delegate: Option<PathBuf>,
    /// The daemon's socket
    #[arg(long, value_name = "SOCKET", default_value = nicety_cni::netconf::DEFAULT_SOCKET)]
    pub socket: PathBuf,
}

#[derive(Debug, Args)]
pub struct Uninstall {
    /// Where the plugin was installed
    #[arg(long, value_name = "DIR")]
    pub cni_bin_dir: PathBuf,
    /// Where its network configuration was written
    #[arg(long, value_name = "DIR")]
    pub cni_conf_dir: Option<PathBuf>,
    /// Name of its file
    #[arg(long, value_name = "FILE", default_value = CONFLIST)]
    pub conflist_name: String,
    /// Where the daemon's sockets and state are
    #[arg(long, value_name = "DIR", default_value = super::RUN_DIR)]
    pub run_dir: PathBuf,
    /// As the daemon had them
    #[arg(long, value_name = "FIRST-LAST", default_value_t = TableRange::default())]
    pub route_tables: TableRange,
    /// Wait so long for the daemon to stop and for the last pod to go, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "0")]
    pub wait: Duration,
    /// Take the interfaces of pods away that are there still
    #[arg(long)]
    pub force: bool,
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    Ok(Duration::from_secs(text.parse::<u32>()?.into()))
}
