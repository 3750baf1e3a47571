//! Why there is nothing to apply, and whose doing it is.

use std::{error::Error, fmt};

use nicety_core::{
    decision::Denial,
    evaluate::Failure,
    finding::{self, Finding},
    ids::StrategyName,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum No {
    /// A policy said no.
    Denied { strategy: StrategyName, policy: String, denial: Box<Denial> },
    /// A policy could not be brought to say anything.
    Failed { strategy: StrategyName, policy: String, failure: Failure },
    /// What a policy said breaks a rule of review.
    Refused { strategy: StrategyName, policy: String, findings: Vec<Finding> },
    /// The host's own no, after all policies had spoken: too few NICs were left.
    Host(Box<Denial>),
}

impl No {
    /// True when a fallback may decide instead.
    pub fn is_failure(&self) -> bool {
        match self {
            No::Failed { .. } | No::Refused { .. } => true,
            No::Denied { .. } | No::Host(_) => false,
        }
    }
}

impl fmt::Display for No {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            No::Denied { strategy, policy, denial } => {
                write!(f, "policy `{policy}` of strategy `{strategy}` denied: {}", denial.message)
            }
            No::Failed { strategy, policy, failure } => {
                write!(f, "policy `{policy}` of strategy `{strategy}` failed: {failure}")
            }
            No::Refused { strategy, policy, findings } => {
                let findings = finding::list(findings);
                write!(f, "what policy `{policy}` of strategy `{strategy}` said was refused: {findings}")
            }
            No::Host(denial) => f.write_str(&denial.message),
        }
    }
}

impl Error for No {}
