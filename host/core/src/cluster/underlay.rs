//! What this node's daemon has changed on the host for networks as a whole, beside the attachments: kept in the store, so that a
//! daemon that starts again knows its own, and an uninstall can take it back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{IfName, NetworkName};

/// Fields that an older daemon did not know are absent in what it wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Underlay {
    /// The routing table of each network whose routes we make.
    pub tables: BTreeMap<NetworkName, u32>,
    /// Settings of the host's links that we have changed, by path under `/proc/sys`, with what stood there before.
    pub settings: BTreeMap<String, String>,
    /// Bridges that we have made, and for which network.
    pub bridges: BTreeMap<IfName, NetworkName>,
}

impl Underlay {
    /// True when nothing of the host is changed by us.
    pub fn is_empty(&self) -> bool {
        let Underlay { tables, settings, bridges } = self;
        tables.is_empty() && settings.is_empty() && bridges.is_empty()
    }
}
