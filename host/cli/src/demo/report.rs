//! What the demo prints: tables for people, one document for machines.

use std::net::IpAddr;

use serde::Serialize;

use crate::text::aligned;

/// One interface of one pod.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub node: &'static str,
    pub pod: String,
    pub ifname: String,
    pub master: String,
    pub addresses: Vec<String>,
    pub strategy: String,
    pub reason: String,
    /// Of the whole ADD, as the runtime sees it.
    pub milliseconds: f64,
}

/// One pair of interfaces that spoke, or did not.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reached {
    pub from: String,
    pub to: String,
    pub error: Option<String>,
}

/// The decisions of one strategy, made anew from the journal by another policy or the same.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Replayed {
    pub strategy: String,
    pub with: String,
    pub decisions: u64,
    pub changed: u64,
}

/// What was left after everything was taken back; all zero is what we want.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Leaks {
    pub links: usize,
    pub addresses: usize,
    pub routes: usize,
    pub rules: usize,
    pub leases: usize,
    pub records: usize,
    pub namespaces: usize,
}

impl std::fmt::Display for Leaks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Leaks { links, addresses, routes, rules, leases, records, namespaces } = self;
        write!(
            f,
            "{links} links, {addresses} addresses, {routes} routes, {rules} rules, {leases} leases, {records} records, {namespaces} namespaces"
        )
    }
}

/// A pod behind egress gateways: with which address a server outside sees it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Leaves {
    pub pod: String,
    pub with: IpAddr,
    /// Once a gateway was killed.
    pub after: IpAddr,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub pods: Vec<Row>,
    pub reached: Vec<Reached>,
    /// The pod that came after the strategy file was swapped.
    pub swapped: Vec<Row>,
    pub egress: Vec<Leaves>,
    pub replayed: Vec<Replayed>,
    pub leaks: Leaks,
    pub ok: bool,
}

impl Leaks {
    pub fn total(&self) -> usize {
        let Leaks { links, addresses, routes, rules, leases, records, namespaces } = self;
        links + addresses + routes + rules + leases + records + namespaces
    }
}

/// The rows as an aligned table; the reason comes last because it is the longest.
pub fn table(rows: &[Row]) -> String {
    let head = ["POD", "IFNAME", "MASTER", "ADDRESS", "MS", "STRATEGY", "REASON"].map(str::to_owned);
    let lines = std::iter::once(head).chain(rows.iter().map(|row| {
        [
            format!("{}/{}", row.node, row.pod),
            row.ifname.clone(),
            row.master.clone(),
            row.addresses.join(" "),
            format!("{:.1}", row.milliseconds),
            row.strategy.clone(),
            row.reason.clone(),
        ]
    }));
    aligned(&lines.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_leak_of_any_kind_counts() {
        assert_eq!(Leaks::default().total(), 0);
        assert_eq!(Leaks { rules: 1, ..Leaks::default() }.total(), 1);
    }
}
