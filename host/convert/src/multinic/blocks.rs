//! CIDR and IPPool: blocks that nodes have, each an IPBlock of the same addresses.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;
use nicety_core::{address::number, ipam::Blocks};
use nicety_objects::render::{NETWORK_LABEL, NODE_LABEL, ROUTING_LABEL, label_value};
use serde_json::{Map, Value, json};

use super::{
    Cut,
    state::{Cidr, Host},
};
use crate::{
    fields::Fields,
    foreign::Foreign,
    ours::{Converted, object},
    report::{Class, Note, Outcome},
};

/// Names that a note lists at most.
const EXAMPLES: usize = 5;

/// `objects` stand before the blocks.
pub(super) fn of_cidr(cidr: Cidr, cuts: &[Cut], mut objects: Vec<Value>, mut notes: Vec<Note>) -> Converted {
    let Cidr { foreign, entries, .. } = cidr;
    let mut taken = BTreeSet::new();
    for segment in &entries {
        let cut = cuts.iter().find(|cut| cut.net.is_none() || cut.net == segment.net.map(|net| net.trunc()));
        let Some((cut, scheme)) = cut.and_then(|cut| Some((cut, cut.scheme?))) else {
            let meaning = "the network has no blocks here";
            notes.push(Note::new(Class::Refused, "spec.cidr", meaning, ""));
            continue;
        };
        for host in &segment.hosts {
            let recorded = if cut.net.is_some() { 0 } else { segment.index };
            match place(scheme, recorded, host) {
                Err(why) => {
                    notes.push(Note::new(Class::Refused, host.at.as_str(), why, "drain the node; it gets a new block"))
                }
                Ok((interface, number)) => {
                    if (interface, number) != (recorded, host.index) {
                        let meaning = format!(
                            "had the indexes {recorded} and {}; the same addresses are those of {interface} and {number} here",
                            host.index
                        );
                        notes.push(Note::new(Class::Changed, host.at.as_str(), meaning, ""));
                    }
                    if taken.insert((cut.network.clone(), interface, number)) {
                        objects.push(block(cut, interface, number, host, segment.net));
                    } else {
                        let meaning =
                            format!("node `{}` shared this block with another; here a block has one owner", host.node);
                        notes.push(Note::new(Class::Refused, host.at.as_str(), meaning, "raise `ipam.hostBlock`"));
                    }
                }
            }
        }
    }
    let refused = notes.iter().any(|note| note.class == Class::Refused);
    let empty = objects.is_empty() && !refused;
    let mut converted = foreign.converted(objects, notes);
    if empty {
        converted.entry.outcome = Outcome::NotNeeded;
    } else if refused {
        converted.entry.outcome = Outcome::NotConverted;
    }
    converted
}

/// A pool whose CIDR is not at hand is a block by itself; in any case its allocations are told.
pub(super) fn of_pool(
    mut foreign: Foreign,
    cuts: &BTreeMap<String, Vec<Cut>>,
    with_cidr: &BTreeSet<String>,
) -> Converted {
    let label = foreign.label("netname").map(str::to_owned);
    let spec = &mut foreign.spec;
    let network = spec.text("netAttachDef").or(label).unwrap_or_default();
    // Computed from the network's own.
    spec.ignore(&["vlanCIDR", "excludes"]);
    let host = Host {
        at: "spec".to_owned(),
        index: 0,
        node: spec.text("hostName").unwrap_or_default(),
        interface: spec.text("interfaceName").unwrap_or_default(),
        address: None,
        block: spec.parsed("podCIDR", "a prefix"),
    };
    let notes: Vec<Note> = allocations(spec).into_iter().collect();
    if with_cidr.contains(&network) {
        let mut converted = foreign.converted(Vec::new(), notes);
        converted.entry.outcome = Outcome::NotNeeded;
        return converted;
    }
    let cut = cuts.get(&network).into_iter().flatten();
    let holds =
        |cut: &&Cut| cut.scheme.is_some_and(|scheme| host.block.is_some_and(|block| scheme.subnet.contains(&block)));
    let Some((cut, scheme)) = cut.into_iter().find(holds).and_then(|cut| Some((cut, cut.scheme?))) else {
        let why = format!("the network `{network}` is not among the files, or this block is not one of its subnet");
        return foreign.refused("spec.podCIDR", why, "convert it together with its MultiNicNetwork or its CIDR");
    };
    match host.block.and_then(|block| locate(scheme, block)) {
        None => foreign.refused(
            "spec.podCIDR",
            "is no block that the network is cut into",
            "drain the node; it gets a new block",
        ),
        Some((interface, index)) => {
            let object = block(cut, interface, index, &host, None);
            foreign.converted(vec![object], notes)
        }
    }
}

