//! Gateways: an entry was one node, here it is a group of which one is active.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::labels;
use crate::{fields::Fields, report::Class};

pub(super) fn read(spec: &mut Fields) -> Vec<Value> {
    let groups = spec.parts("egressGroups");
    let enterprise = !groups.is_empty();
    let mut entries = if enterprise { groups } else { spec.parts("egressGateways") };
    let single = spec.part("egressGateway");
    match (entries.is_empty(), single.names().is_empty()) {
        (true, false) => entries.push(single),
        (false, false) => {
            let meaning = "stands beside `egressGateways`, and was ignored there";
            spec.note(Class::Changed, "egressGateway", meaning, "take it out, or add it to the list");
        }
        (_, true) => (),
    }
    if entries.is_empty() {
        spec.note(Class::Refused, "egressGateway", "is missing", "say which nodes are gateways");
    }
    zones(spec);
    if entries.len() > 1 && !enterprise {
        let meaning = "there, a hash of the pod's UID modulo the number of gateways chose one, so nearly all pods moved when a gateway \
                       came or went; here the strategy distributes them, and says why";
        spec.note(Class::Changed, "egressGateways", meaning, "set `strategy` if the default does not suit");
    }
    let mut written = Vec::new();
    for mut entry in entries {
        written.push(group(&mut entry, enterprise));
        spec.finish(entry);
    }
    written
}

fn group(entry: &mut Fields, enterprise: bool) -> Value {
    let mut group = Map::new();
    let nodes = entry.raw("nodeSelector");
    if nodes.is_none() {
        entry.note(Class::Refused, "nodeSelector", "is missing", "say which nodes are gateways");
    }
    let nodes = labels::plain(entry, "nodeSelector", nodes.unwrap_or_else(|| json!({})));
    group.insert("nodeSelector".to_owned(), nodes);
    let (interface, address) = (entry.text("interface"), entry.parsed::<IpAddr>("egressIP", "an address"));
    if interface.is_some() && address.is_some() {
        entry.note(Class::Refused, "interface", "stands beside `egressIP`, and was refused there", "take one out");
    }
    if let Some(interface) = interface {
        group.insert("interface".to_owned(), json!(interface));
    }
    if let Some(address) = address {
        group.insert("egressIPs".to_owned(), json!([address.to_string()]));
    }
    let most = if enterprise { entry.parsed::<u32>("maxGatewayNodes", "a number").unwrap_or(0) } else { 1 };
    if most > 0 {
        group.insert("maxGateways".to_owned(), json!(most));
    }
    if !enterprise {
        let meaning = "there, the first node by name was the gateway, alive or not; here one of these nodes is active, and the others \
                       stand by for it";
        entry.note(Class::Changed, "nodeSelector", meaning, "raise `maxGateways` to use more of them");
    }
    Value::Object(group)
}

fn zones(spec: &mut Fields) {
    match spec.text("azAffinity").as_deref() {
        None | Some("disabled") => (),
        Some(mode) => {
            let meaning =
                format!("`{mode}` preferred gateways of the client's zone; here that is the strategy's affair");
            spec.note(Class::NoEquivalent, "azAffinity", meaning, "set `strategy` to one that looks at zones");
        }
    }
}
