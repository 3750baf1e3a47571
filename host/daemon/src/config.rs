//! What the daemon is started with.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;
use nicety_core::{cluster::tables::TableRange, egress::mark::Mask, ids::NodeName};
pub use nicety_k8s::{mirror::Pace, pods::Annotate};
use nicety_sidecar::Socket;

#[derive(Debug, Clone)]
pub struct Config {
    pub objects: Objects,
    /// File that adds or overrides inventory fields, watched with the folder that holds it.
    pub overlay: Option<PathBuf>,
    /// Sockets and state.
    pub run_dir: PathBuf,
    /// What outlives a reboot and can be made anew: compiled code, pulled modules, the journal.
    pub state_dir: PathBuf,
    /// Credentials for registries, in docker's format; none: the usual places.
    pub registry_credentials: Option<PathBuf>,
    /// This node's name in IPBlock objects.
    pub node: NodeName,
    pub journal: KeptIn,
    /// The folder of plugins that may be run for the pod's own interface; none: no plugin may.
    pub delegates: Option<PathBuf>,
    /// Where networks with routes between nodes get their routing tables from.
    pub route_tables: TableRange,
    /// Where others ask for decisions; none: nowhere.
    pub engine: Option<Socket>,
    /// What this node does about egress gateways; none: nothing, and what it did before is taken back.
    pub egress: Option<Egress>,
}

#[derive(Debug, Clone)]
pub struct Egress {
    /// How gateways are asked whether they live.
    pub probe: nicety_health::Settings,
    /// UDP port on which other nodes' probes are answered; none: no port is opened.
    pub answer: Option<u16>,
    /// Bits of packets' marks that are ours.
    pub mask: Mask,
    /// Of the tunnels, UDP; the same on all nodes.
    pub port: u16,
    /// Where gateways get their routing tables from, one for each number that the mask has.
    pub tables: TableRange,
    /// This node's own, at most one per family; empty: those of its Node object.
    pub addresses: Vec<IpAddr>,
    /// The cluster's own addresses (nodes, pods, services), which no policy captures.
    pub cluster: Vec<IpNet>,
}

/// 4789 is VXLAN's own, which the cluster's network may use.
pub const EGRESS_PORT: u16 = 4790;

impl Default for Egress {
    fn default() -> Egress {
        Egress {
            probe: nicety_health::Settings::default(),
            answer: None,
            mask: Mask::default(),
            port: EGRESS_PORT,
            tables: TableRange::EGRESS,
            addresses: Vec::new(),
            cluster: Vec::new(),
        }
    }
}

/// Where objects come from.
#[derive(Debug, Clone)]
pub enum Objects {
    /// A folder of manifests, watched.
    Folder(PathBuf),
    Kubernetes(Kubernetes),
}

/// A Kubernetes API, and what it is told.
#[derive(Debug, Clone)]
pub struct Kubernetes {
    /// None: the service account of the pod that the daemon runs in.
    pub kubeconfig: Option<PathBuf>,
    /// So long an ADD waits for a pod that the API has not told of yet.
    pub pod_wait: Duration,
    pub annotate: Annotate,
    pub pace: Pace,
}

/// Where decision records go beside the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptIn {
    Memory,
    /// Asked for: a daemon that cannot write there does not start.
    Folder(PathBuf),
    /// The usual place: a daemon that cannot write there says so, and keeps them in memory.
    FolderIfPossible(PathBuf),
}

/// A request that is not answered within this time gets error 11. The plugin binary waits longer, so that it hears the answer.
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(30);

/// Names in the run directory.
pub const CNI_SOCKET: &str = "cni.sock";
pub const ADMIN_SOCKET: &str = "admin.sock";

impl Config {
    /// What was last known of the Kubernetes API.
    pub fn mirror_dir(&self) -> PathBuf {
        self.state_dir.join("mirror")
    }

    /// Who left the cluster with which address.
    pub fn held_dir(&self) -> PathBuf {
        self.state_dir.join("egress")
    }

    pub fn cni_socket(&self) -> PathBuf {
        self.run_dir.join(CNI_SOCKET)
    }

    pub fn admin_socket(&self) -> PathBuf {
        self.run_dir.join(ADMIN_SOCKET)
    }
}
