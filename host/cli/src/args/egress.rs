//! What a daemon is told about egress gateways, and the arguments of `nicety egress ...`.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use ipnet::IpNet;
use nicety_core::{
    cluster::tables::TableRange,
    egress::{health::Thresholds, mark::Mask},
    millis::Millis,
};
use nicety_daemon::config;
use nicety_health::{Kind, Settings};

use super::Socket;
use crate::egress::time;

#[derive(Debug, Args)]
pub struct EgressOptions {
    /// Whether this node takes part in egress gateways; off: what it did before is taken back
    #[arg(long, value_name = "on|off", default_value = "on")]
    pub egress: Switch,
    /// How gateways are asked whether they live
    #[arg(long, value_name = "icmp|tcp:PORT|udp:PORT", default_value_t = Kind::default())]
    pub egress_probe: Kind,
    /// From one probe to the next
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(200..=60_000))]
    pub egress_probe_interval: u64,
    /// How long an answer is waited for [default: as long as the interval]
    #[arg(long, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u64).range(20..=60_000))]
    pub egress_probe_timeout: Option<u64>,
    /// Probes without an answer in a row that make a gateway dead
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub egress_probe_failures: u32,
    /// Probes with an answer in a row that make it alive
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub egress_probe_successes: u32,
    /// How long a gateway that dies again and again has to answer at most before it is believed
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub egress_probe_longest_wait: u64,
    /// Answer other nodes' UDP probes on this port [default: no port is opened]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub egress_answer: Option<u16>,
    /// Bits of packets' marks that are ours; they must be nobody else's on this node
    #[arg(long, value_name = "MASK", default_value_t = Mask::default())]
    pub egress_mask: Mask,
    /// UDP port of the tunnels between nodes; the same on all
    #[arg(long, value_name = "PORT", default_value_t = config::EGRESS_PORT, value_parser = clap::value_parser!(u16).range(1..))]
    pub egress_port: u16,
    /// Numbers of routing tables that ways out of gateways get; one for each number that the mask has
    #[arg(long, value_name = "FIRST-LAST", default_value_t = TableRange::EGRESS)]
    pub egress_tables: TableRange,
    /// This node's own address, of which there is at most one per family; repeatable [default: those of its Node object]
    #[arg(long, value_name = "ADDRESS")]
    pub egress_address: Vec<IpAddr>,
    /// The cluster's own addresses (nodes, pods, services), which no policy captures; repeatable
    #[arg(long, value_name = "CIDR")]
    pub cluster_cidr: Vec<IpNet>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    On,
    Off,
}

impl EgressOptions {
    pub fn config(self) -> Option<config::Egress> {
        let EgressOptions {
            egress,
            egress_probe: kind,
            egress_probe_interval,
            egress_probe_timeout,
            egress_probe_failures: failures,
            egress_probe_successes: successes,
            egress_probe_longest_wait,
            egress_answer: answer,
            egress_mask: mask,
            egress_port: port,
            egress_tables: tables,
            egress_address: addresses,
            cluster_cidr: cluster,
        } = self;
        let longest_wait = Duration::from_secs(egress_probe_longest_wait);
        let thresholds = Thresholds { failures, successes, longest_wait, ..Thresholds::default() };
        let interval = Duration::from_millis(egress_probe_interval);
        let timeout = egress_probe_timeout.map_or(interval, Duration::from_millis);
        let probe = Settings { kind, interval, timeout, thresholds };
        (egress == Switch::On).then_some(config::Egress { probe, answer, mask, port, tables, addresses, cluster })
    }
}

#[derive(Debug, Subcommand)]
pub enum Egress {
    /// Who leaves where, and why: the pods and gateways of this node
    Show(EgressShow),
    /// What becomes of a pod's packets to a destination: policy, gateway, mark, table, or why not
    Trace(EgressTrace),
    /// What a change would move, without making it; of a daemon that has a folder of manifests, in a cluster `kubectl nicety egress plan`
    Plan(EgressPlan),
    /// The assignment of a policy as a picture, SVG; of a daemon that has a folder of manifests, in a cluster `kubectl nicety egress picture`
    Picture(EgressPicture),
    /// Which pod left with an address at a time, from what daemons and controllers wrote down
    Held(EgressHeld),
}

