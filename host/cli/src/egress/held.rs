//! `nicety egress held`: which pod left with an address at a time. It asks no daemon: the files of a node that is gone tell too.

use std::process::ExitCode;

use anyhow::Context;
use nicety_core::{
    egress::held::{self, Holding},
    millis::Millis,
};

use super::{NO, time};
use crate::{
    args::EgressHeld,
    text::{aligned, say, utc},
};

pub fn run(arguments: &EgressHeld) -> anyhow::Result<ExitCode> {
    let EgressHeld { address, at, from, json } = arguments;
    let at = at.unwrap_or_else(time::now);
    let (mut lines, mut begin) = (Vec::new(), Vec::new());
    for folder in from {
        let read = nicety_journal::read_held(folder);
        let hint = "hint: `--from DIR` names `egress` in a daemon's state directory, or a controller's `--audit`";
        let read = read.with_context(|| format!("cannot read `{}`; {hint}", folder.display()))?;
        begin.push((folder.display().to_string(), read.iter().map(|line| line.at).min()));
        lines.extend(read);
    }
    let found = held::at(&lines, *address, at);
    // Before the first line of a folder somebody may have held it all the same: older files are gone, or nobody wrote yet.
    if found.is_empty()
        && let Some(why) = unknown(&begin, at)
    {
        anyhow::bail!("who held {address} at {} is not known: {why}", utc(at));
    }
    if *json {
        say(&serde_json::to_string_pretty(&found.iter().map(document).collect::<Vec<_>>())?);
    } else if found.is_empty() {
        say(&format!("nobody held {address} at {}, as far as these files go", utc(at)));
    } else {
        say(&format!("{address} at {}:\n{}", utc(at), page(&found)));
    }
    Ok(if found.is_empty() { NO.into() } else { ExitCode::SUCCESS })
}

/// Why nothing can be said of a time. `begin`: of each folder the time of its first line.
fn unknown(begin: &[(String, Option<Millis>)], at: Millis) -> Option<String> {
    let late = begin.iter().filter(|(_, first)| first.is_none_or(|first| at < first));
    let said = late.map(|(folder, first)| match first {
        Some(first) => format!("the files of `{folder}` go from {} on", utc(*first)),
        None => format!("`{folder}` has no line"),
    });
    let said: Vec<String> = said.collect();
    (!said.is_empty()).then(|| said.join("; "))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_time_before_the_files_nothing_is_said() {
        let begin =
            |first: Option<u64>| vec![("a".to_owned(), Some(Millis(1000))), ("b".to_owned(), first.map(Millis))];
        assert_eq!(unknown(&begin(Some(5000)), Millis(5000)), None);
        let said = unknown(&begin(Some(5000)), Millis(4999)).unwrap();
        assert_eq!(said, "the files of `b` go from 1970-01-01 00:00:05 UTC on");
        assert!(unknown(&begin(None), Millis(9000)).unwrap().contains("`b` has no line"));
        assert!(unknown(&begin(Some(5000)), Millis(0)).unwrap().contains("`a` go from"));
    }
}
