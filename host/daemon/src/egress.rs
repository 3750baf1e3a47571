//! This node's part in egress gateways: watches who lives, keeps the kernel as the assignment says, holds new pods until they have
//! one, and tells what it sees. Nothing here waits for the API or the controller: a gateway that dies is left at once.

pub mod capture;
pub mod follow;
pub mod hold;
pub mod known;
pub mod metrics;
pub mod plan;
pub mod show;
pub mod summary;
pub mod want;
pub mod watch;

mod alone;
mod audit;
pub mod kernel;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use nicety_core::{
    egress::{
        health::Health,
        program::{Program, Wanted},
        share::GatewayId,
    },
    ids::NodeName,
    millis::Millis,
};
use nicety_datapath::Doubt;
use nicety_health::{Observed, Prober, Responder};
use nicety_k8s::publish::Says;
use nicety_objects::egress_health::{EgressHealth, EgressHealthSpec};
use tokio::{
    sync::{Notify, watch as channel},
    time::timeout,
};
use tracing::{info, warn};

use crate::{
    config,
    node::{Node, now},
};
use nicety_deciding::chain;

/// Somebody may have changed what is ours in the kernel, and nobody has told.
const LOOK: Duration = Duration::from_secs(30);

/// What came of the last look, and how to ask for another.
#[derive(Debug, Default)]
pub struct Egress {
    again: Notify,
    /// The next look is to be a [`Look::Repair`].
    suspect: AtomicBool,
    /// Links, addresses or routes have changed, or whether there is anything to look after.
    stirred: Notify,
    /// Our rules have changed, by ourselves or by others.
    rules: Notify,
    /// Held while the kernel is changed.
    work: Mutex<Work>,
    outcome: Mutex<Outcome>,
}

/// What goes from one look to the next.
#[derive(Debug, Default)]
struct Work {
    kernel: kernel::Kernel,
    observed: Observed,
    standings: watch::Standings,
    audit: audit::Audit,
    alone: alone::Alone,
}

/// For people, metrics and `trace`.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// False: this node has never had to do with egress since the start.
    pub active: bool,
    pub wanted: Wanted,
    pub program: Program,
    pub standings: watch::Standings,
    /// Why nobody can be asked whether they live.
    pub fault: Option<String>,
    /// Why the kernel is not as it should be.
    pub faults: Vec<String>,
    /// Of gateways that do not work here, and why.
    pub wrong: BTreeMap<GatewayId, String>,
    /// What may keep packets from going where they are led, though the kernel is as it should be.
    pub doubts: Vec<Doubt>,
    /// When the kernel was last changed, and how long that took from the look's beginning.
    pub changed: Option<(Millis, Duration)>,
    pub changes: u64,
}

/// Why a look is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Something has changed: what the kernel was told last is taken to be there still.
    Change,
    /// It is read back, and repaired.
    Repair,
}

impl Egress {
    /// Something may have changed; returns at once.
    pub fn look(&self) {
        self.again.notify_one();
    }

    /// Links, addresses or routes of this node have changed; returns at once.
    pub fn stir(&self) {
        self.stirred.notify_one();
    }

    fn repair(&self) {
        self.suspect.store(true, Ordering::Release);
        self.again.notify_one();
    }

    pub fn outcome(&self) -> Outcome {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether any pod of this node is captured, or any packet of another node leaves here.
    pub fn is_active(&self) -> bool {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).active
    }

    /// Whether any of these addresses is, as far as the kernel was told, one of a captured pod.
    pub fn has(&self, addresses: &BTreeSet<IpAddr>) -> bool {
        let outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        addresses.iter().any(|address| outcome.program.endpoints.contains_key(address))
    }

