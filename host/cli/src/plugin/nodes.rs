//! `kubectl nicety nodes`: one line a node, of what its daemon published.

use std::{collections::BTreeMap, process::ExitCode};

use serde_json::{Value, json};

use super::{Kubectl, entries, number, text};
use crate::text::{aligned, say};

/// Written by the controller while networks are not ready.
const TAINT: &str = "nicety.dev/not-ready";
/// Digits of a digest that people compare.
const SHORT: usize = 12;

pub fn run(kubectl: &Kubectl) -> anyhow::Result<ExitCode> {
    let nodes = kubectl.list("nodes", &[])?;
    let hosts = kubectl.list("hostinterfaces.nicety.dev", &[])?;
    let strategies = kubectl.list("strategystatuses.nicety.dev", &[])?;
    say(&match kubectl.cluster.json {
        true => serde_json::to_string_pretty(&json!({ "hostInterfaces": hosts, "strategyStatuses": strategies }))?,
        false => page(&nodes, &hosts, &strategies),
    });
    Ok(ExitCode::SUCCESS)
}

pub fn page(nodes: &[Value], hosts: &[Value], strategies: &[Value]) -> String {
    let (hosts, strategies) = (by_name(hosts), by_name(strategies));
    let head = ["NODE", "DAEMON", "NICS", "NETWORKS", "STRATEGIES", "TAINTED", "NOT READY"].map(str::to_owned);
    let lines = nodes.iter().map(|node| {
        let name = text(node, "/metadata/name");
        let dash = || "-".to_owned();
        let tainted = entries(node, "/spec/taints").any(|taint| text(taint, "/key") == TAINT);
        let strategies = strategies.get(name).map(|status| {
            let digest = text(status, "/status/digest").trim_start_matches("sha256:");
            format!("{} {}", number(status, "/status/generation"), digest.chars().take(SHORT).collect::<String>())
        });
        let host = hosts.get(name);
        let networks = || host.iter().flat_map(|host| entries(host, "/status/networks"));
        let is_ready = |network: &&Value| network.get("ready").and_then(Value::as_bool) == Some(true);
        let unready: Vec<&str> =
            networks().filter(|network| !is_ready(network)).map(|network| text(network, "/name")).collect();
        [
            name.to_owned(),
            host.map(|host| text(host, "/status/daemon").to_owned())
                .filter(|version| !version.is_empty())
                .unwrap_or_else(dash),
            host.map_or_else(dash, |host| entries(host, "/spec/interfaces").count().to_string()),
            format!("{}/{}", networks().filter(is_ready).count(), networks().count()),
            strategies.unwrap_or_else(dash).trim_end().to_owned(),
            if tainted { "yes".to_owned() } else { "no".to_owned() },
            if unready.is_empty() { dash() } else { unready.join(",") },
        ]
    });
    aligned(&std::iter::once(head).chain(lines).collect::<Vec<_>>())
}

fn by_name(objects: &[Value]) -> BTreeMap<&str, &Value> {
    objects.iter().map(|object| (text(object, "/metadata/name"), object)).collect()
}
