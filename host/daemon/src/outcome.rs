//! Why an ADD was refused, as the error that the runtime shows to people: whose doing it is, what was wrong, what to do.

use nicety_cni::{CniError, Code, Finding as Shown};
use nicety_core::{finding::Finding, ids::NetworkName};
use nicety_strategies::No;

pub fn no(no: &No) -> CniError {
    let code = match no {
        No::Denied { denial, .. } | No::Host(denial) if denial.retryable => Code::TryAgainLater,
        No::Denied { .. } | No::Host(_) => Code::PolicyDenied,
        No::Failed { .. } => Code::PolicyFailed,
        No::Refused { .. } => Code::ReviewRefused,
    };
    let details = match no {
        No::Denied { denial, .. } | No::Host(denial) => match &denial.object {
            Some(object) => format!("{}: {object}", denial.code),
            None => denial.code.clone(),
        },
        No::Failed { .. } | No::Refused { .. } => "nothing was changed".to_owned(),
    };
    CniError::new(code, no.to_string()).with_details(details)
}

/// What the pod asked for of a network does not exist, or is not the network's.
pub fn asked(network: &NetworkName, findings: &[Finding]) -> CniError {
    let findings: Vec<Finding> =
        findings.iter().map(|finding| finding.clone().within(&format!("network `{network}`"))).collect();
    listed(Code::UnknownNetwork, &findings)
}

/// What policies said together is not what may be.
pub fn review(findings: &[Finding]) -> CniError {
    listed(Code::ReviewRefused, findings)
}

/// The links cannot be beside each other, or beside what is there.
pub fn plan(findings: &[Finding]) -> CniError {
    listed(Code::PlanRefused, findings)
}

fn listed(code: Code, findings: &[Finding]) -> CniError {
    let shown: Vec<Shown> = findings.iter().map(|finding| Shown::new(&finding.path, &finding.message)).collect();
    CniError::of_findings(code, &shown)
}
