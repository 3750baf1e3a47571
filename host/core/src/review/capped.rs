//! Findings about a hundred thousand endpoints, of which the first few say enough, and findings that quote a text which somebody
//! made as long as it could be: what is wrong in every way is still told in a message that can be sent.

use crate::finding::Finding;

/// So many are told in full, where nothing else is said.
const TOLD: usize = 20;
/// Longest message and longest path, in bytes.
const TEXT_MAX: usize = 1024;

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

    pub(crate) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            self.push(|| finding);
        }
    }

    pub(crate) fn finish(self) -> Vec<Finding> {
        let Capped { mut told, more, most: _ } = self;
        for Finding { path, message } in &mut told {
            clip(path);
            clip(message);
        }
        if more > 0 {
            told.push(Finding::new("", format!("and {more} findings more")));
        }
        told
    }
}

fn clip(text: &mut String) {
    if text.len() > TEXT_MAX {
        text.truncate(text.floor_char_boundary(TEXT_MAX));
        text.push_str("...");
    }
}
