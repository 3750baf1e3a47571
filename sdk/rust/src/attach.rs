//! Facts of attach: which networks a pod is attached to, and how. The answer is a list of [`crate::Request`].

pub use crate::contract::attach::exports::nicety::policy::attach::{Call, Facts, Mode, Offer};

#[expect(clippy::derivable_impls, reason = "the enum is generated, and its generator cannot mark a default")]
impl Default for Mode {
    fn default() -> Self {
        Mode::OwnNetwork
    }
}

impl Facts {
    /// The place and the offer of the network that the NetConf names.
    pub fn default_offer(&self) -> Option<(u32, &Offer)> {
        (0..).zip(&self.networks).find(|(_, offer)| offer.default)
    }

    pub fn offer(&self, name: &str) -> Option<(u32, &Offer)> {
        (0..).zip(&self.networks).find(|(_, offer)| offer.name == name)
    }
}
