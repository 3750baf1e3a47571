//! Finds what was decided for a pod or a container.

use std::collections::BTreeMap;

use nicety_core::ids::AttachmentKey;
use nicety_core::record::{PodRef, decision::DecisionRecord};
use nicety_store::ReadError;

use crate::{admin::view::Explained, node::Node};

/// `of`: a container ID or its beginning, or `namespace/pod`. The newest ADD first; empty when nothing is remembered.
pub fn explain(node: &Node, of: &str) -> Result<Vec<Explained>, ReadError> {
    let matches = |key: Option<&AttachmentKey>, pod: &PodRef| match of.split_once('/') {
        Some((namespace, name)) => pod.namespace == namespace && pod.name == name,
        None => !of.is_empty() && key.is_some_and(|key| key.container.as_str().starts_with(of)),
    };
    let mut by_add: BTreeMap<u64, Vec<DecisionRecord>> = BTreeMap::new();
    for decision in node.store.decisions(matches)? {
        by_add.entry(decision.id).or_default().push(decision);
    }
    let explained = by_add.into_iter().rev().map(|(id, mut decisions)| {
        decisions.sort_by_key(|decision| decision.step);
        let record = decisions.first().and_then(|decision| node.store.get(decision.key.as_ref()?));
        let record = record.filter(|record| record.decision == id).map(|record| (*record).clone());
        Explained { decisions, record }
    });
    Ok(explained.collect())
}
