//! What the admin socket says, as types: the command line reads the same.

pub mod egress;

use nicety_core::{
    decision::Decision,
    finding::Finding,
    ids::AttachmentKey,
    record::{Record, decision::DecisionRecord},
};
use nicety_deciding::listing::Strategy;
use nicety_strategies::Decided;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    pub version: String,
    pub node: String,
    /// Milliseconds since the epoch.
    pub started: u64,
    /// Of what is in force; ascending from 1.
    pub generation: u64,
    pub conditions: Vec<Condition>,
    /// Why the manifests on disk are not in force; empty when they are.
    pub refused: Vec<Finding>,
    pub source: Source,
    /// What of the overlay fits no NIC.
    pub overlay: Vec<Finding>,
    /// Calls of the plugin since the start.
    pub served: u64,
    pub networks: Vec<Network>,
    pub nics: Vec<Nic>,
    pub strategies: Vec<Strategy>,
    pub records: usize,
    /// Not `Attached`: being made or taken back, or left over.
    pub unfinished: Vec<AttachmentKey>,
    pub leases: usize,
    /// None: this node has nothing to do with egress gateways.
    #[serde(default)]
    pub egress: Option<EgressLine>,
}

/// This node's part in egress gateways, as numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EgressLine {
    pub policies: usize,
    /// That a policy captures, of this node.
    pub pods: usize,
    /// That may not leave yet.
    pub held: usize,
    /// Of the captured ones, how many have no gateway under one of their policies, so that packets of theirs are dropped.
    #[serde(default)]
    pub unassigned: usize,
    pub gateways: usize,
    /// Nodes of gateways that do not live.
    pub dead: usize,
}

/// Where objects come from. Times are milliseconds since the epoch.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "from")]
pub enum Source {
    Folder {
        folder: String,
    },
    Kubernetes {
        /// Whether the server answers, and since when that is so. None: it was not asked yet.
        reachable: Option<bool>,
        since: Option<u64>,
        /// The oldest moment that any of what is known stands for.
        heard: Option<u64>,
        /// By the daemon's clock.
        now: u64,
        /// Why nothing can be decided yet.
        unready: Option<String>,
        /// `metadata.resourceVersion` of the strategies in force; empty: the defaults.
        strategies: String,
        feeds: Vec<Feed>,
        /// Annotations and events that were never written.
        annotations_lost: u64,
        events_lost: u64,
    },
}

/// One watch.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Feed {
    pub name: String,
    pub objects: usize,
    pub state: String,
    /// When it came into this state.
    pub since: u64,
    /// When it was last known to be what the server has.
    pub heard: Option<u64>,
}

/// As Kubernetes objects have them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    #[serde(rename = "type")]
    pub kind: String,
    /// True: as it should be.
    pub status: bool,
    /// A machine word in CamelCase.
    pub reason: String,
    pub message: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    pub name: String,
    pub link: String,
    /// Why it cannot be used on this node now.
    pub unready: Option<String>,
    /// In the pool's order.
    pub nics: Vec<String>,
    pub leases: usize,
    /// Of networks with routes between nodes.
    #[serde(default)]
    pub routes: Option<Routes>,
}

/// This node's routes to the blocks of other nodes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Routes {
    /// The routing table that they are in.
    pub table: Option<u32>,
    pub in_place: usize,
    /// Blocks that cannot be reached.
    pub missing: usize,
    /// Reasons, at most ten.
    pub examples: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Nic {
    pub name: String,
    pub state: String,
    pub addresses: Vec<String>,
    pub numa: Option<u32>,
    pub attachments: u32,
}

/// One ADD: what it was decided from, and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// In the order in which they were made.
    pub decisions: Vec<DecisionRecord>,
    /// None: the ADD was refused, or the attachment is gone.
    pub record: Option<Record>,
}

/// What a live strategy says to facts that were given.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ran {
    pub generation: u64,
    pub outcome: Result<Decision, String>,
    pub runs: Vec<RanPolicy>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RanPolicy {
    pub strategy: String,
    pub policy: String,
    pub duration_us: u64,
    pub fuel: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Error {
    pub error: String,
}

impl Ran {
    pub fn of(generation: u64, decided: Decided<Decision>) -> Ran {
        let Decided { outcome, runs, shadows: _ } = decided;
        let runs = runs.into_iter().map(|run| RanPolicy {
            strategy: run.strategy.to_string(),
            policy: run.policy,
            duration_us: run.duration_us,
            fuel: run.fuel,
        });
        Ran { generation, outcome: outcome.map_err(|no| no.to_string()), runs: runs.collect() }
    }
}
