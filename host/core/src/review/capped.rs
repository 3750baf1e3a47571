//! Findings about a hundred thousand endpoints, of which the first few say enough.

use crate::finding::Finding;

/// So many are told in full, where nothing else is said.
const TOLD: usize = 20;

#[derive(Debug)]
pub(crate) struct Capped {
    told: Vec<Finding>,
    more: usize,
    most: usize,
}

impl Default for Capped {
    fn default() -> Self {
        Capped::at(TOLD)
    }
}

impl Capped {
    /// `most` are told in full.
    pub(crate) fn at(most: usize) -> Self {
        Capped { told: Vec::new(), more: 0, most }
    }

    /// The finding is made only when there is room for it.
    pub(crate) fn push(&mut self, finding: impl FnOnce() -> Finding) {
        if self.told.len() < self.most {
            self.told.push(finding());
        } else {
            self.more += 1;
        }
    }

    pub(crate) fn finish(self) -> Vec<Finding> {
        let Capped { mut told, more, most: _ } = self;
        if more > 0 {
            told.push(Finding::new("", format!("and {more} findings more")));
        }
        told
    }
}
