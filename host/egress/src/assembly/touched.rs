//! What of a node's part may be another than before, so that what follows from it costs what has changed and not what there is.

use std::{collections::BTreeSet, sync::Arc};

use nicety_core::{egress::share::GatewayId, ids::NodeName};

use crate::view::Name;

/// Of one node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    /// Anything may be: look at all of it.
    pub all: bool,
    /// Pods of the node that came, went or have another exit.
    pub pods: BTreeSet<Name>,
    /// Gateways that are others than they were, or are there no longer: those that the node is, and those that it sends to.
    pub gateways: BTreeSet<Arc<GatewayId>>,
    /// Nodes that have begun or ceased to send to this one, or have other addresses.
    pub senders: BTreeSet<NodeName>,
}

impl Touched {
    pub fn all() -> Touched {
        Touched { all: true, ..Touched::default() }
    }

    /// Both together.
    pub fn and(&mut self, other: Touched) {
        let Touched { all, pods, gateways, senders } = other;
        self.all |= all;
        self.pods.extend(pods);
        self.gateways.extend(gateways);
        self.senders.extend(senders);
    }
}
