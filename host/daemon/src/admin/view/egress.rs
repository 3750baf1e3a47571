//! What a node does about egress, as the admin socket says it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;
use nicety_core::{
    egress::{
        mark::Mask,
        share::{GatewayId, PodKey},
    },
    ids::NodeName,
    millis::Millis,
};
use nicety_egress::plan::{Plan, Summary, Without};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Egress {
    pub node: NodeName,
    /// None: egress is off on this node.
    pub settings: Option<Settings>,
    /// Whether the node has anything to do with egress now.
    pub active: bool,
    pub policies: Vec<PolicyView>,
    pub gateways: Vec<GatewayView>,
    /// Pods of this node.
    pub endpoints: Vec<EndpointView>,
    /// Of those, how many have no gateway under one of their policies, so that packets of theirs are dropped.
    #[serde(default)]
    pub unassigned: usize,
    /// Pods of this node that may not leave before somebody says where.
    pub held: Vec<HeldView>,
    /// Nodes whose pods leave here.
    pub senders: BTreeMap<NodeName, BTreeSet<IpAddr>>,
    /// Nodes that this one watches.
    pub watches: BTreeMap<NodeName, IpAddr>,
    /// Gateways' nodes that do not live.
    pub dead: BTreeSet<NodeName>,
    /// Packets that were stopped because they would have left with another source, or came into a tunnel from nobody we know.
    pub stopped: BTreeMap<String, u64>,
    /// Why the kernel is not as it should be.
    pub faults: Vec<String>,
    /// What may keep packets from going where they are led, though the kernel is as it should be.
    pub doubts: Vec<String>,
    /// When the kernel was last changed, and how long that took.
    pub changed: Option<Millis>,
    pub changed_in_us: Option<u64>,
    pub changes: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    pub probe: String,
    pub interval_ms: u64,
    pub mask: Mask,
    pub port: u16,
    pub addresses: Vec<IpAddr>,
    pub cluster: Vec<IpNet>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyView {
    pub name: String,
    pub priority: i32,
    pub destinations: Vec<IpNet>,
    pub excluded: Vec<IpNet>,
    /// Pods of this node that it captures.
    pub endpoints: usize,
    /// Packets that were dropped here because there was no gateway.
    pub dropped: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayView {
    pub id: GatewayId,
    pub node: NodeName,
    pub underlay: Vec<IpAddr>,
    pub vni: u32,
    pub here: bool,
    /// `healthy`, `unhealthy`, `unknown`, or `this node`.
    pub health: String,
    /// Empty: only the gateway knows.
    pub leaves_with: BTreeSet<IpAddr>,
    /// Of packets on this node that go there.
    pub mark: Option<u32>,
    /// Pods of this node that leave by it now.
    pub pods: usize,
    pub wrong: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointView {
    pub pod: PodKey,
    pub addresses: BTreeSet<IpAddr>,
    pub exits: Vec<ExitView>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExitView {
    pub policy: String,
    pub primary: Option<GatewayId>,
    pub standby: Option<GatewayId>,
    /// None: its packets are dropped.
    pub now: Option<GatewayId>,
    /// In the words of the strategy.
    pub reason: String,
    /// Why it leaves where it leaves now.
    pub why: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldView {
    pub pod: PodKey,
    pub addresses: BTreeSet<IpAddr>,
    pub policies: BTreeSet<String>,
}

/// What becomes of a new flow.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    pub pod: Option<PodKey>,
    pub source: IpAddr,
    pub destination: IpAddr,
    /// In words.
    pub verdict: String,
    pub policy: Option<String>,
    pub gateway: Option<GatewayId>,
    /// Why this gateway.
    pub why: Option<String>,
    /// None: it does not leave by a gateway, or only the gateway knows.
    pub leaves_with: Option<IpAddr>,
    pub mark: Option<u32>,
    pub table: Option<u32>,
}

/// A change to try. Empty: what a computation anew would move.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PlanWanted {
    /// Nodes that would be gone.
    pub without: Vec<String>,
    /// Name and text of manifests whose objects would be added, or in the place of those of their names.
    pub manifests: Vec<(String, String)>,
    /// Strategy that would distribute every policy's pods.
    pub strategy: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanView {
    pub policies: BTreeMap<String, SummaryView>,
    pub moves: Vec<MoveView>,
    /// For people.
    pub text: String,
}

impl PlanView {
    /// Pods that are named in the text, per policy.
    const NAMED: usize = 20;

    pub fn of(plan: &Plan) -> PlanView {
        let policies = plan.policies.iter().map(|(name, summary)| {
            let Summary { endpoints, without, moved, lost, gained, failed } = summary.clone();
            let Without { before: without_now, then: without } = without;
            (name.clone(), SummaryView { endpoints, without_now, without, moved, lost, gained, failed })
        });
        let moves = plan.moves.iter().map(|one| MoveView {
            policy: one.policy.clone(),
            namespace: one.pod.namespace.clone(),
            name: one.pod.name.clone(),
            from: one.from.as_deref().cloned(),
            to: one.to.as_deref().cloned(),
            why: one.why.to_string(),
        });
        PlanView { policies: policies.collect(), moves: moves.collect(), text: plan.text(PlanView::NAMED) }
    }

    /// Whether a pod would lose its gateway, more would be captured without one, or nothing would be decided.
    pub fn is_bad(&self) -> bool {
        self.policies.values().any(|one| one.lost > 0 || one.without > one.without_now || one.failed.is_some())
    }
}

/// How many pods of one policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SummaryView {
    pub endpoints: usize,
    /// Pods that are captured and have no gateway, so that their packets are dropped: as it is, and as it would be.
    pub without_now: usize,
    pub without: usize,
    /// From one gateway to another.
    pub moved: usize,
    pub lost: usize,
    pub gained: usize,
    /// Why nothing would be decided; the last assignment would stay.
    pub failed: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MoveView {
    pub policy: String,
    pub namespace: String,
    pub name: String,
    pub from: Option<GatewayId>,
    pub to: Option<GatewayId>,
    pub why: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Picture {
    pub svg: String,
}
