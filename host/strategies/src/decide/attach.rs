//! Which networks a pod is attached to.

use nicety_core::{
    decision::Decision,
    facts::{Facts, Kind, Request, attach},
    record::decision::Role,
};

use super::{Decided, Narrowing, decide};
use crate::{run::Clock, set::StrategySet};

/// `network` is the one that the NetConf names; empty when it names none.
pub fn attach(set: &StrategySet, network: &str, facts: &attach::Facts, clock: &Clock<'_>) -> Decided<Vec<Request>> {
    let mut runs = Vec::new();
    let before = Asked { facts, requests: Vec::new() };
    let after = decide(set.attach.of(network), &before, Role::Live, clock, &mut runs);
    Decided { outcome: after.map(|asked| asked.requests), runs }
}

#[derive(Clone)]
pub(super) struct Asked<'a> {
    pub(super) facts: &'a attach::Facts,
    pub(super) requests: Vec<Request>,
}

impl Narrowing for Asked<'_> {
    fn question(&self, _: Kind) -> Facts {
        Facts::Attach(self.facts.clone())
    }

    fn after(self, decision: Decision) -> Option<Self> {
        match decision {
            Decision::Requests(requests) => Some(Asked { requests, ..self }),
            Decision::Selection(_) | Decision::Allowed(_) | Decision::Assignment(_) => None,
        }
    }
}
