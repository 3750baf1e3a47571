//! A node's part as slices of bounded size. Who is in a slice stays in it, so that a change rewrites the slices that it is in and no others.
//! `pack` says which slices a part makes; `Slices` has the same of a whole cluster, and takes changes for what they cost.

mod packed;
mod part;

use std::collections::{BTreeMap, BTreeSet};

use nicety_core::{
    egress::share::{Endpoint, GatewayId, PodKey, Share},
    ids::NodeName,
};
pub use packed::{Packed, Slices};

use nicety_objects::{
    EgressSlice,
    egress_slice::{
        EgressSliceSpec, name_of, number_of,
        spec::{MAX_ENDPOINTS, MAX_EXITS_TOGETHER, MAX_GATEWAYS, MAX_SENDERS, MAX_WATCHES},
    },
};

/// By name. `before`: the node's slices as they are; one that is not in the answer is to be deleted.
pub fn pack(
    node: &NodeName,
    share: &Share,
    before: &BTreeMap<String, EgressSlice>,
) -> BTreeMap<String, EgressSliceSpec> {
    let before = before.iter().filter_map(|(name, slice)| Some((number_of(name)?, &slice.part))).collect();
    let parts = parts(share, &before);
    let named = parts.into_iter().filter(|(_, part)| !part.is_empty());
    named.map(|(number, part)| (name_of(node, number), EgressSliceSpec::of(node, &part))).collect()
}

/// All slices of one node together.
pub fn unpack<'a>(slices: impl IntoIterator<Item = &'a EgressSlice>) -> Share {
    let mut share = Share::default();
    for EgressSlice { name: _, node: _, part, cluster: _ } in slices {
        let Share { gateways, endpoints, senders, watches } = part.clone();
        share.gateways.extend(gateways);
        share.endpoints.extend(endpoints);
        share.senders.extend(senders);
        share.watches.extend(watches);
    }
    share
}

/// By number.
fn parts(share: &Share, before: &BTreeMap<u32, &Share>) -> BTreeMap<u32, Share> {
    let mut parts: BTreeMap<u32, Share> = before.keys().map(|number| (*number, Share::default())).collect();
    let mut new: Vec<(&PodKey, &Endpoint)> = Vec::new();
    let was: BTreeMap<&PodKey, u32> =
        before.iter().flat_map(|(number, part)| part.endpoints.keys().map(|key| (key, *number))).collect();
    for (key, endpoint) in &share.endpoints {
        let home = was.get(key).and_then(|number| parts.get_mut(number));
        if !home.is_some_and(|part| put(part, share, key, endpoint)) {
            new.push((key, endpoint));
        }
    }
    // Who comes goes where there is room; what has no room anywhere begins another.
    let mut first = 0;
    for (key, endpoint) in new {
        while !put(parts.entry(first).or_default(), share, key, endpoint) {
            first += 1;
        }
    }
    let there: BTreeSet<GatewayId> = parts.values().flat_map(|part| part.gateways.keys().cloned()).collect();
    let own = share.gateways.iter().filter(|(id, _)| !there.contains(*id));
    spread(&mut parts, before, own, MAX_GATEWAYS, |part| &mut part.gateways, |part| &part.gateways);
    spread(&mut parts, before, share.senders.iter(), MAX_SENDERS, |part| &mut part.senders, |part| &part.senders);
    spread(&mut parts, before, share.watches.iter(), MAX_WATCHES, |part| &mut part.watches, |part| &part.watches);
    parts
}

/// Puts a pod and what its exits name into a part, if it has the room.
fn put(part: &mut Share, share: &Share, key: &PodKey, endpoint: &Endpoint) -> bool {
    let ids: BTreeSet<&GatewayId> =
        endpoint.exits.values().flat_map(|exit| exit.primary.iter().chain(&exit.standby)).collect();
    let more = ids.iter().filter(|id| !part.gateways.contains_key(**id)).count();
    let exits: usize = part.endpoints.values().map(|one| one.exits.len()).sum();
    let full = part.endpoints.len() >= MAX_ENDPOINTS
        || part.gateways.len() + more > MAX_GATEWAYS
        || exits + endpoint.exits.len() > MAX_EXITS_TOGETHER;
    if full && !part.endpoints.is_empty() {
        return false;
    }
    let gateways = ids.into_iter().filter_map(|id| Some((id.clone(), share.gateways.get(id)?.clone())));
    part.gateways.extend(gateways);
    part.endpoints.insert(key.clone(), endpoint.clone());
    true
}

/// Entries of one list: each where it was, else in the first part with room.
fn spread<'a, Key: Ord + Clone + 'a, Value: Clone + 'a>(
    parts: &mut BTreeMap<u32, Share>,
    before: &BTreeMap<u32, &Share>,
    entries: impl Iterator<Item = (&'a Key, &'a Value)>,
    most: usize,
    list_mut: impl Fn(&mut Share) -> &mut BTreeMap<Key, Value>,
    list: impl Fn(&Share) -> &BTreeMap<Key, Value>,
) {
    let mut was: BTreeMap<&Key, u32> = BTreeMap::new();
    for (number, part) in before {
        list(part).keys().for_each(|key| {
            was.entry(key).or_insert(*number);
        });
    }
    let mut put = |number: u32, key: &Key, value: &Value| {
        let entries = list_mut(parts.entry(number).or_default());
        let room = entries.len() < most;
        if room {
            entries.insert(key.clone(), value.clone());
        }
        room
    };
    let mut new = Vec::new();
    for (key, value) in entries {
        if !was.get(key).is_some_and(|number| put(*number, key, value)) {
            new.push((key, value));
        }
    }
    let mut first = 0;
    for (key, value) in new {
        while !put(first, key, value) {
            first += 1;
        }
    }
}

#[cfg(test)]
mod tests;
