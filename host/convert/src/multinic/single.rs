//! IPAMs that give one interface one address: run by each delegate there. Here addresses come from blocks of nodes, so the ranges
//! stay and who hands them out changes.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};
use nicety_core::ipam::Blocks;
use serde_json::{Value, json};

use super::{ipam::Part, state::Terms};
use crate::{fields::Fields, report::Class};

/// Bits that number the nodes, where the range leaves room for it; and bits that it must leave for the addresses of one node.
const HOST_BITS: u8 = 8;
const POD_BITS: u8 = 4;

/// No addresses at all.
pub(super) fn without(terms: &Terms) -> Part {
    Part {
        master_nets: terms.master_nets.iter().map(IpNet::trunc).collect(),
        ipam: json!({ "type": "none" }),
        ..Part::default()
    }
}

/// `multi-config`: arguments for each master, so each master is a network here.
pub(super) fn per_master(ipam: &mut Fields, terms: &Terms) -> Vec<Part> {
    let kind = ipam.text("ipam_type").unwrap_or_default();
    let mut args = ipam.part("args");
    let mut parts = Vec::new();
    for master in args.names() {
        let mut own = args.part(&master);
        let part = one(&mut own, &kind, &Terms::default());
        args.finish(own);
        parts.push(Part { suffix: format!("-{}", label(&master)), nics: vec![json!({ "name": master })], ..part });
    }
    ipam.finish(args);
    if parts.is_empty() {
        let meaning = "names no master; there, such a network attached nothing";
        ipam.note(Class::Check, "args", meaning, "");
        return vec![one(ipam, &kind, terms)];
    }
    let meaning = "each master had a range of its own; here a network has one subnet per family, so each master is a Network of its own";
    ipam.note(Class::Changed, "args", meaning, "let pods name these networks in their annotation instead of the one");
    parts
}

/// The arguments of one IPAM plugin of the type.
pub(super) fn one(ipam: &mut Fields, kind: &str, terms: &Terms) -> Part {
    ipam.ignore(&["name", "cniVersion", "type", "log_file", "log_level", "dataDir"]);
    let range = match kind {
        "whereabouts" => whereabouts(ipam),
        "host-local" => host_local(ipam),
        "static" => {
            ipam.lost(
                "addresses",
                "every pod got these addresses, or those that its annotation asked for; here addresses are never chosen by the pod",
                "give the network `subnets` and `ipam.type: blocks` or `ranges`",
            );
            None
        }
        other => {
            let meaning =
                format!("`{other}` asked a service of its own for addresses; here the network's interfaces have none");
            ipam.note(Class::NoEquivalent, "type", meaning, "give the network `subnets` and `ipam.type: blocks`");
            None
        }
    };
    let Some(Range { net, excludes }) = range else { return without(terms) };
    let subnet = net.trunc();
    let host_bits = (subnet.max_prefix_len() - subnet.prefix_len()).saturating_sub(POD_BITS).min(HOST_BITS);
    let meaning = format!(
        "`{kind}` gave any node any address of `{subnet}`; here each node has a block of it: {host_bits} bits make {} nodes of {} \
         addresses each",
        1_u128 << host_bits,
        1_u128.checked_shl(u32::from(subnet.max_prefix_len() - subnet.prefix_len() - host_bits)).unwrap_or(u128::MAX),
    );
    ipam.note(Class::Changed, "", meaning, "set `ipam.hostBlock` to what your number of nodes needs");
    Part {
        subnets: vec![subnet],
        master_nets: terms.master_nets.iter().map(IpNet::trunc).collect(),
        ipam: json!({ "type": "blocks", "hostBlock": host_bits, "excludeCIDRs": excludes }),
        scheme: Some(Blocks { subnet, interface_bits: 0, host_bits }),
        ..Part::default()
    }
}

struct Range {
    net: IpNet,
    excludes: Vec<String>,
}

