//! CNI errors: the code and the JSON that a runtime reads from standard output.

use serde::Serialize;

use crate::{finding::Finding, version::Version};

/// Findings that one error spells out; it goes into a pod's events, and input may be wrong in a hundred thousand places.
const FINDINGS_TOLD: usize = 64;

/// What a runtime is told. Codes up to 99 are those of the CNI specification (and 8, which its Go library added); ours start at 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Code {
    IncompatibleVersion = 1,
    UnsupportedField = 2,
    /// The container is unknown or gone; the runtime need not clean up.
    UnknownContainer = 3,
    InvalidEnvironment = 4,
    IoFailure = 5,
    DecodingFailure = 6,
    InvalidNetConf = 7,
    /// CNI_NETNS is not a network namespace, or is the daemon's own.
    InvalidNetns = 8,
    TryAgainLater = 11,
    /// STATUS: ADD cannot be served now.
    NotAvailable = 50,
    /// STATUS: ADD cannot be served, and containers already attached may be impaired.
    LimitedConnectivity = 51,
    /// A policy said no; the message carries its reason.
    PolicyDenied = 100,
    /// A policy trapped, ran out of fuel, time or memory, or broke the contract.
    PolicyFailed = 101,
    /// A policy's answer did not pass review.
    ReviewRefused = 102,
    AddressesExhausted = 103,
    /// The links asked for exclude each other, or something that exists already.
    PlanRefused = 104,
    /// The kernel refused a step; the steps before it were undone.
    KernelRefused = 105,
    /// Records or leases could not be read or written.
    StoreFailed = 106,
    /// CHECK: the kernel does not hold what the record says.
    Drift = 107,
    /// A network or class that the call or the pod names does not exist, or cannot be used on this node.
    UnknownNetwork = 108,
    /// A defect of this plugin.
    Internal = 199,
}

impl Code {
    pub const ALL: [Code; 21] = [
        Code::IncompatibleVersion,
        Code::UnsupportedField,
        Code::UnknownContainer,
        Code::InvalidEnvironment,
        Code::IoFailure,
        Code::DecodingFailure,
        Code::InvalidNetConf,
        Code::InvalidNetns,
        Code::TryAgainLater,
        Code::NotAvailable,
        Code::LimitedConnectivity,
        Code::PolicyDenied,
        Code::PolicyFailed,
        Code::ReviewRefused,
        Code::AddressesExhausted,
        Code::PlanRefused,
        Code::KernelRefused,
        Code::StoreFailed,
        Code::Drift,
        Code::UnknownNetwork,
        Code::Internal,
    ];

    pub fn number(self) -> u32 {
        self as u32
    }
}

/// `msg` is one sentence; `details` is what a person reads next, and may be empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{msg}{}{details}", if details.is_empty() { "" } else { ": " })]
pub struct CniError {
    pub code: Code,
    pub msg: String,
    pub details: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Json<'a> {
    cni_version: &'a str,
    code: u32,
    msg: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    details: &'a str,
}

impl CniError {
    pub fn new(code: Code, msg: impl Into<String>) -> CniError {
        CniError { code, msg: msg.into(), details: String::new() }
    }

    pub fn with_details(self, details: impl Into<String>) -> CniError {
        CniError { details: details.into(), ..self }
    }

    /// One finding is the message itself; of several, the message counts them and the details list them all.
    pub fn of_findings(code: Code, findings: &[Finding]) -> CniError {
        let listed: Vec<String> = findings.iter().map(Finding::to_string).collect();
        match listed.as_slice() {
            [only] => CniError::new(code, only.clone()),
            all => {
                let counted = format!("{} things are wrong with this call", all.len());
                let told = all.get(..FINDINGS_TOLD).unwrap_or(all);
                let rest = all.len().saturating_sub(told.len());
                let rest = if rest == 0 { String::new() } else { format!("; and {rest} more") };
                CniError::new(code, counted).with_details(told.join("; ") + &rest)
            }
        }
    }

    /// The error object of the specification, one line with its end.
    pub fn render(&self, version: Version) -> String {
        let CniError { code, msg, details } = self;
        crate::result::line(&Json { cni_version: version.as_str(), code: code.number(), msg, details })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_findings_is_counted_and_cut() {
        let findings: Vec<Finding> = (0..1000).map(|n| Finding::new(format!("ips[{n}]"), "is wrong")).collect();
        let error = CniError::of_findings(Code::InvalidNetConf, &findings);
        assert!(error.msg.starts_with("1000 things"), "{}", error.msg);
        assert!(error.details.ends_with("; and 936 more") && error.details.len() < 4096, "{}", error.details);
    }
}
