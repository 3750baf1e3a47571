//! The conditions of a Network: what is so, the reason for machines, and words for people that never grow with the cluster.

use nicety_core::finding;
use nicety_objects::{
    condition::ConditionStatus,
    network::status::{EXAMPLES, NodeExample, RouteState},
};

use super::Computed;

/// One condition, before its time is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub kind: &'static str,
    pub status: ConditionStatus,
    pub reason: &'static str,
    pub message: String,
}

/// What the conditions are made of beside the plan.
pub(super) struct Known<'a> {
    pub deleting: bool,
    pub ready_nodes: u32,
    pub nodes: u32,
    pub not_ready: &'a [NodeExample],
    pub not_ready_count: usize,
    pub routes: Option<RouteState>,
    /// Writes for the Network that failed: what, and why.
    pub failures: Vec<(String, String)>,
}

pub(super) fn conditions(one: &Computed<'_>, known: &Known<'_>) -> Vec<Said> {
    let mut said = vec![valid(one), assigned(one, known), written(known)];
    said.extend(known.routes.map(routes));
    let ready = ready(&said, one, known);
    said.insert(0, ready);
    said
}

fn valid(one: &Computed<'_>) -> Said {
    let (findings, force) = (&one.standing.findings, &one.standing.force);
    let shown = || {
        let all = finding::list(findings.get(..EXAMPLES.min(findings.len())).unwrap_or_default());
        more(all, findings.len())
    };
    match (findings.is_empty(), force) {
        (true, Some(_)) => yes("Valid", "InForce", "the spec is in force"),
        (false, Some(_)) => no("Valid", "Refused", format!("the last valid spec stays in force: {}", shown())),
        (_, None) => no("Valid", "Invalid", shown()),
    }
}

fn assigned(one: &Computed<'_>, known: &Known<'_>) -> Said {
    const KIND: &str = "BlocksAssigned";
    let plan = &one.plan;
    if known.deleting {
        let waiting: usize = plan.waiting.values().sum();
        let nodes: Vec<String> = plan.waiting.keys().take(EXAMPLES).map(|node| format!("`{node}`")).collect();
        let message =
            format!("{waiting} blocks wait for the daemons of {}", more(nodes.join(", "), plan.waiting.len()));
        return if waiting == 0 {
            no(KIND, "Deleting", "blocks are being released")
        } else {
            no(KIND, "WaitingForNodes", message)
        };
    }
    if one.standing.force.is_none() {
        return Said { status: ConditionStatus::Unknown, ..no(KIND, "Invalid", "no spec is in force") };
    }
    if !plan.shortages.is_empty() {
        let example = |short: &nicety_core::cluster::blocks::Shortage| {
            let nic = short.interface.as_ref().map(|nic| format!(" NIC `{nic}`")).unwrap_or_default();
            format!("node `{}`{nic}: {}", short.node, short.message)
        };
        let examples: Vec<String> = plan.shortages.iter().take(EXAMPLES).map(example).collect();
        let message =
            format!("{} NICs have no block: {}", plan.shortages.len(), more(examples.join("; "), plan.shortages.len()));
        return no(KIND, "Exhausted", message);
    }
    match plan.create.len() {
        0 => yes(KIND, "Assigned", "each NIC has its block"),
        _ => no(KIND, "Assigning", "blocks are being made"),
    }
}

fn written(known: &Known<'_>) -> Said {
    const KIND: &str = "ObjectsWritten";
    if known.failures.is_empty() {
        return yes(KIND, "Written", "all objects of the network are as they should be");
    }
    let examples: Vec<&str> = known.failures.iter().take(EXAMPLES).map(|(_, message)| message.as_str()).collect();
    let message = format!("{} writes fail: {}", known.failures.len(), more(examples.join("; "), known.failures.len()));
    no(KIND, "WriteFailed", message)
}

fn routes(state: RouteState) -> Said {
    const KIND: &str = "RoutesReady";
    match state {
        RouteState::Ready | RouteState::NotApplicable => yes(KIND, "Ready", "each node has its routes"),
        RouteState::Waiting => {
            Said { status: ConditionStatus::Unknown, ..no(KIND, "Waiting", "some nodes have not told yet") }
        }
        RouteState::Failed => no(KIND, "RoutesMissing", "some nodes lack routes"),
    }
}

fn ready(said: &[Said], one: &Computed<'_>, known: &Known<'_>) -> Said {
    const KIND: &str = "Ready";
    if known.deleting {
        return no(KIND, "Deleting", "the network is being deleted");
    }
    let short = |kind: &str| said.iter().find(|said| said.kind == kind && said.status == ConditionStatus::False);
    if one.standing.force.is_none() {
        return no(KIND, "Invalid", "no spec is in force");
    }
    if let Some(bad) = short("BlocksAssigned").or_else(|| short("RoutesReady")) {
        return no(KIND, bad.reason, bad.message.clone());
    }
    if known.nodes == 0 {
        return no(KIND, "NoNodes", "no node has a HostInterface yet");
    }
    if known.not_ready_count > 0 {
        let example = |one: &NodeExample| {
            format!("`{}`: {}", one.node, if one.message.is_empty() { &one.reason } else { &one.message })
        };
        let examples: Vec<String> = known.not_ready.iter().map(example).collect();
        let message = format!(
            "{} of {} nodes are not ready: {}",
            known.not_ready_count,
            known.nodes,
            more(examples.join("; "), known.not_ready_count)
        );
        return no(KIND, "NodesNotReady", message);
    }
    yes(KIND, "Ready", &format!("{} nodes are ready", known.ready_nodes))
}

fn yes(kind: &'static str, reason: &'static str, message: &str) -> Said {
    Said { kind, status: ConditionStatus::True, reason, message: message.to_owned() }
}

fn no(kind: &'static str, reason: &'static str, message: impl Into<String>) -> Said {
    Said { kind, status: ConditionStatus::False, reason, message: message.into() }
}

fn more(shown: String, all: usize) -> String {
    if all > EXAMPLES { format!("{shown}; and {} more", all - EXAMPLES) } else { shown }
}