fn whereabouts(ipam: &mut Fields) -> Option<Range> {
    ipam.ignore(&[
        "network_name",
        "datastore",
        "kubernetes",
        "configuration_path",
        "etcd_host",
        "leader_lease_duration",
        "leader_renew_deadline",
        "leader_retry_period",
        "overlapping_ranges",
        "enable_overlapping_ranges",
    ]);
    gateway(ipam);
    let text = ipam.text("range");
    let (first, last) = (ipam.parsed("range_start", "an address"), ipam.parsed("range_end", "an address"));
    let mut excludes: Vec<String> =
        ipam.parsed_list::<IpNet>("exclude", "a prefix").iter().map(|(_, net)| net.trunc().to_string()).collect();
    ipam.lost(
        "ipRanges",
        "more ranges of the same network; here a network has one subnet per family",
        "make a Network of each",
    );
    // `FIRST-LAST/LENGTH` is the other way to write bounds.
    let text = text?;
    let (bounds, net) = match text.split_once('-') {
        Some((first, rest)) => {
            let (last, length) = rest.split_once('/').unwrap_or((rest, "32"));
            ((first.parse().ok(), last.parse().ok()), format!("{first}/{length}").parse::<IpNet>())
        }
        None => ((first, last), text.parse()),
    };
    let Ok(net) = net else {
        ipam.note(Class::Refused, "range", format!("`{text}` is not a range"), "correct it and convert again");
        return None;
    };
    excludes.extend(outside(net.trunc(), bounds.0, bounds.1));
    Some(Range { net, excludes })
}

fn host_local(ipam: &mut Fields) -> Option<Range> {
    gateway(ipam);
    let mut first = match ipam.list("ranges").into_iter().next() {
        Some(Value::Array(set)) => Fields::new("spec.ipam.ranges[0][0]", set.into_iter().next().unwrap_or_default()),
        _ => Fields::default(),
    };
    let read = |fields: &mut Fields| {
        gateway(fields);
        let net = fields.parsed::<IpNet>("subnet", "a prefix")?;
        let bounds = (fields.parsed("rangeStart", "an address"), fields.parsed("rangeEnd", "an address"));
        Some(Range { net, excludes: outside(net.trunc(), bounds.0, bounds.1) })
    };
    let range = read(ipam).or_else(|| read(&mut first));
    ipam.finish(first);
    if range.is_some() {
        let meaning = "there, every node handed out the same addresses";
        ipam.note(Class::Changed, "", meaning, "");
    }
    range
}

fn gateway(ipam: &mut Fields) {
    ipam.lost("gateway", "told the pod a gateway", "set `gateway4` or `gateway6` of the Network if pods leave by it");
}

/// What lies in `net` before `first` and after `last`.
fn outside(net: IpNet, first: Option<IpAddr>, last: Option<IpAddr>) -> Vec<String> {
    let mut gone = Vec::new();
    match (net, first, last) {
        (IpNet::V4(net), first, last) => {
            if let Some(IpAddr::V4(first)) = first
                && first > net.network()
                && let Some(before) = u32::from(first).checked_sub(1)
            {
                gone.extend(Ipv4Subnets::new(net.network(), before.into(), 0).map(|net| net.to_string()));
            }
            if let Some(IpAddr::V4(last)) = last
                && last < net.broadcast()
                && let Some(after) = u32::from(last).checked_add(1)
            {
                gone.extend(Ipv4Subnets::new(after.into(), net.broadcast(), 0).map(|net| net.to_string()));
            }
        }
        (IpNet::V6(net), first, last) => {
            if let Some(IpAddr::V6(first)) = first
                && first > net.network()
                && let Some(before) = u128::from(first).checked_sub(1)
            {
                gone.extend(Ipv6Subnets::new(net.network(), before.into(), 0).map(|net| net.to_string()));
            }
            if let Some(IpAddr::V6(last)) = last
                && last < net.broadcast()
                && let Some(after) = u128::from(last).checked_add(1)
            {
                gone.extend(Ipv6Subnets::new(after.into(), net.broadcast(), 0).map(|net| net.to_string()));
            }
        }
    }
    gone
}

/// As a part of an object's name.
fn label(text: &str) -> String {
    let legal = |character: char| if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '-' };
    text.chars().map(legal).collect::<String>().trim_matches('-').to_owned()
}
