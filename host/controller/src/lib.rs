//! The cluster's side: an imperative shell around `nicety_core::cluster`, as the daemon is one around decisions. It watches, lets the
//! core compute what should be there, and writes the difference.

pub mod egress;
pub mod force;
pub mod items;
pub mod look;
pub mod metrics;
pub mod nics;
pub mod patience;
pub mod promises;
pub mod run;
pub mod serve;
pub mod snapshot;
pub mod taints;
pub mod world;
pub mod write;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use nicety_k8s::{
    Writer, connect,
    lease::{self, Election, Role},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tracing::info;

use egress::{brain::Brain, run::Egress, world::EgressWorld};
use look::Settings;
pub use look::Taints;
use metrics::Metrics;
use run::Controller;
use world::World;

/// As the objects' managed fields name this program.
pub const FIELD_MANAGER: &str = "nicety-controller";

#[derive(Debug, Clone)]
pub struct Config {
    /// None: the service account of the pod.
    pub kubeconfig: Option<PathBuf>,
    /// Where the lease is.
    pub namespace: String,
    pub lease: String,
    /// Who this replica is among its like: the name of its pod.
    pub identity: String,
    /// `/healthz`, `/readyz`, `/metrics`. None: not served.
    pub metrics: Option<SocketAddr>,
    pub taints: Taints,
    /// Where the SR-IOV network operator looks for its objects.
    pub sriov_namespace: String,
    /// Writes at once, and in a second.
    pub lanes: usize,
    pub per_second: u32,
    /// How long a NIC must be gone before its block goes.
    pub grace: Duration,
    /// None: egress policies are left alone.
    pub egress: Option<egress::Config>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            kubeconfig: None,
            namespace: "nicety-system".to_owned(),
            lease: "nicety-controller".to_owned(),
            identity: "nicety-controller".to_owned(),
            metrics: None,
            taints: Taints::Written,
            sriov_namespace: "openshift-sriov-network-operator".to_owned(),
            lanes: 32,
            per_second: 400,
            grace: Duration::from_secs(300),
            egress: None,
        }
    }
}

/// Works until SIGTERM or SIGINT, then gives the lease back.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let end = async {
        // Either arm may be dropped: the process ends.
        tokio::select! { _ = terminate.recv() => (), _ = interrupt.recv() => () }
    };
    run_until(config, end).await
}

/// Works until `end`.
pub async fn run_until(config: Config, end: impl Future<Output = ()>) -> anyhow::Result<()> {
    let Config {
        kubeconfig,
        namespace,
        lease,
        identity,
        metrics: address,
        taints,
        sriov_namespace,
        lanes,
        per_second,
        grace,
        egress,
    } = config;
    let client = connect(kubeconfig.as_deref()).await?;
    let (world, metrics) = (World::new(), Arc::new(Metrics::new()));
    let mut tasks = world.follow(&client);
    if let Some(address) = address {
        let listener = serve::listen(address).await.with_context(|| format!("cannot listen on `{address}`"))?;
        info!(address = %listener.local_addr().unwrap_or(address), "metrics are served");
        tasks.spawn(serve::serve(listener, world.clone(), metrics.clone()));
    }
    let strategies = namespace.clone();
    let election = Election { namespace, name: lease, identity };
    let (says, role) = watch::channel(Role::Standby);
    tasks.spawn(lease::run(client.clone(), election.clone(), says));
    let (mut told, counted) = (role.clone(), metrics.clone());
    tasks.spawn(async move {
        while told.changed().await.is_ok() {
            counted.lead(*told.borrow_and_update() == Role::Leader);
        }
    });
    let settings = Settings {
        grace,
        daemon_grace: Duration::from_secs(2),
        settle: Duration::from_secs(1),
        taints,
        sriov_namespace,
    };
    let writer = Writer::new(client.clone(), FIELD_MANAGER, lanes, per_second);
    if let Some(config) = egress {
        let world = EgressWorld::new(world.clone());
        world.follow(&client, &strategies, &mut tasks);
        let (settling, brain) = (config.settling, Brain::new(config));
        let (writer, role, metrics) = (writer.clone(), role.clone(), metrics.egress());
        tasks.spawn(Egress { world, writer, role, metrics, settling, brain }.run());
    }
    tasks.spawn(Controller { world, writer, settings, role, metrics }.run());
    // A task ends only by a panic; then this replica must not stay the leader.
    let ended = tokio::select! {
        () = end => Ok(()),
        Some(ended) = tasks.join_next() => Err(anyhow::anyhow!("a part of the controller ended: {ended:?}")),
    };
    tasks.shutdown().await;
    lease::release(client, &election).await;
    ended
}
