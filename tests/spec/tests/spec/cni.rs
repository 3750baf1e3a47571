//! The CNI specification, 0.3.0 to 1.1.0: what a plugin reads, and what it answers.

mod configuration;
mod environment;
mod errors;
mod results;
mod runtimes;

use nicety_cni::{Attachment, NetConf, Refused, Request};

const ADD: [(&str, &str); 4] =
    [("CNI_COMMAND", "ADD"), ("CNI_CONTAINERID", "c1"), ("CNI_NETNS", "/run/netns/c1"), ("CNI_IFNAME", "eth0")];

/// A configuration of our own network.
const OWN: &str = r#"{"cniVersion":"1.1.0","name":"net","type":"nicety","network":"default"}"#;

/// The variables of ADD with some of them set otherwise.
fn variables<'a>(changed: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = ADD.into_iter().filter(|(name, _)| changed.iter().all(|(other, _)| name != other));
    kept.chain(changed.iter().copied()).collect()
}

fn parse(variables: &[(&str, &str)], stdin: &str) -> Result<Request, Refused> {
    Request::parse(&variables.iter().copied().collect(), stdin.as_bytes())
}

/// The configuration of an ADD that must be accepted, with `keys` put into it.
fn add(keys: &str) -> Attachment {
    match parse(&ADD, &with(keys)) {
        Ok(Request::Add(attachment)) => attachment,
        other => panic!("{keys}: {other:?}"),
    }
}

/// The same for DEL.
fn del(keys: &str) -> Attachment {
    match parse(&variables(&[("CNI_COMMAND", "DEL")]), &with(keys)) {
        Ok(Request::Del(attachment)) => attachment,
        other => panic!("{keys}: {other:?}"),
    }
}

/// The same for GC.
fn gc(keys: &str) -> NetConf {
    match parse(&[("CNI_COMMAND", "GC")], &with(keys)) {
        Ok(Request::Gc(netconf)) => netconf,
        other => panic!("{keys}: {other:?}"),
    }
}

fn with(keys: &str) -> String {
    let comma = if keys.is_empty() { "" } else { "," };
    format!("{}{comma}{keys}}}", OWN.trim_end_matches('}'))
}

/// The code of a call that must be refused, and its whole text.
fn refused(variables: &[(&str, &str)], stdin: &str) -> (u32, String) {
    match parse(variables, stdin) {
        Err(refused) => (refused.error.code.number(), refused.to_string()),
        Ok(request) => panic!("{stdin} was accepted: {request:?}"),
    }
}
