//! Facts and answer of nic-selection: which NICs of the node serve one attachment, in order.

pub use crate::contract::nic_selection::exports::nicety::policy::nic_selection::{
    Choice, Device, DeviceClass, Facts, Functions, LinkState, Nic, Selection, UseBy, Verdict,
};

#[expect(clippy::derivable_impls, reason = "the enum is generated, and its generator cannot mark a default")]
impl Default for LinkState {
    fn default() -> Self {
        LinkState::Unknown
    }
}

impl Nic {
    /// Attachments of all namespaces together.
    pub fn attachments(&self) -> u32 {
        self.users.iter().fold(0, |sum, user| sum.saturating_add(user.attachments))
    }
}

impl Facts {
    /// The candidates with the index by which an answer names them.
    pub fn indexed(&self) -> impl Iterator<Item = (u32, &Nic)> {
        (0..).zip(&self.candidates)
    }
}

impl Selection {
    /// Puts a candidate behind those chosen before.
    pub fn choose(&mut self, candidate: u32, reason: impl Into<String>) {
        self.chosen.push(Choice { candidate, reserve: None, reason: reason.into() });
    }

    pub fn drop(&mut self, candidate: u32, reason: impl Into<String>) {
        self.dropped.push(Verdict { candidate, reason: reason.into() });
    }
}
