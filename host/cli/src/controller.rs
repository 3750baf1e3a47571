//! `nicety controller`: the cluster's side, where Kubernetes runs it.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context;
use nicety_controller::{
    Config,
    egress::{self, Deciding, Settling, Trial},
};
use nicety_core::finding::Finding;
use nicety_deciding::{Job, Policies, Shadows, State, chain};
use nicety_engine::EngineConfig;
use nicety_objects::Strategies;
use nicety_strategies::StrategySet;

use crate::{
    args::Controller,
    daemon::{Json, host_name, logs},
};

pub fn run(arguments: Controller) -> anyhow::Result<()> {
    let Controller {
        kubeconfig,
        namespace,
        lease,
        identity,
        metrics,
        cluster_cidrs,
        egress_settle,
        audit,
        state_dir,
        registry_credentials,
        log_json,
    } = arguments;
    logs(log_json.then_some(Json));
    let identity = match identity {
        Some(identity) => identity,
        // Two on one machine are two.
        None => format!("{}-{}", host_name()?, std::process::id()),
    };
    let state = State { folder: state_dir, registry_credentials };
    let pause = Duration::from_millis(egress_settle);
    let egress = egress::Config {
        cluster_cidrs,
        settling: Settling { pause, longest: pause * 10, ..Settling::default() },
        audit,
        ..egress::Config::new(Arc::new(Sandboxed::new(state)?))
    };
    let config = Config { kubeconfig, namespace, lease, identity, metrics, egress: Some(egress), ..Config::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.context("cannot start")?.block_on(nicety_controller::run(config))
}

/// Strategies in sandboxes. The engine is opened with the first egress policy: a cluster without any needs none.
pub struct Sandboxed {
    state: State,
    policies: Mutex<Option<Policies>>,
    shadows: Shadows,
}

impl Sandboxed {
    pub fn new(state: State) -> anyhow::Result<Sandboxed> {
        let shadows = Shadows::start().context("cannot start the thread for shadow runs")?;
        Ok(Sandboxed { state, policies: Mutex::default(), shadows })
    }
}

impl Deciding for Sandboxed {
    fn build(&self, document: &Strategies) -> Result<StrategySet, Vec<Finding>> {
        let mut opened = self.policies.lock().unwrap_or_else(PoisonError::into_inner);
        let policies = match opened.take() {
            Some(policies) => policies,
            None => {
                let engine = EngineConfig::for_distributions();
                Policies::open(engine, &self.state).map_err(|error| vec![Finding::new("", chain(&error))])?
            }
        };
        let policies = opened.insert(policies);
        // What a document names beside it stands in the ConfigMap; a file would be one of this container.
        let built = policies.build(document, Path::new("/"))?;
        policies.keep_only(&built.modules);
        Ok(built.set)
    }

    fn try_out(&self, trial: Trial) -> bool {
        let Trial { policy, shadowed, tell } = trial;
        self.shadows.offer(Job { shadowed, about: policy, keep: tell })
    }
}
