//! The status of a Network: counts, segments and conditions, written when they differ from what is there, and not for each node that
//! comes up by itself.

use nicety_core::cluster::blocks::SegmentResult;
use nicety_k8s::{Place, kinds};
use nicety_objects::{
    API_VERSION,
    condition::{self, Condition},
    host_interface::NodeNetwork,
    network::{
        Routing,
        status::{Discovery, EXAMPLES, NetworkStatus, NodeExample, RouteState, RouteStatus, SEGMENTS, SegmentBlocks},
    },
};
use serde_json::json;

use super::{
    Computed, Look,
    conditions::{Known, Said, conditions},
};
use crate::{
    items::NetworkItem,
    patience::Patience,
    write::{Act, Write},
};

/// What nodes say of one Network, counted.
#[derive(Default)]
struct Nodes {
    all: u32,
    ready: u32,
    not_ready: Vec<NodeExample>,
    not_ready_count: usize,
    routed: u32,
    unrouted: u32,
    silent: u32,
}

impl Look<'_> {
    pub(super) fn status(&self, one: &Computed<'_>, patience: &mut Patience, writes: &mut Vec<Write>) {
        let Some(item) = self.snapshot.networks.get(one.name) else { return };
        let key = format!("status of Network {}", one.name);
        let wanted = self.wanted(one, item, patience, &key);
        if wanted == item.status {
            return;
        }
        // A new spec is answered at once; what nodes do is gathered.
        let fresh = item.status.observed_generation != Some(item.generation);
        let lasts = patience.lasts(&key, self.settings.settle, self.now.instant);
        if !fresh && !lasts {
            return;
        }
        let place = Place::of_cluster(kinds::network(), one.name);
        let object = json!({
            "apiVersion": API_VERSION, "kind": "Network", "metadata": { "name": one.name, "uid": item.head.uid }, "status": wanted,
        });
        writes.push(Write::new(key, Act::ApplyStatus(place, object)).of(one.name));
    }

    fn wanted(&self, one: &Computed<'_>, item: &NetworkItem, patience: &Patience, own: &str) -> NetworkStatus {
        let nodes = self.nodes_of(one.name, item.generation);
        let l3 = one.standing.force.as_ref().is_some_and(|force| force.network.routing == Routing::L3);
        let state = match (l3, nodes.unrouted, nodes.silent) {
            (false, _, _) => RouteState::NotApplicable,
            (true, 1.., _) => RouteState::Failed,
            (true, 0, 1..) => RouteState::Waiting,
            (true, 0, 0) => RouteState::Ready,
        };
        let ours =
            patience.failures().filter(|(key, failed)| failed.network.as_deref() == Some(one.name) && *key != own);
        let known = Known {
            deleting: item.head.deleting,
            ready_nodes: nodes.ready,
            nodes: nodes.all,
            not_ready: &nodes.not_ready,
            not_ready_count: nodes.not_ready_count,
            routes: l3.then_some(state),
            failures: ours.map(|(key, failed)| (key.to_owned(), failed.message.clone())).collect(),
        };
        let mut all: Vec<Condition> = item.status.conditions.clone();
        let said = conditions(one, &known);
        all.retain(|old| said.iter().any(|said| said.kind == old.kind));
        for Said { kind, status, reason, message } in said {
            condition::put(
                &mut all,
                Condition {
                    kind: kind.to_owned(),
                    status,
                    reason: reason.to_owned(),
                    message,
                    last_transition_time: self.now.text.clone(),
                    observed_generation: Some(item.generation),
                },
            );
        }
        NetworkStatus {
            observed_generation: Some(item.generation),
            discovery: Discovery {
                nodes: nodes.all,
                interfaces: count(one.claims),
                blocks: count(one.standing_blocks(self)),
            },
            blocks: one.plan.segments.iter().take(SEGMENTS).map(|result| segment(one, result)).collect(),
            segments: count(one.plan.segments.len()),
            routes: match l3 {
                true => RouteStatus { state, nodes: nodes.routed, failed_nodes: nodes.unrouted },
                false => RouteStatus::default(),
            },
            ready_nodes: nodes.ready,
            not_ready: nodes.not_ready,
            conditions: all,
        }
    }

    fn nodes_of(&self, network: &str, generation: i64) -> Nodes {
        let mut nodes = Nodes::default();
        for (name, member) in &self.members {
            let Some(host) = &member.host else { continue };
            nodes.all += 1;
            let said = host.networks.iter().find(|said| said.name == network);
            match said {
                Some(said) if said.ready => nodes.ready += 1,
                other => {
                    nodes.not_ready_count += 1;
                    if nodes.not_ready.len() < EXAMPLES {
                        nodes.not_ready.push(example(name.as_str(), other, generation));
                    }
                }
            }
            match said.and_then(|said| said.routes_missing) {
                Some(0) => nodes.routed += 1,
                Some(_) => nodes.unrouted += 1,
                None => nodes.silent += 1,
            }
        }
        nodes
    }
}

fn example(node: &str, said: Option<&NodeNetwork>, generation: i64) -> NodeExample {
    let (reason, message) = match said {
        None => ("Silent".to_owned(), "its daemon has not told of the network".to_owned()),
        Some(said) if said.reason.is_empty() => {
            ("NotReady".to_owned(), format!("generation {} of {generation} is in force there", said.generation))
        }
        Some(said) => (said.reason.clone(), said.message.clone()),
    };
    NodeExample { node: node.to_owned(), reason, message }
}

fn segment(one: &Computed<'_>, result: &SegmentResult) -> SegmentBlocks {
    let SegmentResult { segment, interface_index, hosts, free } = result;
    let network = one.standing.force.as_ref().map(|force| &force.network);
    let schemes = network.into_iter().flat_map(|network| network.schemes());
    let cut = schemes.filter_map(|scheme| scheme.interface_block(u128::from(*interface_index)).ok());
    SegmentBlocks {
        segment: segment.to_string(),
        interface_index: *interface_index,
        cidrs: cut.map(|net| net.to_string()).collect(),
        hosts: count(*hosts),
        free: *free,
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
