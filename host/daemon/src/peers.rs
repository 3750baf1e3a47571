//! Keeps this node's routes to other nodes' pods: looks whenever networks, blocks or NICs change and every half minute, computes the
//! whole, makes the difference. A network whose routes cannot be made says so in the status and holds back no other.

pub(crate) mod bridges;
mod forward;
mod want;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use nicety_core::{
    cluster::{
        routes::{
            Change, Missing, Why,
            acts::{self, Act},
        },
        tables,
    },
    ids::NetworkName,
};
use nicety_kernel::{ConversationError, peers};
use nicety_store::WriteError;
use tokio::{sync::Notify, time::timeout};
use tracing::{info, warn};

use self::want::Want;
use crate::node::Node;
use nicety_deciding::chain;

/// Somebody may have changed our table; the kernel does not tell us in whose name a route goes.
const LOOK: Duration = Duration::from_secs(30);
/// Blocks of many nodes come together; one look answers them all.
const SETTLE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(10);

/// What came of the last look, and how to ask for another.
#[derive(Debug, Default)]
pub struct Peers {
    again: Notify,
    outcome: Mutex<BTreeMap<NetworkName, Outcome>>,
}

/// Of one network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    pub table: Option<u32>,
    /// Routes that are in place.
    pub routes: usize,
    /// Blocks that cannot be reached, each with its reason.
    pub missing: Vec<String>,
    /// What concerns all of the network's routes.
    pub faults: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("cannot talk to the kernel about routes")]
    Kernel(#[from] ConversationError),
    #[error("cannot write down which tables are ours")]
    Store(#[from] WriteError),
}

impl Peers {
    /// Something may have changed; returns at once.
    pub fn look(&self) {
        self.again.notify_one();
    }

    /// By network with routes between nodes.
    pub fn outcome(&self) -> BTreeMap<NetworkName, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn tell(&self, outcome: BTreeMap<NetworkName, Outcome>) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = outcome;
    }
}

/// Runs until its task is dropped. Routes stay as they are when it ends: pods go on while the daemon restarts.
pub async fn keep(node: Arc<Node>) {
    loop {
        let worker = node.clone();
        match tokio::task::spawn_blocking(move || reconcile(&worker)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(error = %chain(&error), "routes to other nodes are as they were"),
            Err(panic) => warn!(%panic, "looking after routes to other nodes ended in a panic"),
        }
        // Cancel-safe: a notification that is not taken stays.
        if timeout(LOOK, node.peers.again.notified()).await.is_ok() {
            tokio::time::sleep(SETTLE).await;
        }
    }
}

fn reconcile(node: &Node) -> Result<(), Failed> {
    let snapshot = node.snapshot();
    let wants = Want::all(&snapshot);
    let (outcome, acts) = apply(node, &wants)?;
    if acts > 0 {
        info!(networks = wants.len(), changes = acts, "routes to other nodes changed");
    }
    let before = node.peers.outcome();
    for (network, now) in outcome.iter().filter(|(network, now)| before.get(*network) != Some(now)) {
        for what in now.faults.iter().chain(&now.missing) {
            warn!(%network, what, "routes to other nodes are not complete");
        }
    }
    node.peers.tell(outcome);
    bridges::sweep(node)?;
    Ok(())
}

type Outcomes = BTreeMap<NetworkName, Outcome>;

fn apply(node: &Node, wants: &[Want]) -> Result<(Outcomes, usize), Failed> {
    let config = &node.config;
    let seen = peers::read(Instant::now() + PATIENCE)?;
    let names: BTreeSet<NetworkName> = wants.iter().map(|want| want.network.clone()).collect();
    let kept = node.store.underlay();
    let assigned = tables::assign(config.route_tables, &names, &kept.tables, &seen.of_others());
    let mut outcomes = Outcomes::new();
    let mut networks = Vec::new();
    for want in wants {
        let mut outcome =
            Outcome { missing: want.missing.iter().map(Missing::to_string).collect(), ..Outcome::default() };
        match assigned.tables.get(&want.network) {
            Some(table) => {
                outcome.table = Some(*table);
                outcome.routes = want.routes.len();
                let (subnets, routes) = (want.subnets.clone(), want.routes.clone());
                networks.push(acts::Network { table: *table, subnets, routes });
            }
            None => outcome.faults.push(format!(
                "there is no free routing table between {}; hint: `--route-tables FIRST-LAST`",
                config.route_tables
            )),
        }
        outcomes.insert(want.network.clone(), outcome);
    }
    // Before the kernel has them, so that a daemon that dies here knows them again.
    node.store.keep_underlay(|underlay| underlay.tables.extend(assigned.tables.clone()))?;
    forward::open(node, wants, &mut outcomes)?;
    let known = node.store.underlay().tables.values().copied().collect();
    let (acts, taken) = acts::acts(&networks, &seen, config.route_tables, &known);
    let refused = peers::apply(&acts, Instant::now() + PATIENCE)?;
    let of_table = |table: u32| wants.iter().find(|want| assigned.tables.get(&want.network) == Some(&table));
    for one in taken {
        let Some(want) = of_table(one.table) else { continue };
        let missing = want.lacks(one.to, Why::Taken { protocol: one.protocol });
        outcomes.entry(want.network.clone()).or_default().lack(missing);
    }
    for (at, refusal) in &refused {
        let Some(act) = acts.get(*at) else { continue };
        let (Act::Route { table, .. }
        | Act::AddRule(acts::Rule { table, .. })
        | Act::DeleteRule(acts::Rule { table, .. })) = act;
        let Some(want) = of_table(*table) else {
            warn!(table, %refusal, "what an earlier network left cannot be removed");
            continue;
        };
        let outcome = outcomes.entry(want.network.clone()).or_default();
        match act {
            Act::Route { change: Change::Delete { to }, .. } => {
                outcome
                    .faults
                    .push(format!("the route to `{to}`, which leads nowhere any more, cannot be deleted: {refusal}"));
            }
            Act::Route { change, .. } => {
                outcome.lack(want.lacks(change.to(), Why::Refused { by: refusal.to_string() }));
            }
            Act::AddRule(rule) | Act::DeleteRule(rule) => outcome
                .faults
                .push(format!("the rule `from {} lookup {}` was refused: {refusal}", rule.from, rule.table)),
        }
    }
    if refused.is_empty() {
        node.store.keep_underlay(|underlay| underlay.tables.retain(|network, _| names.contains(network)))?;
    }
    Ok((outcomes, acts.len().saturating_sub(refused.len())))
}

impl Outcome {
    /// Routes that should be there.
    pub fn wanted(&self) -> usize {
        self.routes + self.lacking()
    }

    /// Those that are not. What concerns all of them counts as one that is missing where nothing else is.
    pub fn lacking(&self) -> usize {
        self.missing.len().max(usize::from(!self.faults.is_empty()))
    }

    fn lack(&mut self, what: String) {
        self.routes = self.routes.saturating_sub(1);
        self.missing.push(what);
    }
}
