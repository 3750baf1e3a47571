//! A pod that was attached on this node before anybody said where it leaves: written down with its attachment, so that a daemon that
//! starts again keeps holding it.

use std::{collections::BTreeSet, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::share::{Endpoint, PodKey};
use crate::address::Family;

/// Fields that an older daemon did not know are absent in what it wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    pub pod: PodKey,
    /// All that its packets may come from, those that other plugins gave it too.
    pub addresses: BTreeSet<IpAddr>,
    /// As these, but nobody ever assigns a gateway by them: of interfaces that a cluster does not tell of.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub beside: BTreeSet<IpAddr>,
    /// Those that captured it when it was attached. Empty: it is free to leave, and no longer what another pod with one of these
    /// addresses was.
    pub policies: BTreeSet<String>,
}

impl Hold {
    /// Whether an assignment is of the pod as it is now, and not as it was before it was made again under the same name: of each family
    /// of which both have addresses, they have one in common.
    pub fn is_lifted_by(&self, endpoint: &Endpoint) -> bool {
        let of = |addresses: &BTreeSet<IpAddr>, family| addresses.iter().any(|one| Family::of(*one) == family);
        let shared = |family| {
            let mut both = self.addresses.intersection(&endpoint.addresses);
            both.any(|one| Family::of(*one) == family)
        };
        let both = [Family::V4, Family::V6]
            .map(|family| (of(&self.addresses, family) && of(&endpoint.addresses, family)).then(|| shared(family)));
        let mut both = both.into_iter().flatten().peekable();
        self.addresses.is_empty() || (both.peek().is_some() && both.all(|shared| shared))
    }

    /// Whatever it may send from.
    pub fn sources(&self) -> impl Iterator<Item = &IpAddr> {
        self.addresses.iter().chain(&self.beside)
    }
}
