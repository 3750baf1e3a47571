//! Which networks a pod is attached to.

use nicety_core::{
    decision::Decision,
    facts::{Facts, Kind, Request, attach},
};

use super::{Decided, Narrowing, whole};
use crate::{run::Clock, set::StrategySet};

/// `network` is the one that the NetConf names; empty when it names none.
pub fn attach(set: &StrategySet, network: &str, facts: &attach::Facts, clock: &Clock<'_>) -> Decided<Vec<Request>> {
    let before = Asked { facts, requests: None };
    let pod = &facts.pod;
    let (after, runs, shadows) =
        whole(set.attach.of(network), &before, &[pod.namespace.as_str(), &pod.name].join("/"), clock);
    Decided { outcome: after.map(|asked| asked.requests.unwrap_or_default()), runs, shadows }
}

#[derive(Clone)]
pub(super) struct Asked<'a> {
    pub(super) facts: &'a attach::Facts,
    pub(super) requests: Option<Vec<Request>>,
}

impl Narrowing for Asked<'_> {
    fn question(&self, _: Kind) -> Facts {
        Facts::Attach(self.facts.clone())
    }

    fn after(&self, decision: Decision) -> Option<Self> {
        match decision {
            Decision::Requests(requests) => Some(Asked { requests: Some(requests), ..*self }),
            Decision::Selection(_) | Decision::Allowed(_) | Decision::Assignment(_) => None,
        }
    }

    fn decision(&self) -> Option<Decision> {
        self.requests.clone().map(Decision::Requests)
    }
}
