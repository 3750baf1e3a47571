//! Who is asked, and what came of it. Each node has a task of its own; they share the sockets.

mod ask;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use nicety_core::{
    egress::health::{Judge, Verdict},
    ids::NodeName,
    millis::Millis,
};
use tokio::{
    sync::watch,
    task::{AbortHandle, JoinHandle},
    time::{Instant, sleep, sleep_until},
};
use tracing::{info, warn};

use self::ask::{Asked, Sockets};
use crate::{pending, settings::Settings};

/// What is known of the nodes that are asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// A node of which too little was heard is not here.
    pub nodes: BTreeMap<NodeName, Seen>,
    /// Why nobody can be asked, where it is this machine's own fault: none is taken for dead because of it.
    pub fault: Option<String>,
}

/// Of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub verdict: Verdict,
    /// Wall-clock time.
    pub since: Millis,
}

/// Asks until it is dropped.
#[derive(Debug)]
pub struct Prober {
    targets: watch::Sender<BTreeMap<NodeName, IpAddr>>,
    observed: watch::Receiver<Observed>,
    task: JoinHandle<()>,
}

impl Prober {
    /// In a tokio runtime. Opens nothing before there is somebody to ask.
    pub fn start(settings: Settings) -> Prober {
        let (targets, following) = watch::channel(BTreeMap::new());
        let (telling, observed) = watch::channel(Observed::default());
        let task = tokio::spawn(follow(settings.bounded(), following, telling));
        Prober { targets, observed, task }
    }

    /// These and no others. What is known of a node stays as long as it is asked at the same address.
    pub fn ask(&self, nodes: BTreeMap<NodeName, IpAddr>) {
        self.targets.send_if_modified(|targets| {
            let new = *targets != nodes;
            *targets = nodes;
            new
        });
    }

    /// Changes with a verdict, not with a probe.
    pub fn observed(&self) -> watch::Receiver<Observed> {
        self.observed.clone()
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One node's task. It ends with this.
#[derive(Debug)]
struct Asking {
    address: IpAddr,
    task: AbortHandle,
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(
    settings: Settings,
    mut targets: watch::Receiver<BTreeMap<NodeName, IpAddr>>,
    observed: watch::Sender<Observed>,
) {
    let (sockets, observed) = (Arc::new(Sockets::new(settings)), Arc::new(observed));
    let mut asking: BTreeMap<NodeName, Asking> = BTreeMap::new();
    loop {
        let wanted = targets.borrow_and_update().clone();
        asking.retain(|node, one| wanted.get(node) == Some(&one.address));
        observed.send_if_modified(|observed| {
            let before = observed.nodes.len();
            observed.nodes.retain(|node, _| asking.contains_key(node));
            observed.nodes.len() != before
        });
        for (node, address) in wanted {
            asking.entry(node.clone()).or_insert_with(|| {
                let task = tokio::spawn(ask(settings, node, address, sockets.clone(), observed.clone()));
                Asking { address, task: task.abort_handle() }
            });
        }
        if targets.changed().await.is_err() {
            return;
        }
    }
}

async fn ask(
    settings: Settings,
    node: NodeName,
    address: IpAddr,
    sockets: Arc<Sockets>,
    observed: Arc<watch::Sender<Observed>>,
) {
    let mut judge = Judge::default();
    let began = Instant::now();
    // Not all at once.
    sleep(part(settings.interval, pending::random() % 1000)).await;
    loop {
        let start = Instant::now();
        let fault = match sockets.ask(address).await {
            Asked::Answer(answer) => {
                if let Some(verdict) = judge.hear(answer, began.elapsed(), &settings.thresholds) {
                    match verdict {
                        Verdict::Healthy => info!(%node, %address, "node answers"),
                        Verdict::Unhealthy => warn!(%node, %address, "node does not answer"),
                    }
                    let seen = Seen { verdict, since: now() };
                    observed.send_modify(|observed| {
                        observed.nodes.insert(node.clone(), seen);
                    });
                }
                None
            }
            Asked::Unclear => observed.borrow().fault.clone(),
            Asked::Unable(why) => Some(why),
        };
        tell_fault(&observed, fault);
        sleep_until(start + part(settings.interval, 1000 - pending::random() % 100)).await;
    }
}

fn tell_fault(observed: &watch::Sender<Observed>, fault: Option<String>) {
    observed.send_if_modified(|observed| {
        let new = observed.fault != fault;
        if new && let Some(why) = &fault {
            warn!(why, "nodes cannot be asked whether they live");
        }
        observed.fault = fault;
        new
    });
}

/// So many thousandths.
fn part(length: Duration, thousandths: u64) -> Duration {
    length.saturating_mul(u32::try_from(thousandths).unwrap_or(1000)) / 1000
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
