//! From what should be on the server to the writes that it takes: only what differs, only what may be tried now.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use k8s_openapi::api::core::v1::Node;
use nicety_core::ids::NodeName;
use nicety_k8s::{Place, kinds};
use nicety_objects::{
    API_VERSION,
    egress_policy::EgressPolicyStatus,
    egress_slice::{EgressSliceSpec, NODE_LABEL},
};
use serde_json::{Value, json};

use super::{
    items::{self, SliceItem},
    world::EgressSnapshot,
};
use crate::{
    patience::Patience,
    write::{Act, Write},
};

/// What should be on the server.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wanted {
    /// The cluster's own ranges, in slices that are every node's, by name.
    pub cluster: BTreeMap<String, Arc<EgressSliceSpec>>,
    /// By name.
    pub slices: BTreeMap<String, Arc<EgressSliceSpec>>,
    /// By the policy's name.
    pub statuses: BTreeMap<String, EgressPolicyStatus>,
}

/// Slices that were compared with what is on the server, and are the same: thousands need not be compared again for each change of one.
#[derive(Debug, Clone, Default)]
pub struct Written(BTreeMap<String, (Arc<SliceItem>, Arc<EgressSliceSpec>)>);

impl Written {
    fn has(&mut self, name: &str, there: &Arc<SliceItem>, wanted: &Arc<EgressSliceSpec>) -> bool {
        let known = self.0.get(name).is_some_and(|(item, spec)| Arc::ptr_eq(item, there) && Arc::ptr_eq(spec, wanted));
        if known {
            return true;
        }
        let same = there.labelled && there.slice.as_ref() == Some(wanted);
        match same {
            true => drop(self.0.insert(name.to_owned(), (there.clone(), wanted.clone()))),
            false => drop(self.0.remove(name)),
        }
        same
    }
}

/// What a status gathers before it is written.
pub const SETTLE: Duration = Duration::from_secs(1);

/// Most urgent first: the ways back, then where pods leave, then words, then what nobody needs any more.
pub fn writes(
    wanted: &Wanted,
    snapshot: &EgressSnapshot,
    written: &mut Written,
    patience: &mut Patience,
    now: Instant,
) -> Vec<Write> {
    let is_wanted = |name: &String| wanted.slices.contains_key(name) || wanted.cluster.contains_key(name);
    written.0.retain(|name, _| is_wanted(name));
    // Before anybody is captured for the rest of the world every node knows what is not the rest of the world. Where that is refused,
    // nodes go by what they know.
    let ranges = wanted.cluster.iter().filter_map(|(name, spec)| slice(name, spec, snapshot, written));
    let ranges: Vec<Write> = ranges.collect();
    if ranges.iter().any(|write| patience.is_due(&write.key, now)) {
        return ranges.into_iter().filter(|write| patience.is_due(&write.key, now)).collect();
    }
    let mut urgent = Vec::new();
    let mut writes = Vec::new();
    for (name, spec) in &wanted.slices {
        let Some(write) = slice(name, spec, snapshot, written) else { continue };
        let way_back = !spec.senders.is_empty() || spec.gateways.iter().any(|gateway| gateway.node == spec.node);
        if way_back { &mut urgent } else { &mut writes }.push(write);
    }
    writes.splice(0..0, urgent);
    for (name, status) in &wanted.statuses {
        writes.extend(self::status(name, status, snapshot, patience, now));
    }
    let stale = snapshot.slices.iter().filter(|(name, item)| !is_wanted(name) && !item.head.deleting);
    for (name, item) in stale {
        let act = Act::Delete(Place::of_cluster(kinds::egress_slice(), name.as_str()), item.head.uid.clone());
        writes.push(Write::new(key_of_slice(name), act));
    }
    // What nodes that are gone have said of others.
    let gone = snapshot.healths.iter().filter(|(name, _)| !snapshot.members.nodes.contains_key(*name));
    for (name, item) in gone.filter(|(_, item)| !item.head.deleting) {
        let Ok(node) = name.parse::<NodeName>() else { continue };
        let act = Act::Delete(Place::of_cluster(kinds::egress_health(), name.as_str()), item.head.uid.clone());
        writes.push(Write { unless_there: Some(node), ..Write::new(format!("EgressHealth {name}"), act) });
    }
    let keys: BTreeSet<&str> = writes.iter().chain(&ranges).map(|write| write.key.as_str()).collect();
    patience.keep(|key| keys.contains(key));
    drop(keys);
    writes.retain(|write| patience.is_due(&write.key, now));
    writes
}

fn key_of_slice(name: &str) -> String {
    format!("EgressSlice {name}")
}

fn slice(name: &str, spec: &Arc<EgressSliceSpec>, snapshot: &EgressSnapshot, written: &mut Written) -> Option<Write> {
    let place = || Place::of_cluster(kinds::egress_slice(), name);
    let labels = json!({ NODE_LABEL: items::label(spec.node.parse().ok().as_ref()) });
    let act = match snapshot.slices.get(name) {
        None => Act::Make(place(), object(name, &labels, spec, snapshot)),
        Some(item) => {
            if written.has(name, item, spec) || item.head.deleting {
                return None;
            }
            // Lists are replaced whole, and those that are empty now go.
            let mut fields =
                json!({ "cluster": null, "gateways": null, "endpoints": null, "senders": null, "watches": null });
            if let (Some(all), Ok(Value::Object(some))) = (fields.as_object_mut(), serde_json::to_value(&**spec)) {
                all.extend(some);
            }
            Act::Merge(place(), json!({ "metadata": { "labels": labels }, "spec": fields }))
        }
    };
    Some(Write::new(key_of_slice(name), act))
}

/// A slice goes with its node, if it has one.
fn object(name: &str, labels: &Value, spec: &EgressSliceSpec, snapshot: &EgressSnapshot) -> Value {
    let node = snapshot.members.nodes.get(&spec.node).filter(|node| !node.head.uid.is_empty());
    let owners: Vec<Value> = node
        .map(|node| {
            let kind = kube::core::ApiResource::erase::<Node>(&());
            json!({ "apiVersion": kind.api_version, "kind": kind.kind, "name": spec.node, "uid": node.head.uid })
        })
        .into_iter()
        .collect();
    json!({
        "apiVersion": API_VERSION,
        "kind": "EgressSlice",
        "metadata": { "name": name, "labels": labels, "ownerReferences": owners },
        "spec": spec,
    })
}

fn status(
    name: &str,
    status: &EgressPolicyStatus,
    snapshot: &EgressSnapshot,
    patience: &mut Patience,
    now: Instant,
) -> Option<Write> {
    let item = snapshot.policies.get(name).filter(|item| !item.head.deleting && item.status != *status)?;
    let key = format!("status of EgressPolicy {name}");
    // A new spec and what has gone wrong are answered at once; counts are gathered.
    let news = |status: &EgressPolicyStatus| -> Vec<(String, String)> {
        status.conditions.iter().map(|one| (one.kind.clone(), format!("{:?} {}", one.status, one.reason))).collect()
    };
    let fresh = item.status.observed_generation != status.observed_generation || news(&item.status) != news(status);
    let lasts = patience.lasts(&key, SETTLE, now);
    if !fresh && !lasts {
        return None;
    }
    let object = json!({
        "apiVersion": API_VERSION,
        "kind": "EgressPolicy",
        "metadata": { "name": name, "uid": item.head.uid },
        "status": status,
    });
    Some(Write::new(key, Act::ApplyStatus(Place::of_cluster(kinds::egress_policy(), name), object)))
}