#[derive(Debug, Args)]
pub struct EgressShow {
    /// Of this policy alone
    #[arg(long, value_name = "NAME")]
    pub policy: Option<String>,
    /// Of this pod alone
    #[arg(long, value_name = "NAMESPACE/POD", value_parser = pod)]
    pub pod: Option<String>,
    #[command(flatten)]
    pub socket: Socket,
}

#[derive(Debug, Args)]
pub struct EgressTrace {
    /// A pod of this node, or an address of one
    #[arg(value_name = "NAMESPACE/POD|ADDRESS", value_parser = pod_or_address)]
    pub of: String,
    /// Where it sends to
    #[arg(value_name = "DESTINATION")]
    pub to: IpAddr,
    #[command(flatten)]
    pub socket: Socket,
}

/// A name without its namespace would be found nowhere, and look as if no policy captured the pod.
fn pod(text: &str) -> Result<String, String> {
    let legal = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
    };
    match text.split_once('/') {
        Some((namespace, name)) if legal(namespace) && legal(name) => Ok(text.to_owned()),
        _ => Err(format!("`{text}` is no pod; hint: write NAMESPACE/POD")),
    }
}

fn pod_or_address(text: &str) -> Result<String, String> {
    let address = text.parse::<IpAddr>().map(|address| address.to_string());
    address.or_else(|_| pod(text)).map_err(|_| format!("`{text}` is neither; hint: write NAMESPACE/POD, or an address"))
}

#[derive(Debug, Args)]
pub struct EgressPlan {
    #[command(flatten)]
    pub change: EgressChange,
    #[command(flatten)]
    pub socket: Socket,
}

/// What is tried.
#[derive(Debug, Args)]
pub struct EgressChange {
    /// A node that would be gone; repeatable
    #[arg(long, value_name = "NODE")]
    pub without: Vec<String>,
    /// Manifests whose objects would be added, or take the place of those of their names; repeatable
    #[arg(long, short = 'f', value_name = "FILE")]
    pub with: Vec<PathBuf>,
    /// Strategy that would distribute every policy's pods
    #[arg(long, value_name = "NAME")]
    pub strategy: Option<String>,
}

impl EgressChange {
    /// Names and texts of the manifests.
    pub fn manifests(&self) -> anyhow::Result<Vec<(String, String)>> {
        let read = |file: &PathBuf| {
            let text = std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
            Ok((file.display().to_string(), text))
        };
        self.with.iter().map(read).collect()
    }
}

#[derive(Debug, Args)]
pub struct EgressPicture {
    #[arg(value_name = "POLICY")]
    pub policy: String,
    #[command(flatten)]
    pub socket: Socket,
}

#[derive(Debug, Args)]
pub struct EgressHeld {
    /// The egress address
    #[arg(value_name = "ADDRESS")]
    pub address: IpAddr,
    /// When: `2026-11-21T13:10:24Z`, or a date alone, or seconds since 1970, or milliseconds with `ms` behind [default: now]
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    pub at: Option<Millis>,
    /// Folders that daemons (`egress` in the state directory) and controllers (`--audit`) wrote; repeatable
    #[arg(long, value_name = "DIR", default_value = "/var/lib/nicety/egress")]
    pub from: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_named_with_its_namespace() {
        assert_eq!(pod("pay/p1").unwrap(), "pay/p1");
        for wrong in ["p1", "", "/", "pay/", "/p1", "pay/p1/x", "pay/p 1"] {
            assert!(pod(wrong).unwrap_err().contains("hint: write NAMESPACE/POD"), "{wrong}");
            assert!(pod_or_address(wrong).unwrap_err().contains("hint: write NAMESPACE/POD, or an address"), "{wrong}");
        }
        assert_eq!(pod_or_address("2001:db8::1").unwrap(), "2001:db8::1");
    }
}
