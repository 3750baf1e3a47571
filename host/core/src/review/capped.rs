//! Findings about a hundred thousand endpoints, of which the first few say enough.

use crate::finding::Finding;

/// So many are told in full.
const TOLD: usize = 20;

#[derive(Debug, Default)]
pub(super) struct Capped {
    told: Vec<Finding>,
    more: usize,
}

impl Capped {
    /// The finding is made only when there is room for it.
    pub(super) fn push(&mut self, finding: impl FnOnce() -> Finding) {
        if self.told.len() < TOLD {
            self.told.push(finding());
        } else {
            self.more += 1;
        }
    }

    pub(super) fn finish(self) -> Vec<Finding> {
        let Capped { mut told, more } = self;
        if more > 0 {
            told.push(Finding::new("", format!("and {more} findings more")));
        }
        told
    }
}
