//! What the daemon is started with.

use std::{path::PathBuf, time::Duration};

use nicety_core::{cluster::tables::TableRange, ids::NodeName};
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

    pub fn cni_socket(&self) -> PathBuf {
        self.run_dir.join(CNI_SOCKET)
    }

    pub fn admin_socket(&self) -> PathBuf {
        self.run_dir.join(ADMIN_SOCKET)
    }
}
