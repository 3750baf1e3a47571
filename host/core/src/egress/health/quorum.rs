//! One word on a node from the verdicts of its observers: the majority of those that have said anything, and never one alone where
//! there are others. Half against half is no word.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::{Health, Verdict};
use crate::{ids::NodeName, millis::Millis};

/// One observer's verdict, and since when it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub observer: NodeName,
    pub verdict: Verdict,
    pub since: Millis,
}

/// What came of the reports on one node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    pub health: Health,
    /// When the report came that made it so; none while it is unknown.
    pub since: Option<Millis>,
    /// Observers that agree with it; all that reported while it is unknown.
    pub agree: usize,
    pub reported: usize,
}

/// `observers`: how many watch the node, as far as is known; who knows only the reports says 0. Of two reports of one observer the
/// later one counts.
pub fn quorum<'a>(reports: impl IntoIterator<Item = &'a Report>, observers: usize) -> Standing {
    let mut latest: BTreeMap<&NodeName, &Report> = BTreeMap::new();
    for report in reports {
        let known = latest.entry(&report.observer).or_insert(report);
        // What is said at the same time is settled by what is said, so that order does not matter.
        if (report.since, report.verdict) > (known.since, known.verdict) {
            *known = report;
        }
    }
    let reported = latest.len();
    let needed = if reported.max(observers) >= 2 { 2.max(reported / 2 + 1) } else { 1 };
    let standing = [Verdict::Healthy, Verdict::Unhealthy].into_iter().find_map(|verdict| {
        let mut since: Vec<Millis> =
            latest.values().filter(|report| report.verdict == verdict).map(|report| report.since).collect();
        since.sort_unstable();
        let last = needed.checked_sub(1).and_then(|last| since.get(last))?;
        Some(Standing { health: verdict.into(), since: Some(*last), agree: since.len(), reported })
    });
    standing.unwrap_or(Standing { agree: reported, reported, ..Standing::default() })
}
