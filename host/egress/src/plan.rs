//! What a change would move, without making it.

use std::{collections::BTreeMap, fmt::Write};

use nicety_core::egress::share::GatewayId;
use nicety_strategies::{StrategySet, run::Clock};

use crate::assembly::{Assembly, Change, Move};

/// What would come of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Pods that would have another gateway, or one more or less.
    pub moves: Vec<Move>,
    /// By policy; those too of which nothing would move.
    pub policies: BTreeMap<String, Summary>,
}

/// How many pods of one policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    pub endpoints: usize,
    /// Would have no gateway, so that what they send to the policy's destinations is dropped: as it is, and as it would be.
    pub without: Without,
    /// From one gateway to another: their connections break.
    pub moved: usize,
    /// Had a gateway and would have none.
    pub lost: usize,
    /// Had none and would have one.
    pub gained: usize,
    /// Why the decision would come to nothing.
    pub failed: Option<String>,
}

/// Pods that a policy captures and that have no gateway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Without {
    pub before: usize,
    pub then: usize,
}

impl Without {
    fn of(policy: &str, before: &Assembly, then: &Assembly) -> Without {
        let count = |of: &Assembly| {
            of.assigned(policy).filter(|(_, primary, standby, _)| primary.is_none() && standby.is_none()).count()
        };
        Without { before: count(before), then: count(then) }
    }

    /// A pod that was in no policy before, and would be in one without a gateway, has lost its way out without having had a gateway.
    pub fn grows(&self) -> bool {
        self.then > self.before
    }
}

/// `assembly` as it was recomputed last; `set` may be another than decided then. What stands in `assembly` stays as it is.
pub fn plan(
    assembly: &Assembly,
    changes: impl IntoIterator<Item = Change>,
    set: &StrategySet,
    clock: &Clock<'_>,
) -> Plan {
    let mut then = assembly.clone();
    changes.into_iter().for_each(|change| then.take(change));
    let moves = then.recompute(set, clock).moves;
    Plan::of(assembly, &then, moves)
}

impl Plan {
    /// What a recomputation came to that has been made on something that is thrown away.
    pub fn of(before: &Assembly, then: &Assembly, moves: Vec<Move>) -> Plan {
        let names = before.view().policies.keys().chain(then.view().policies.keys());
        let mut policies: BTreeMap<String, Summary> = BTreeMap::new();
        for name in names {
            let failed = then.failure(name).map(str::to_owned);
            let endpoints = then.assigned(name).count();
            let without = Without::of(name, before, then);
            policies.insert(name.clone(), Summary { endpoints, without, failed, ..Summary::default() });
        }
        for Move { policy, from, to, .. } in &moves {
            let summary = policies.entry(policy.clone()).or_default();
            match (from, to) {
                (Some(_), Some(_)) => summary.moved += 1,
                (Some(_), None) => summary.lost += 1,
                (None, Some(_)) => summary.gained += 1,
                (None, None) => (),
            }
        }
        Plan { moves, policies }
    }

    /// For people: a line per policy, then at most `most` pods of each kind of movement.
    pub fn text(&self, most: usize) -> String {
        let mut text = String::new();
        for (policy, Summary { endpoints, without, moved, lost, gained, failed }) in &self.policies {
            let _ = writeln!(
                text,
                "{policy}: of {endpoints} pods {moved} would move, {lost} would lose their gateway, {gained} would get one"
            );
            let Without { before, then } = without;
            if *then > 0 {
                let _ = writeln!(
                    text,
                    "  policy `{policy}` would have no gateway for {then} pods (now for {before}): their packets to its destinations \
                     are dropped then"
                );
            }
            if let Some(why) = failed {
                let _ = writeln!(text, "  nothing would be decided, and the last assignment stay: {why}");
            }
            let of = self.moves.iter().filter(|one| one.policy == *policy);
            for Move { pod, from, to, why, .. } in of.clone().take(most) {
                let gateway =
                    |id: &Option<std::sync::Arc<GatewayId>>| id.as_ref().map_or("none".to_owned(), |id| id.to_string());
                let _ =
                    writeln!(text, "  {}/{}: {} -> {} ({why})", pod.namespace, pod.name, gateway(from), gateway(to));
            }
            let rest = of.count().saturating_sub(most);
            if rest > 0 {
                let _ = writeln!(text, "  and {rest} more");
            }
        }
        text
    }
}
