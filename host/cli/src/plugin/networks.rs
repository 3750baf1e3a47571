//! `kubectl nicety networks`.

use std::process::ExitCode;

use serde_json::Value;

use super::{Kubectl, condition, entries, number, text};
use crate::text::{aligned, say};

pub fn run(kubectl: &Kubectl) -> anyhow::Result<ExitCode> {
    let networks = kubectl.list("networks.nicety.dev", &[])?;
    say(&if kubectl.cluster.json { serde_json::to_string_pretty(&networks)? } else { page(&networks) });
    Ok(ExitCode::SUCCESS)
}

pub fn page(networks: &[Value]) -> String {
    let head = ["NETWORK", "SUBNETS", "LINK", "ROUTING", "NODES", "NICS", "BLOCKS", "FREE", "READY"].map(str::to_owned);
    let lines = networks.iter().map(|network| {
        let subnets: Vec<&str> = entries(network, "/spec/subnets").filter_map(Value::as_str).collect();
        let link = [text(network, "/spec/link/kind"), text(network, "/spec/link/mode")];
        let free: u64 = entries(network, "/status/blocks").map(|segment| number(segment, "/free")).sum();
        [
            text(network, "/metadata/name").to_owned(),
            if subnets.is_empty() { "-".to_owned() } else { subnets.join(",") },
            link.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "),
            Some(text(network, "/spec/routing")).filter(|routing| !routing.is_empty()).unwrap_or("none").to_owned(),
            format!("{}/{}", number(network, "/status/readyNodes"), number(network, "/status/discovery/nodes")),
            number(network, "/status/discovery/interfaces").to_string(),
            number(network, "/status/discovery/blocks").to_string(),
            free.to_string(),
            condition(network, "Ready"),
        ]
    });
    aligned(&std::iter::once(head).chain(lines).collect::<Vec<_>>())
}
