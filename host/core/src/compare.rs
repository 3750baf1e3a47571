//! Two outcomes on the same facts, side by side: what a candidate would have changed, in shadow or in a replay.

mod attach;
mod gateways;
mod selection;

use std::{borrow::Cow, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    decision::{Decision, Denial},
    evaluate::Refusal,
    facts::Facts,
    finding::{self, Finding},
    record::decision::{DecisionRecord, Outcome},
};

/// What a policy said, as far as it counts: a decision that review refused is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said<'a> {
    Decided(&'a Decision),
    Denied(&'a Denial),
    /// Broke its limits, the contract or the review; in words.
    Failed(Cow<'a, str>),
}

/// From the least to the most that a change of policy can do to whoever relies on the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    /// Nothing that anybody reads is different.
    Same,
    /// The same effect, told in other words.
    OtherReasons,
    /// Both decided, or both denied, to another effect.
    Different,
    NowDenied,
    NowFailed,
    /// Where nothing was decided before.
    NowDecided,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    pub agreement: Agreement,
    /// Empty when it is the same. Never more than a few dozen, however large the decisions.
    pub differences: Vec<Difference>,
}

/// One thing that is not as before; both sides in words, with their reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// What it is about: `eth1`, `requests[0]`, `primary of 12 endpoints`.
    pub object: String,
    pub before: String,
    pub after: String,
}

/// Both were said to `facts`.
pub fn compare(facts: &Facts, before: &Said<'_>, after: &Said<'_>) -> Comparison {
    match (before, after) {
        (Said::Decided(before), Said::Decided(after)) => decisions(facts, before, after),
        (Said::Denied(was), Said::Denied(is)) => {
            let agreement = if was == is {
                Agreement::Same
            } else if (&was.code, was.retryable) == (&is.code, is.retryable) {
                Agreement::OtherReasons
            } else {
                Agreement::Different
            };
            whole(agreement, before, after)
        }
        (Said::Failed(was), Said::Failed(is)) => {
            whole(if was == is { Agreement::Same } else { Agreement::OtherReasons }, before, after)
        }
        (_, Said::Decided(_)) => whole(Agreement::NowDecided, before, after),
        (_, Said::Denied(_)) => whole(Agreement::NowDenied, before, after),
        (_, Said::Failed(_)) => whole(Agreement::NowFailed, before, after),
    }
}

impl<'a> Said<'a> {
    pub fn of(record: &'a DecisionRecord) -> Said<'a> {
        match &record.outcome {
            Outcome::Decided(decision) => Said::reviewed(Ok(decision), &record.findings),
            Outcome::Refused(refusal) => Said::reviewed(Err(refusal), &record.findings),
        }
    }

    /// `findings` are of the review of the decision.
    pub fn reviewed(outcome: Result<&'a Decision, &'a Refusal>, findings: &[Finding]) -> Said<'a> {
        match outcome {
            Err(Refusal::Denied(denial)) => Said::Denied(denial),
            Err(Refusal::Failed(failure)) => Said::Failed(failure.to_string().into()),
            Ok(decision) if findings.is_empty() => Said::Decided(decision),
            Ok(_) => Said::Failed(format!("refused in review: {}", finding::list(findings)).into()),
        }
    }
}

fn decisions(facts: &Facts, before: &Decision, after: &Decision) -> Comparison {
    if before == after {
        return Comparison { agreement: Agreement::Same, differences: Vec::new() };
    }
    match (facts, before, after) {
        (Facts::Attach(facts), Decision::Requests(before), Decision::Requests(after)) => {
            attach::compare(facts, before, after)
        }
        (Facts::NicSelection(facts), Decision::Selection(before), Decision::Selection(after)) => {
            selection::compare(facts, before, after)
        }
        (Facts::GatewayFilter(facts), Decision::Allowed(before), Decision::Allowed(after)) => {
            gateways::filters(facts, before, after)
        }
        (Facts::GatewayDistribution(facts), Decision::Assignment(before), Decision::Assignment(after)) => {
            gateways::assignments(facts, before, after)
        }
        _ => whole(Agreement::Different, &Said::Decided(before), &Said::Decided(after)),
    }
}

/// One difference, about all of it; none when it is the same.
fn whole(agreement: Agreement, before: &Said<'_>, after: &Said<'_>) -> Comparison {
    let difference = Difference { object: "decision".to_owned(), before: before.to_string(), after: after.to_string() };
    let differences = if agreement == Agreement::Same { Vec::new() } else { vec![difference] };
    Comparison { agreement, differences }
}

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Said::Decided(Decision::Requests(requests)) => {
                write!(f, "asked for {}", counted(requests.len(), "network"))
            }
            Said::Decided(Decision::Selection(selection)) => {
                write!(f, "chose {} and dropped {}", counted(selection.chosen.len(), "NIC"), selection.dropped.len())
            }
            Said::Decided(Decision::Allowed(_)) => f.write_str("decided which gateways are allowed"),
            Said::Decided(Decision::Assignment(assignment)) => {
                write!(f, "assigned {}", counted(assignment.primary.len(), "endpoint"))
            }
            Said::Denied(Denial { code, message, .. }) => write!(f, "denied ({code}): {message}"),
            Said::Failed(why) => write!(f, "failed: {why}"),
        }
    }
}

impl Agreement {
    pub const ALL: [Agreement; 6] = [
        Agreement::Same,
        Agreement::OtherReasons,
        Agreement::Different,
        Agreement::NowDenied,
        Agreement::NowFailed,
        Agreement::NowDecided,
    ];

    /// The same effect.
    pub fn agrees(self) -> bool {
        matches!(self, Agreement::Same | Agreement::OtherReasons)
    }

    /// As in JSON and in labels of metrics.
    pub fn name(self) -> &'static str {
        match self {
            Agreement::Same => "same",
            Agreement::OtherReasons => "other-reasons",
            Agreement::Different => "different",
            Agreement::NowDenied => "now-denied",
            Agreement::NowFailed => "now-failed",
            Agreement::NowDecided => "now-decided",
        }
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Agreement::Same => "same",
            Agreement::OtherReasons => "other reasons",
            Agreement::Different => "different",
            Agreement::NowDenied => "now denied",
            Agreement::NowFailed => "now failed",
            Agreement::NowDecided => "now decided",
        })
    }
}

/// `1 NIC`, `2 NICs`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
