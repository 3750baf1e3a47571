//! The demo's pods: who asks for what, what each got, and who should reach whom.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

use anyhow::Context;
use ipnet::{IpNet, Ipv4Net};
use nicety_core::record::Attached;

use super::{
    node::Node,
    reach,
    report::{Reached, Row},
    runtime::{NAMESPACE, Pod, Sandbox},
};

const NETWORKS: &str = "k8s.v1.cni.cncf.io/networks";
/// One NIC of the class `fast`.
const TRAIN: &str = r#"[{"name": "rails", "cni-args": {"nics": 1, "class": "fast"}}]"#;
/// Two NICs, whichever.
const STORE: &str = r#"[{"name": "rails", "interface": "stor", "cni-args": {"nics": 2}}]"#;

/// One interface that the nodes route for.
const HILLS: &str = r#"[{"name": "hills"}]"#;
/// The subnet of `hills`: its pods have single addresses, and are on no common link.
const ROUTED: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 202, 0, 0), 16);

pub fn of(node: &'static str) -> Vec<Pod> {
    vec![
        pod(node, "plain", None),
        pod(node, "train-0", Some(TRAIN)),
        pod(node, "store-0", Some(STORE)),
        pod(node, "far-0", Some(HILLS)),
    ]
}

/// Asks for what `train-0` asked for.
pub fn after_swap(node: &'static str) -> Pod {
    pod(node, "train-1", Some(TRAIN))
}

fn pod(node: &'static str, name: &str, networks: Option<&str>) -> Pod {
    let annotations = networks.map(|networks| (NETWORKS.to_owned(), networks.to_owned()));
    Pod { node, name: name.to_owned(), annotations: annotations.into_iter().collect::<BTreeMap<_, _>>() }
}

/// What the pod got and why, as the daemon explains it.
pub fn rows(node: &Node, sandbox: &Sandbox) -> anyhow::Result<Vec<Row>> {
    let row = |interface: &Attached| Row {
        node: node.name,
        pod: sandbox.pod.name.clone(),
        ifname: interface.ifname.to_string(),
        master: interface.nic.as_ref().map_or_else(String::new, |nic| nic.name.to_string()),
        addresses: interface.addresses.iter().map(ToString::to_string).collect(),
        strategy: interface.strategy.clone(),
        reason: interface.reason.clone(),
        milliseconds: sandbox.took.as_secs_f64() * 1e3,
    };
    let explained = node.explain(&format!("{NAMESPACE}/{}", sandbox.pod.name))?;
    let record = explained.into_iter().next().and_then(|explained| explained.record);
    let record = record.with_context(|| format!("the daemon knows nothing of pod `{}`", sandbox.pod.name))?;
    Ok(record.interfaces.iter().map(row).collect())
}

/// An address of a pod that the CNI result tells, with the interface that has it.
struct Address {
    ifname: String,
    ip: IpAddr,
    /// Interfaces with the same on-link network are on one fabric; those of `hills` have its subnet here.
    network: IpNet,
}

/// Every pair of addresses on one fabric or of one routed network, of pods of different nodes.
pub fn reach(sandboxes: &[(usize, Sandbox)]) -> anyhow::Result<Vec<Reached>> {
    let mut reached = Vec::new();
    for (node, one) in sandboxes {
        for (_, other) in sandboxes.iter().filter(|(elsewhere, _)| elsewhere > node) {
            for from in addresses(one)? {
                for to in addresses(other)?.into_iter().filter(|to| to.network == from.network) {
                    let error = reach::echo(&one.space, from.ip, &other.space, to.ip).err();
                    reached.push(Reached {
                        from: format!("{}/{} {} {}", one.pod.node, one.pod.name, from.ifname, from.ip),
                        to: format!("{}/{} {} {}", other.pod.node, other.pod.name, to.ifname, to.ip),
                        error: error.map(|error| error.to_string()),
                    });
                }
            }
        }
    }
    Ok(reached)
}

fn addresses(sandbox: &Sandbox) -> anyhow::Result<Vec<Address>> {
    let list = |key: &str| sandbox.result.get(key).and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
    let interfaces = list("interfaces");
    list("ips")
        .iter()
        .map(|ip| {
            let place =
                ip.get("interface").and_then(serde_json::Value::as_u64).context("an address without an interface")?;
            let interface = interfaces.get(usize::try_from(place)?).context("an address of an unknown interface")?;
            let text = ip.get("address").and_then(serde_json::Value::as_str).context("an address without text")?;
            let address: IpNet = text.parse()?;
            let ifname = interface.get("name").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
            let routed = IpNet::V4(ROUTED).contains(&address.addr());
            let network = if routed { IpNet::V4(ROUTED) } else { address.trunc() };
            Ok(Address { ifname, ip: address.addr(), network })
        })
        .collect()
}
