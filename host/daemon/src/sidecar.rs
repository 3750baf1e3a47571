//! Decisions of this node's strategies for whoever keeps its own plumbing: the sidecar's API over the world in force.

use std::sync::Arc;

use nicety_core::finding::Finding;
use nicety_deciding::Shadows;
use nicety_sidecar::{InForce, Limits, Peers, Ring, Service, Source, engine::REMEMBERED};
use nicety_strategies::StrategySet;
use tokio::net::UnixListener;

use crate::{
    node::{self, Node},
    world::World,
};

/// Serves until its task is dropped. Decisions go into the daemon's own journal, under ids of their own.
pub async fn serve(node: Arc<Node>, listener: UnixListener) {
    let (decisions, bytes) = REMEMBERED;
    let records = Ring::new(decisions, bytes, node::now(), Some(node.journal.clone()));
    let service = Arc::new(Service::new(node, Arc::new(records), Limits::default()));
    let answer = move |request| {
        let service = service.clone();
        async move { service.answer(request).await }
    };
    nicety_sidecar::serve(listener, Peers::with([]), answer, std::future::pending()).await;
}

impl Source for Node {
    fn in_force(&self) -> Arc<dyn InForce> {
        self.world()
    }

    fn refused(&self) -> Vec<Finding> {
        Node::refused(self)
    }

    fn shadows(&self) -> &Shadows {
        &self.shadows
    }
}

impl InForce for World {
    fn generation(&self) -> u64 {
        self.generation
    }

    fn strategies(&self) -> &StrategySet {
        &self.strategies
    }
}
