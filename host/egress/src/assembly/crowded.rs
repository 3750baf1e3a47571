//! Pods of more policies than a slice takes: the first by priority and name are theirs, and the others say so. Told anyhow the API would refuse
//! the slice with everything in it.

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use nicety_objects::egress_slice::spec::MAX_EXITS;

use super::{Assembly, Given, Outcome};

impl Assembly {
    /// Of one pod's policies those that are told.
    pub(super) fn first_of<'a>(&self, policies: &'a [(Arc<str>, Given)]) -> Vec<&'a (Arc<str>, Given)> {
        let mut first: Vec<&(Arc<str>, Given)> = policies.iter().collect();
        if first.len() > MAX_EXITS {
            first.sort_by_key(|(name, _)| {
                let priority = self.view.policies.get(&**name).map(|policy| policy.priority);
                (Reverse(priority), name.clone())
            });
            first.truncate(MAX_EXITS);
        }
        first
    }

    /// Counts for each policy whom it was left out of, and has it say so.
    pub(super) fn leave_out(&mut self, outcome: &mut Outcome) {
        let mut left_out: BTreeMap<Arc<str>, u32> = BTreeMap::new();
        for (node, name) in self.crowded.clone() {
            let Some(policies) = self.held.get(&node).and_then(|pods| pods.get(&name)) else { continue };
            let first = self.first_of(policies);
            for (policy, _) in policies.iter().filter(|(policy, _)| first.iter().all(|(told, _)| told != policy)) {
                *left_out.entry(policy.clone()).or_default() += 1;
            }
            // Another priority is another order.
            self.touch(node).pods.insert(name);
        }
        let mut others = Vec::new();
        for (name, of) in &mut self.policies {
            let now = left_out.get(name.as_str()).copied().unwrap_or_default();
            if std::mem::replace(&mut of.left_out, now) != now {
                others.push(name.clone());
            }
        }
        others.iter().for_each(|name| self.tell(name, outcome));
    }
}
