//! Who the API server is and how it is spoken to. Making a client asks nothing of the server: a process that starts while the API is
//! away starts all the same.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

/// A server that does not take a connection in this time is away.
const CONNECT: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("cannot use kubeconfig `{}`", .file.display())]
    Kubeconfig { file: PathBuf, source: kube::config::KubeconfigError },
    #[error(
        "this process does not run in a pod with a service account; hint: name a kubeconfig with `--kubeconfig FILE`"
    )]
    InCluster(#[source] kube::config::InClusterError),
    #[error("cannot make a client of the Kubernetes API")]
    Client(#[source] kube::Error),
}

/// By a kubeconfig file, else by the service account of the pod that this process runs in. Needs a tokio runtime.
pub async fn connect(kubeconfig: Option<&Path>) -> Result<Client, ConnectError> {
    // Another part of the process may have chosen the same one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = match kubeconfig {
        Some(file) => {
            let named = |source| ConnectError::Kubeconfig { file: file.to_owned(), source };
            let kubeconfig = Kubeconfig::read_from(file).map_err(named)?;
            let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
            config.map_err(named)?
        }
        None => Config::incluster().map_err(ConnectError::InCluster)?,
    };
    config.connect_timeout = Some(CONNECT);
    // Whoever asks has waits of its own, which grow: these would multiply them in a storm.
    config.default_retry = false;
    Client::try_from(config).map_err(ConnectError::Client)
}
