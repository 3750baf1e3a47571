//! `nicety daemon`.

use std::{path::Path, time::Duration};

use anyhow::Context;
use nicety_core::ids::NodeName;
use nicety_daemon::config::{Annotate, Config, KeptIn, Kubernetes, Objects, Pace};
use tracing_subscriber::EnvFilter;

use crate::args::{Daemon, RUN_DIR};

/// What outlives a reboot, of a daemon with the usual run directory; another one keeps it inside its own.
const STATE_DIR: &str = "/var/lib/nicety";

pub fn run(arguments: Daemon) -> anyhow::Result<()> {
    let Daemon {
        manifests,
        kubernetes: _,
        kubeconfig,
        pod_wait,
        networks_status,
        inventory_overlay,
        run_dir,
        state_dir,
        registry_credentials,
        node,
        journal,
        no_journal,
        delegates,
        route_tables,
        engine_listen,
        egress,
        log_json,
    } = arguments;
    logs(log_json.then_some(Json));
    let node = match node {
        Some(name) => name,
        None => host_name()?,
    };
    let node: NodeName = node.parse().context("hint: name the node with `--node NAME`")?;
    let state_dir = state_dir.unwrap_or_else(|| match run_dir == Path::new(RUN_DIR) {
        true => STATE_DIR.into(),
        false => run_dir.join("state"),
    });
    let journal = match journal {
        _ if no_journal => KeptIn::Memory,
        Some(folder) => KeptIn::Folder(folder),
        None => KeptIn::FolderIfPossible(state_dir.join("journal")),
    };
    let objects = match manifests {
        Some(folder) => Objects::Folder(folder),
        None => Objects::Kubernetes(Kubernetes {
            kubeconfig,
            pod_wait: Duration::from_secs(pod_wait),
            annotate: if networks_status { Annotate::Both } else { Annotate::NetworkStatus },
            pace: Pace::default(),
        }),
    };
    nicety_daemon::run(Config {
        objects,
        overlay: inventory_overlay,
        run_dir,
        state_dir,
        registry_credentials,
        node,
        journal,
        delegates,
        route_tables,
        engine: engine_listen,
        egress: egress.config(),
    })
}

/// Logs as JSON.
pub struct Json;

/// Logs to standard error, as text unless asked otherwise.
pub fn logs(json: Option<Json>) {
    // What the client of the Kubernetes API meets it returns, and its callers tell.
    let filter = EnvFilter::try_from_env("NICETY_LOG").unwrap_or_else(|_| EnvFilter::new("info,kube_client=off"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    match json {
        Some(Json) => logs.json().init(),
        None => logs.with_ansi(false).init(),
    }
}

pub fn host_name() -> anyhow::Result<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").context("cannot read the host name")?;
    Ok(name.trim().to_owned())
}
