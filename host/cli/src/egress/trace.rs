//! `nicety egress trace`: what becomes of a pod's packets to a destination.

use std::process::ExitCode;

use nicety_daemon::admin::view::egress::Trace;

use super::NO;
use crate::{
    args::EgressTrace,
    client,
    text::{aligned, say},
};

pub fn run(arguments: &EgressTrace) -> anyhow::Result<ExitCode> {
    let EgressTrace { of, to, socket } = arguments;
    let trace: Trace = client::get(&socket.socket, &format!("/v1/egress/trace?of={of}&to={to}"))?;
    say(&if socket.json { serde_json::to_string_pretty(&trace)? } else { page(&trace) });
    Ok(if trace.policy.is_some() && trace.gateway.is_none() { NO.into() } else { ExitCode::SUCCESS })
}

fn page(trace: &Trace) -> String {
    let Trace { pod, source, destination, verdict, policy: _, gateway: _, why, leaves_with, mark, table } = trace;
    let who = pod.as_ref().map_or_else(|| source.to_string(), |pod| format!("{pod} ({source})"));
    let mut rows = vec![["what".to_owned(), verdict.clone()]];
    rows.extend(why.as_ref().map(|why| ["why".to_owned(), why.clone()]));
    rows.extend(leaves_with.map(|address| ["leaves with".to_owned(), address.to_string()]));
    rows.extend(mark.map(|mark| ["mark".to_owned(), format!("{mark:#010x}")]));
    rows.extend(table.map(|table| ["routing table".to_owned(), format!("{table}; `ip route show table {table}`")]));
    format!("{who} to {destination}, a new flow:\n{}", aligned(&rows))
}
