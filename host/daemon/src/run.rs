//! Start to end of the daemon.

use std::{fs::DirBuilder, os::unix::fs::DirBuilderExt, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use nicety_core::finding::Finding;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use crate::{
    admin, cluster,
    config::{Config, Objects},
    egress, inventory,
    node::Node,
    peers, recover, reload, serve, sidecar,
};

const TOMBSTONES_EVERY: Duration = Duration::from_secs(30);

/// Serves until SIGTERM or SIGINT; running calls end first. `Err` with all findings when the manifests cannot be used.
pub fn run(config: Config) -> anyhow::Result<()> {
    let run_dir = config.run_dir.clone();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&run_dir)
        .with_context(|| format!("cannot make `{}`", run_dir.display()))?;
    let node = match Node::new(config)? {
        Ok(node) => Arc::new(node),
        Err(findings) => bail!(
            "the manifests cannot be used:\n  {}",
            findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n  ")
        ),
    };
    recover::unfinished(&node.store);
    // Calls block on netlink and the store, so they run on the blocking pool; two workers carry the rest.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).max_blocking_threads(64).enable_all().build()?;
    runtime.block_on(until_stopped(node))
}

async fn until_stopped(node: Arc<Node>) -> anyhow::Result<()> {
    let changes = nicety_kernel::watch::watch()?;
    let (cni, admin_socket) = (node.config.cni_socket(), node.config.admin_socket());
    let plugin = serve::listen(&cni).with_context(|| format!("cannot listen on `{}`", cni.display()))?;
    let admin =
        serve::listen(&admin_socket).with_context(|| format!("cannot listen on `{}`", admin_socket.display()))?;
    let engine = node.config.engine.as_ref().map(|socket| {
        let listener = nicety_sidecar::listen(socket);
        listener.with_context(|| format!("cannot listen on `{}`", socket.path.display()))
    });
    let engine = engine.transpose()?;
    let client = match &node.config.objects {
        Objects::Folder(_) => None,
        Objects::Kubernetes(kubernetes) => Some(nicety_k8s::connect(kubernetes.kubeconfig.as_deref()).await?),
    };
    let replaying = node.clone();
    tokio::task::spawn_blocking(move || recover::tombstones(&replaying.store, &replaying.config.cni_socket())).await?;
    let mut background = tokio::task::JoinSet::new();
    background.spawn(named("objects are no longer watched", reload::watch(node.clone())));
    if let Some(client) = client {
        background.spawn(cluster::run(node.clone(), client));
    }
    background.spawn(named("NICs are no longer followed", inventory::follow(node.clone(), changes)));
    background.spawn(admin::serve(node.clone(), admin));
    background.spawn(unheard(node.clone()));
    background.spawn(peers::keep(node.clone()));
    background.spawn(egress::keep(node.clone()));
    background.spawn(egress::follow::follow(node.clone()));
    if let Some(listener) = engine {
        background.spawn(sidecar::serve(node.clone(), listener));
    }
    info!(node = %node.config.node, generation = node.world().generation, socket = %cni.display(), "serving");
    serve::serve(node.clone(), plugin, stopped()).await;
    background.shutdown().await;
    node.store.flush()?;
    node.source.cluster().into_iter().for_each(|cluster| cluster.mirror.save());
    info!("stopped");
    Ok(())
}

/// A DEL that got no answer in time leaves a tombstone too; its runtime may never call again.
async fn unheard(node: Arc<Node>) {
    loop {
        tokio::time::sleep(TOMBSTONES_EVERY).await;
        let replaying = node.clone();
        if let Err(panic) =
            tokio::task::spawn_blocking(move || recover::tombstones(&replaying.store, &replaying.config.cni_socket()))
                .await
        {
            warn!(%panic, "replaying tombstones ended in a panic");
        }
    }
}

async fn stopped() {
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    if let (Ok(mut terminate), Ok(mut interrupt)) = signals {
        // Both arms are cancel-safe: a signal that is not taken here ends the process all the same.
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

async fn named<E: std::error::Error>(what: &'static str, task: impl Future<Output = Result<(), E>>) {
    if let Err(error) = task.await {
        warn!(%error, what);
    }
}
