//! `nicety egress held`: which pod left with an address at a time. It asks no daemon: the files of a node that is gone tell too.

use std::process::ExitCode;

use anyhow::Context;
use nicety_core::egress::held::{self, Holding};

use super::{NO, time};
use crate::{
    args::EgressHeld,
    text::{aligned, say, utc},
};

pub fn run(arguments: &EgressHeld) -> anyhow::Result<ExitCode> {
    let EgressHeld { address, at, from, json } = arguments;
    let at = at.as_deref().map_or_else(|| Ok(time::now()), time::parse)?;
    let mut lines = Vec::new();
    for folder in from {
        let read = nicety_journal::read_held(folder);
        let hint = "hint: `--from DIR` names `egress` in a daemon's state directory, or a controller's `--audit`";
        lines.extend(read.with_context(|| format!("cannot read `{}`; {hint}", folder.display()))?);
    }
    let found = held::at(&lines, *address, at);
    if *json {
        say(&serde_json::to_string_pretty(&found.iter().map(document).collect::<Vec<_>>())?);
    } else if found.is_empty() {
        say(&format!("nobody held {address} at {}, as far as these files go", utc(at)));
    } else {
        say(&format!("{address} at {}:\n{}", utc(at), page(&found)));
    }
    Ok(if found.is_empty() { NO.into() } else { ExitCode::SUCCESS })
}

fn document(one: &Holding) -> serde_json::Value {
    let Holding { policy, pod, addresses, node, gateway, egress_ips, from, until } = one;
    serde_json::json!({
        "policy": policy, "namespace": pod.namespace, "name": pod.name, "uid": pod.uid, "addresses": addresses,
        "node": node, "gateway": gateway, "egressIPs": egress_ips, "from": from, "until": until,
    })
}

fn page(found: &[Holding]) -> String {
    let head = ["POD", "UID", "ADDRESSES", "NODE", "POLICY", "GATEWAY", "FROM", "UNTIL"].map(str::to_owned);
    let rows = found.iter().map(|one| {
        let Holding { policy, pod, addresses, node, gateway, egress_ips: _, from, until } = one;
        let addresses = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let until = until.map_or_else(|| "-".to_owned(), utc);
        let (uid, policy) = (pod.uid.clone(), policy.clone());
        [pod.to_string(), uid, addresses, node.to_string(), policy, gateway.to_string(), utc(*from), until]
    });
    aligned(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}
