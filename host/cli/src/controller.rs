//! `nicety controller`: the cluster's side, where Kubernetes runs it.

use anyhow::Context;
use nicety_controller::Config;

use crate::{
    args::Controller,
    daemon::{Json, host_name, logs},
};

pub fn run(arguments: Controller) -> anyhow::Result<()> {
    let Controller { kubeconfig, namespace, lease, identity, metrics, log_json } = arguments;
    logs(log_json.then_some(Json));
    let identity = match identity {
        Some(identity) => identity,
        // Two on one machine are two.
        None => format!("{}-{}", host_name()?, std::process::id()),
    };
    let config = Config { kubeconfig, namespace, lease, identity, metrics, ..Config::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.context("cannot start")?.block_on(nicety_controller::run(config))
}
