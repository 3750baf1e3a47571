//! The Kubernetes side of a node: what is known of the API, and what it is told. Nothing here is on the path of an ADD or DEL: what
//! is to be said is put down after the reply, and a task says it.

pub mod published;
pub mod told;

use std::{path::Path, sync::Arc, time::Duration};

use nicety_core::ids::NodeName;
use nicety_k8s::{
    events::{COMPONENT, Events},
    mirror::{Mirror, Pace},
    pods::Annotations,
    publish::{Publisher, Target},
};
use tokio::task::JoinSet;
use tracing::warn;

use crate::{
    cluster::told::{Told, What},
    config::Kubernetes,
    node::Node,
};

/// So often it is looked whether what the node says of itself is still true.
const LOOK: Duration = Duration::from_secs(2);
/// Within so much time nodes that see the same change say so.
const SPREAD: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct Cluster {
    pub mirror: Mirror,
    pub pod_wait: Duration,
    pub annotations: Arc<Annotations>,
    pub events: Arc<Events>,
    /// What this node sees of the gateways that it watches.
    pub egress: Publisher,
    host: Publisher,
    strategies: Publisher,
    pace: Pace,
}

impl Cluster {
    /// With what was known when this node's daemon last ran. Asks nothing of the server.
    pub fn open(kubernetes: &Kubernetes, folder: &Path, node: &NodeName) -> Cluster {
        let mirror = Mirror::open(folder, node);
        let publisher = |kind: &str, plural: &str| {
            let resource = nicety_k8s::mirror::ours(kind, plural);
            Publisher::new(Target { resource, name: node.to_string(), manager: COMPONENT })
        };
        Cluster {
            annotations: Annotations::new(mirror.clone(), kubernetes.annotate),
            events: Events::new(mirror.clone()),
            egress: publisher("EgressHealth", "egresshealths"),
            host: publisher("HostInterface", "hostinterfaces"),
            strategies: publisher("StrategyStatus", "strategystatuses"),
            pod_wait: kubernetes.pod_wait,
            pace: kubernetes.pace,
            mirror,
        }
    }
}

impl Cluster {
    /// Never waits.
    pub fn tell(&self, Told { pod, what }: Told) {
        match what {
            What::Attached(text) => self.annotations.put(pod, text),
            What::Failed(happened) => self.events.put(pod, happened),
        }
    }
}

/// Watches and tells until its task is dropped. Nothing happens for a node without a cluster.
pub async fn run(node: Arc<Node>, client: kube::Client) {
    let Some(cluster) = node.source.cluster() else { return };
    // What the daemon before this one did not live to say. What the API says already is not written again.
    for told in node.store.records().iter().filter_map(|record| told::attached(record)) {
        cluster.tell(told);
    }
    let mut tasks = JoinSet::new();
    tasks.spawn(cluster.mirror.clone().follow(client.clone(), cluster.pace));
    tasks.spawn(cluster.annotations.clone().write(client.clone()));
    tasks.spawn(cluster.events.clone().write(client.clone()));
    // Others leave a dead gateway by what is said here: it waits for nothing.
    tasks.spawn(cluster.egress.clone().write(client.clone(), Duration::ZERO));
    tasks.spawn(cluster.host.clone().write(client.clone(), SPREAD));
    tasks.spawn(cluster.strategies.clone().write(client, SPREAD));
    tasks.spawn(publish(node.clone()));
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            warn!(%error, "a task that speaks to the Kubernetes API ended");
        }
    }
}

/// Whether the API has this node's HostInterface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Yes,
    No,
}

impl Seen {
    fn of(mirror: &Mirror) -> Seen {
        if mirror.host_labels().is_some() { Seen::Yes } else { Seen::No }
    }
}

/// Puts down what is true of the node; the publishers say what of it is new.
async fn publish(node: Arc<Node>) {
    let mut said = published::Said::default();
    let mut there = Seen::No;
    loop {
        let looking = node.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let says = published::of(&looking, &mut said);
            (said, says)
        });
        match (looked.await, node.source.cluster()) {
            (Ok((kept, Some((host, strategies)))), Some(cluster)) => {
                said = kept;
                let before = std::mem::replace(&mut there, Seen::of(&cluster.mirror));
                if (before, there) == (Seen::Yes, Seen::No) {
                    // Somebody has taken it away.
                    cluster.host.repeat();
                }
                cluster.host.say(host);
                cluster.strategies.say(strategies);
            }
            (Ok((kept, None)), _) => said = kept,
            (Ok(_), None) => return,
            (Err(panic), _) => {
                warn!(%panic, "looking at what this node says of itself ended in a panic");
                said = published::Said::default();
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}