/// Addresses of pods that run: the new daemon does not know them.
fn allocations(spec: &mut Fields) -> Option<Note> {
    let mut names = Vec::new();
    for mut allocation in spec.parts("allocations") {
        allocation.ignore(&["index"]);
        let text = |value: Option<String>| value.unwrap_or_default();
        let pod = format!("{}/{}", text(allocation.text("namespace")), text(allocation.text("pod")));
        names.push(format!("{pod} ({})", text(allocation.text("address"))));
        spec.finish(allocation);
    }
    if names.is_empty() {
        return None;
    }
    let more = names.len().saturating_sub(EXAMPLES);
    let listed = names.iter().take(EXAMPLES).cloned().collect::<Vec<_>>().join(", ");
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let meaning = format!(
        "{} addresses are in use: {listed}{rest}; the block stays the node's, but the new daemon does not know who has them",
        names.len()
    );
    Some(Note::new(
        Class::Check,
        "spec.allocations",
        meaning,
        "drain the node before its pods are attached by the new daemon",
    ))
}

/// The indexes of a host's block: those that were recorded if they make its addresses, else those that do.
fn place(scheme: Blocks, interface: u32, host: &Host) -> Result<(u32, u32), String> {
    let recorded = scheme.host_block(u128::from(interface), u128::from(host.index));
    let Some(block) = host.block else {
        return match recorded {
            Ok(_) => Ok((interface, host.index)),
            Err(error) => Err(error.to_string()),
        };
    };
    if recorded.as_ref().is_ok_and(|recorded| *recorded == block.trunc()) {
        return Ok((interface, host.index));
    }
    locate(scheme, block).ok_or_else(|| format!("`{block}` is no block that `{}` is cut into", scheme.subnet))
}

/// The indexes of the block that has these addresses.
fn locate(scheme: Blocks, block: IpNet) -> Option<(u32, u32)> {
    let Blocks { subnet, interface_bits, host_bits } = scheme;
    let length = subnet.prefix_len().checked_add(interface_bits)?.checked_add(host_bits)?;
    if !subnet.contains(&block) || block.prefix_len() != length {
        return None;
    }
    let bits = u32::from(subnet.max_prefix_len().checked_sub(length)?);
    let index = (number(block.network()) - number(subnet.network())).checked_shr(bits)?;
    let host = index & nicety_core::ipam::block::last_index(host_bits);
    let interface = index.checked_shr(u32::from(host_bits)).unwrap_or(0);
    Some((u32::try_from(interface).ok()?, u32::try_from(host).ok()?))
}

fn block(cut: &Cut, interface: u32, index: u32, host: &Host, net: Option<IpNet>) -> Value {
    let name = format!("{}-{interface}-{index}", cut.network);
    let mut labels = Map::new();
    labels.insert(NETWORK_LABEL.to_owned(), json!(cut.network));
    if let Ok(node) = host.node.parse() {
        labels.insert(NODE_LABEL.to_owned(), json!(label_value(&node)));
    }
    if cut.l3 {
        labels.insert(ROUTING_LABEL.to_owned(), json!("l3"));
    }
    let via: Vec<String> = host.address.iter().filter(|address| address.parse::<IpAddr>().is_ok()).cloned().collect();
    let spec = json!({
        "network": cut.network,
        "node": host.node,
        "interface": host.interface,
        "interfaceIndex": interface,
        "hostIndex": index,
        "segment": net.map_or_else(|| host.interface.clone(), |net| net.trunc().to_string()),
        "via": via,
    });
    object("IPBlock", json!({ "name": name, "labels": labels }), spec)
}
