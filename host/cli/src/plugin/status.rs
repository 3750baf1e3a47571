//! `kubectl nicety status`: what is not as it should be, or that all is.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
};

use serde_json::{Value, json};

use super::{Kubectl, entries, number, text, untrue};
use crate::text::say;

/// Names that a line lists at most.
const EXAMPLES: usize = 5;

/// What was found, for people and as JSON.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Overview {
    pub lines: Vec<String>,
    pub wrong: Vec<String>,
}

pub fn run(kubectl: &Kubectl) -> anyhow::Result<ExitCode> {
    let system = ["--namespace", kubectl.cluster.system_namespace.as_str(), "--selector=app.kubernetes.io/name=nicety"];
    let workloads = kubectl.list("daemonsets,deployments", &system)?;
    let networks = kubectl.list("networks.nicety.dev", &[])?;
    let hosts = kubectl.list("hostinterfaces.nicety.dev", &[])?;
    let strategies = kubectl.list("strategystatuses.nicety.dev", &[])?;
    let overview = look(&workloads, &networks, &hosts, &strategies);
    say(&match kubectl.cluster.json {
        true => serde_json::to_string_pretty(&json!({ "counts": overview.lines, "wrong": overview.wrong }))?,
        false => page(&overview),
    });
    Ok(if overview.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

pub fn look(workloads: &[Value], networks: &[Value], hosts: &[Value], strategies: &[Value]) -> Overview {
    let mut found = Overview::default();
    found.workload(workloads, "DaemonSet", "daemons", "/status/numberReady", "/status/desiredNumberScheduled");
    found.workload(workloads, "Deployment", "controllers", "/status/readyReplicas", "/spec/replicas");
    let mut unready = BTreeMap::<&str, BTreeSet<&str>>::new();
    for (host, network) in
        hosts.iter().flat_map(|host| entries(host, "/status/networks").map(move |network| (host, network)))
    {
        if network.get("ready").and_then(Value::as_bool) != Some(true) {
            unready.entry(text(network, "/name")).or_default().insert(text(host, "/metadata/name"));
        }
    }
    found.lines.push(format!("networks     {}", networks.len()));
    for network in networks {
        let name = text(network, "/metadata/name");
        found.wrong.extend(untrue(network).into_iter().map(|why| format!("network {name}: {why}")));
    }
    for (network, nodes) in unready {
        found.wrong.push(format!("network {network}: not ready on {}", some(&nodes)));
    }
    found.lines.push(format!("nodes        {} with NICs published", hosts.len()));
    found.strategies(strategies);
    found
}

impl Overview {
    fn workload(&mut self, workloads: &[Value], kind: &str, what: &str, ready: &str, wanted: &str) {
        let of_kind = workloads.iter().filter(|workload| text(workload, "/kind") == kind);
        let (ready, wanted) =
            of_kind.fold((0, 0), |sum, one| (sum.0 + number(one, ready), sum.1 + number(one, wanted)));
        self.lines.push(format!("{what:<12} {ready} of {wanted} ready"));
        if wanted == 0 {
            self.wrong
                .push(format!("there are no {what}; hint: is Nicety in another namespace (`--system-namespace`)?"));
        } else if ready < wanted {
            self.wrong.push(format!("{what}: {} of {wanted} are not ready", wanted - ready));
        }
    }

    /// Nodes decide alike when they have one digest; those of the smaller group are the ones to look at.
    fn strategies(&mut self, strategies: &[Value]) {
        let mut by_digest = BTreeMap::<&str, BTreeSet<&str>>::new();
        for status in strategies {
            let node = text(status, "/metadata/name");
            by_digest.entry(text(status, "/status/digest")).or_default().insert(node);
            self.wrong.extend(untrue(status).into_iter().map(|why| format!("strategies of node {node}: {why}")));
        }
        self.lines.push(format!("strategies   {} in force", by_digest.len()));
        // Of groups of one size the first is taken for the right one: they have to be looked at anyway.
        let most = by_digest.iter().max_by_key(|(digest, nodes)| (nodes.len(), std::cmp::Reverse(**digest)));
        let most = most.map(|(digest, _)| *digest);
        for (digest, nodes) in by_digest.iter().filter(|(digest, _)| Some(**digest) != most) {
            self.wrong.push(format!("strategies: {} decide by another set than most, {digest}", some(nodes)));
        }
    }
}

fn page(overview: &Overview) -> String {
    let counts = overview.lines.join("\n");
    match overview.wrong.as_slice() {
        [] => format!("{counts}\n\nall is as it should be"),
        wrong => format!("{counts}\n\nnot as it should be:\n  {}", wrong.join("\n  ")),
    }
}

fn some(names: &BTreeSet<&str>) -> String {
    let listed = names.iter().take(EXAMPLES).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(EXAMPLES) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}
