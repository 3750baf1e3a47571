//! A pod that was attached on this node before anybody said where it leaves: written down with its attachment, so that a daemon that
//! starts again keeps holding it.

use std::{collections::BTreeSet, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::share::PodKey;

/// Fields that an older daemon did not know are absent in what it wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    pub pod: PodKey,
    /// All that its packets may come from, those that other plugins gave it too.
    pub addresses: BTreeSet<IpAddr>,
    /// Those that captured it when it was attached. Empty: it is free to leave, and no longer what another pod with one of these
    /// addresses was.
    pub policies: BTreeSet<String>,
}
