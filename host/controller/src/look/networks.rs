//! What is written to Networks themselves beside their status: the finalizer, and which spec is in force.

use std::collections::BTreeMap;

use nicety_core::cluster::State;
use nicety_k8s::{Place, kinds};
use serde_json::{Map, Value, json};

use super::{Computed, Look};
use crate::{
    force::Standing,
    items::{BLOCKS_FINALIZER, IN_FORCE, NetworkItem},
    write::{Act, Write},
};

impl Look<'_> {
    pub(super) fn finalizers(&self, standings: &BTreeMap<String, Standing>, computed: &[Computed<'_>]) -> Vec<Write> {
        let mut left: BTreeMap<&str, usize> = BTreeMap::new();
        for item in self.snapshot.blocks.values() {
            *left.entry(&item.network).or_default() += 1;
        }
        let mut writes = Vec::new();
        for one in computed {
            let Some(item) = self.snapshot.networks.get(one.name) else { continue };
            let standing = standings.get(one.name);
            let metadata = match item.head.deleting {
                true => leaving(item, left.get(one.name).copied().unwrap_or(0) + promised(one)),
                false => standing.map(|standing| kept(item, standing)).unwrap_or_default(),
            };
            if !metadata.is_empty() {
                let mut metadata = metadata;
                metadata.insert("resourceVersion".to_owned(), json!(item.head.resource_version));
                let place = Place::of_cluster(kinds::network(), one.name);
                let act = Act::Merge(place, json!({ "metadata": metadata }));
                writes.push(Write::new(format!("Network {}", one.name), act).of(one.name));
            }
        }
        writes
    }
}

/// Blocks that are being made while their Network goes: they are deleted when they are there.
fn promised(one: &Computed<'_>) -> usize {
    one.plan.delete.len()
}

fn leaving(item: &NetworkItem, blocks: usize) -> Map<String, Value> {
    let mut metadata = Map::new();
    if blocks == 0 && item.head.holds(BLOCKS_FINALIZER) {
        let left: Vec<&String> = item.head.finalizers.iter().filter(|one| *one != BLOCKS_FINALIZER).collect();
        metadata.insert("finalizers".to_owned(), json!(left));
    }
    metadata
}

fn kept(item: &NetworkItem, standing: &Standing) -> Map<String, Value> {
    let mut metadata = Map::new();
    if !item.head.holds(BLOCKS_FINALIZER) {
        let with: Vec<&str> = item.head.finalizers.iter().map(String::as_str).chain([BLOCKS_FINALIZER]).collect();
        metadata.insert("finalizers".to_owned(), json!(with));
    }
    if let Some(force) = &standing.force {
        let remembered = item.in_force.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
        if remembered.as_ref() != Some(&force.spec) {
            metadata.insert("annotations".to_owned(), json!({ IN_FORCE: force.spec.to_string() }));
        }
    }
    metadata
}

impl Computed<'_> {
    /// Blocks of the Network that are there and stay.
    pub(super) fn standing_blocks(&self, look: &Look<'_>) -> usize {
        let ours = look.snapshot.blocks.values().filter(|item| item.network == self.name);
        ours.filter(|item| item.block.as_ref().is_some_and(|block| block.state == State::Standing)).count()
    }
}
