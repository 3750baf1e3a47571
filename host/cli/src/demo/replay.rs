//! The last step of the demo: what the daemon wrote down is decided anew, by the policy that decided it and by another.

use std::path::Path;

use super::report::Replayed;
use crate::{args::PolicyReplay, policy::replay};

/// Strategies of the demo's manifests, and what stands in for their policies.
const REPLAYS: [(&str, &str); 2] = [("class", "builtin:device-class"), ("class", "builtin:spread")];

pub fn all(journal: &Path) -> anyhow::Result<Vec<Replayed>> {
    REPLAYS.iter().map(|(strategy, with)| one(journal, strategy, with)).collect()
}

fn one(journal: &Path, strategy: &str, with: &str) -> anyhow::Result<Replayed> {
    let arguments = PolicyReplay {
        journal: journal.to_owned(),
        with: with.to_owned(),
        config: None,
        strategy: Some(strategy.to_owned()),
        pod: None,
        limit: 0,
        json: false,
    };
    let (_, replayed, _) = replay::replayed(&arguments)?;
    Ok(Replayed {
        strategy: strategy.to_owned(),
        with: with.to_owned(),
        decisions: replayed.compared(),
        changed: replayed.changed(),
    })
}

/// The same policy says the same again, and another one something else.
pub fn as_expected(replayed: &[Replayed]) -> bool {
    match replayed {
        [same, other] => {
            same.decisions > 0 && same.changed == 0 && other.decisions == same.decisions && other.changed > 0
        }
        _ => false,
    }
}

pub fn told(replayed: &[Replayed]) -> String {
    let line = |one: &Replayed| {
        let Replayed { strategy, with, decisions, changed } = one;
        format!("  strategy `{strategy}` with {with}: {changed} of {decisions} decisions would have been another")
    };
    format!("\nthe journal of a node, replayed:\n\n{}", replayed.iter().map(line).collect::<Vec<_>>().join("\n"))
}