    /// Packets that were dropped or stopped.
    pub fn counters(&self) -> kernel::Counters {
        self.work().kernel.counters()
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs until its task is dropped. The kernel stays as it is when it ends: pods go on while the daemon restarts.
pub async fn keep(node: Arc<Node>) {
    let Some(config) = &node.config.egress else {
        let worker = node.clone();
        if let Err(panic) = tokio::task::spawn_blocking(move || take_back(&worker)).await {
            warn!(%panic, "taking back what this node did about egress ended in a panic");
        }
        return;
    };
    let prober = Prober::start(config.probe);
    let responder = config.answer.and_then(|port| match Responder::start(port) {
        Ok(responder) => Some(responder),
        Err(error) => {
            warn!(error = %chain(&error), "other nodes' probes are not answered");
            None
        }
    });
    let mut observed = prober.observed();
    // Without a cluster nothing of it ever changes.
    let (_never, nothing) = channel::channel(0);
    let mut told = node.source.cluster().map_or(nothing, |cluster| cluster.mirror.egress_changes());
    let mut why = Look::Repair;
    loop {
        let seen = observed.borrow_and_update().clone();
        told.borrow_and_update();
        let worker = node.clone();
        match tokio::task::spawn_blocking(move || looked(&worker, seen, why)).await {
            Ok(watches) => {
                if let Some(responder) = &responder {
                    responder.know(known(&node));
                }
                prober.ask(watches);
            }
            Err(panic) => warn!(%panic, "looking after egress ended in a panic"),
        }
        // All arms are cancel-safe: what is not taken here is there at the next look.
        let changed = async {
            tokio::select! {
                () = node.egress.again.notified() => {}
                Ok(()) = observed.changed() => {}
                Ok(()) = told.changed() => {}
            }
        };
        let late = timeout(LOOK, changed).await.is_err();
        let suspect = node.egress.suspect.swap(false, Ordering::AcqRel);
        why = if late || suspect { Look::Repair } else { Look::Change };
    }
}

/// Returns whom to ask whether they live.
fn looked(node: &Node, observed: Observed, why: Look) -> BTreeMap<NodeName, IpAddr> {
    let Some(config) = &node.config.egress else { return BTreeMap::new() };
    if !known::is_told(node) {
        // The change that tells it leads to the next look.
        return BTreeMap::new();
    }
    let mut work = node.egress.work();
    work.observed = observed;
    fail_over(node, config, &mut work);
    let watches = reconcile(node, config, &mut work, why);
    tell(node, &work.observed, &watches);
    watches
}

/// Pods of a gateway that has just died take their standbys before anything is computed anew, which with many pods takes a while. What
/// comes of it is told by the look that follows.
fn fail_over(node: &Node, config: &config::Egress, work: &mut Work) {
    let start = std::time::Instant::now();
    let last = node.egress.outcome();
    let dead = watch::dead(&watch::standings(node, &work.observed, &last.wanted.share, &work.standings));
    if last.active && !dead.is_subset(&last.wanted.dead) {
        // Who was held since then is still held, also by a policy that came since.
        let (held, policies) = want::waiting(node);
        let mut wanted = Wanted { dead, held, ..last.wanted };
        wanted.policies.extend(policies);
        let done = work.kernel.reconcile(node, config, &wanted, Look::Change);
        if done.changed {
            info!(microseconds = micros(start.elapsed()), "pods of a dead gateway leave by their standbys");
        }
    }
}

/// The kernel as the assignment says now. In the calling thread.
fn reconcile(node: &Node, config: &config::Egress, work: &mut Work, why: Look) -> BTreeMap<NodeName, IpAddr> {
    let start = std::time::Instant::now();
    let mut wanted = want::wanted(node, &config.cluster, &mut work.alone, &work.observed);
    let watches = wanted.share.watches.clone();
    work.standings = watch::standings(node, &work.observed, &wanted.share, &work.standings);
    wanted.dead = watch::dead(&work.standings);
    let before = node.egress.outcome();
    known::remember(node, &before.wanted, &wanted);
    let nothing = wanted.share.is_empty() && wanted.policies.is_empty();
    let kernel::Done { program, outcome: done, faults, changed } = if !nothing {
        work.kernel.reconcile(node, config, &wanted, why)
    } else if work.kernel.left_something(node) {
        match work.kernel.take_back(node, Some(config)) {
            Ok(()) => kernel::Done { changed: true, ..kernel::Done::default() },
            Err(fault) => kernel::Done { faults: vec![fault], ..kernel::Done::default() },
        }
    } else {
        return watches;
    };
    for fault in faults.iter().filter(|fault| !before.faults.contains(fault)) {
        warn!(fault, "egress is not as it should be");
    }
    for (of, health) in work.standings.iter().filter(|(of, health)| before.standings.get(*of) != Some(health)) {
        match health {
            Health::Unhealthy => warn!(gateway = %of, "gateway is dead; its pods leave by their standbys"),
            Health::Healthy => info!(gateway = %of, "gateway lives"),
            Health::Unknown => {}
        }
    }
    work.audit.follow(node, &wanted, &program);
    work.alone.try_candidates(node);
    let faults: Vec<String> = faults.into_iter().chain(work.alone.faults.iter().cloned()).collect();
    let took = start.elapsed();
    if changed {
        info!(
            endpoints = wanted.share.endpoints.len(),
            gateways = wanted.share.gateways.len(),
            dead = wanted.dead.len(),
            microseconds = micros(took),
            "egress changed"
        );
    }
    let outcome = Outcome {
        active: !nothing,
        standings: work.standings.clone(),
        fault: work.observed.fault.clone(),
        wanted,
        program,
        faults,
        wrong: done.wrong,
        doubts: done.doubts,
        changed: if changed { Some((now(), took)) } else { before.changed },
        changes: before.changes.saturating_add(u64::from(changed)),
    };
    *node.egress.outcome.lock().unwrap_or_else(PoisonError::into_inner) = outcome;
    if before.active == nothing {
        node.egress.stir();
    }
    watches
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

/// Before the pod with these addresses exists for anybody: what it sends to its policies' destinations is dropped until somebody says
/// where it leaves.
fn hold(node: &Node, config: &config::Egress, addresses: &BTreeSet<IpAddr>) -> Result<(), String> {
    let mut work = node.egress.work();
    if !known::is_told(node) {
        return Err("the Kubernetes API has not told yet where this node's pods leave".to_owned());
    }
    if !work.kernel.is_told(node, config) {
        // The daemon has just begun, its settings have changed, or the last change has failed: to hold one pod beside what is not known
        // would let others go.
        reconcile(node, config, &mut work, Look::Repair);
        if !node.egress.is_active() {
            return Ok(());
        }
    }
    let program = work.kernel.hold(node, config, want::waiting(node), addresses)?;
    let mut outcome = node.egress.outcome.lock().unwrap_or_else(PoisonError::into_inner);
    outcome.active = true;
    outcome.program = program;
    Ok(())
}

/// Egress is off on this node: nothing of it is left, and every setting is what it was.
fn take_back(node: &Node) {
    let mut work = node.egress.work();
    if work.kernel.left_something(node) {
        match work.kernel.take_back(node, None) {
            Ok(()) => info!("what this node did about egress is taken back"),
            Err(why) => warn!(why, "what this node did about egress is not all taken back"),
        }
    }
}

/// Addresses of the nodes that may ask whether this one lives.
fn known(node: &Node) -> BTreeSet<IpAddr> {
    let outcome = node.egress.outcome();
    let senders = outcome.wanted.share.senders.values().flatten().copied();
    let watched = outcome.wanted.share.watches.values().copied();
    let gateways = outcome.wanted.share.gateways.values().flat_map(|gateway| gateway.underlay.clone());
    senders.chain(watched).chain(gateways).collect()
}

/// Only what has changed is written; who watches nobody and never did has no object.
fn tell(node: &Node, observed: &Observed, watches: &BTreeMap<NodeName, IpAddr>) {
    let Some(cluster) = node.source.cluster() else { return };
    let observer = node.config.node.clone();
    let watched: BTreeSet<NodeName> = watches.keys().cloned().collect();
    let health = EgressHealth { observer, observed: watch::to_tell(node, observed, &watched) };
    let known = cluster.mirror.egress_healths().iter().any(|known| known.name == node.config.node.as_str());
    if health.observed.is_empty() && !known {
        return;
    }
    let spec = serde_json::to_value(EgressHealthSpec::from(&health)).ok();
    cluster.egress.say(Says { spec, status: None });
}
