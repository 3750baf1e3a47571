//! Where addresses come from: `spec.ipam` is JSON in a text, and its `type` says what else it holds.

use ipnet::IpNet;
use nicety_core::ipam::Blocks;
use serde_json::{Value, json};

use super::{
    single,
    state::{Cidr, Segment, State, Terms},
};
use crate::{
    fields::Fields,
    report::{Class, Note},
};

/// A network of ours, as far as its addresses and its NICs go.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    /// Behind the name of the MultiNicNetwork.
    pub suffix: String,
    pub subnets: Vec<IpNet>,
    pub master_nets: Vec<IpNet>,
    pub nics: Vec<Value>,
    pub ipam: Value,
    pub routes: Vec<Value>,
    pub scheme: Option<Blocks>,
    pub net: Option<IpNet>,
    pub l3: bool,
}

pub(super) fn read(spec: &mut Fields, terms: Terms, multi: bool, cidr: Option<&Cidr>, state: &State) -> Vec<Part> {
    let Some(text) = spec.text("ipam") else {
        spec.note(Class::Refused, "ipam", "is missing", "say where addresses come from");
        return Vec::new();
    };
    let document = match serde_json::from_str::<Value>(&text) {
        Ok(document) => document,
        Err(error) => {
            spec.note(Class::Refused, "ipam", format!("is not JSON: {error}"), "correct it and convert again");
            return Vec::new();
        }
    };
    let mut ipam = Fields::new("spec.ipam", document);
    ipam.lost(
        "dns",
        "name servers came with the network's result; an interface here has none",
        "set the pod's `dnsConfig`",
    );
    ipam.ignore(&["daemonIP", "daemonPort"]);
    let kind = ipam.text("type").unwrap_or_default();
    let mut notes = Vec::new();
    let mut parts = match kind.as_str() {
        "multi-nic-ipam" => {
            let mut terms = terms.with_blocks(&mut ipam);
            if let Some(cidr) = cidr {
                in_force(&mut terms, cidr, &mut notes);
            }
            if !multi {
                ipam.note(
                    Class::Check,
                    "type",
                    "without `multiNICIPAM` each interface asked for its own address, and no host routes were made; here one \
                     decision gives all interfaces theirs",
                    "",
                );
                terms.vlan_mode = None;
            }
            if terms.subnet.is_none() && terms.master_nets.is_empty() && cidr.is_none() {
                terms.master_nets = state.nets.iter().copied().collect();
            }
            of_terms(&terms, cidr, &mut notes).into_iter().map(|part| own_addresses(part, state)).collect()
        }
        "multi-config" => single::per_master(&mut ipam, &terms),
        "host-device-ipam" => {
            ipam.note(
                Class::Changed,
                "type",
                "the pod's interface took over the address of the NIC that was moved into the pod; here the interface has no address",
                "set addresses in the pod, or give the network `subnets` and `ipam.type: blocks`",
            );
            vec![single::without(&terms)]
        }
        kind => vec![single::one(&mut ipam, kind, &terms)],
    };
    let routes = routes(&mut ipam, &parts, &mut notes);
    for part in &mut parts {
        part.routes.clone_from(&routes);
    }
    ipam.take_over(notes);
    spec.finish(ipam);
    parts
}

/// A CIDR's values take the place of the network's.
fn in_force(terms: &mut Terms, cidr: &Cidr, notes: &mut Vec<Note>) {
    let theirs = &cidr.terms;
    let nets = |nets: &[IpNet]| nets.iter().map(IpNet::to_string).collect::<Vec<_>>().join(", ");
    let subnet = |subnet: Option<IpNet>| subnet.map(|net| net.to_string()).unwrap_or_default();
    let mut differs = |path: &str, written: String, force: String| {
        if written != force {
            let meaning =
                format!("is `{written}`, but its CIDR, which is what is in force, says `{force}`; the latter is taken");
            notes.push(Note::new(
                Class::Changed,
                path,
                meaning,
                "after the move, edit the Network; edits take effect here",
            ));
        }
    };
    differs("spec.subnet", subnet(terms.subnet), subnet(theirs.subnet));
    differs("spec.ipam.interfaceBlock", terms.interface_block.to_string(), theirs.interface_block.to_string());
    differs("spec.ipam.hostBlock", terms.host_block.to_string(), theirs.host_block.to_string());
    differs("spec.ipam.excludeCIDRs", terms.excludes.join(", "), theirs.excludes.join(", "));
    differs(
        "spec.ipam.vlanMode",
        terms.vlan_mode.clone().unwrap_or_default(),
        theirs.vlan_mode.clone().unwrap_or_default(),
    );
    if !terms.master_nets.is_empty() {
        differs("spec.masterNets", nets(&terms.master_nets), nets(&theirs.master_nets));
    }
    let master_nets = std::mem::take(&mut terms.master_nets);
    *terms = Terms { master_nets, ..theirs.clone() };
    if !terms.master_nets.is_empty() {
        terms.master_nets.clone_from(&theirs.master_nets);
    }
}

/// Networks whose addresses come in blocks.
pub(super) fn of_terms(terms: &Terms, cidr: Option<&Cidr>, notes: &mut Vec<Note>) -> Vec<Part> {
    let l3 = match terms.vlan_mode.as_deref() {
        None | Some("l2") => false,
        Some("l3" | "l3s") => true,
        Some(other) => {
            let meaning = format!("`{other}` is no mode; there, it meant no routes");
            notes.push(Note::new(
                Class::Changed,
                "spec.ipam.vlanMode",
                meaning,
                "write `l3` for routes between the nodes",
            ));
            false
        }
    };
    let Some(written) = terms.subnet else { return per_net(terms, cidr, l3, notes) };
    let subnet = written.trunc();
    if subnet != written {
        let meaning = format!(
            "`{written}` has host bits set; there, blocks were cut from the masked address and could wrap around; here the \
             subnet is `{subnet}`, and blocks that exist keep their addresses, under the indexes that make them"
        );
        notes.push(Note::new(Class::Changed, "spec.subnet", meaning, ""));
    }
    let scheme = Blocks { subnet, interface_bits: terms.interface_block, host_bits: terms.host_block };
    let excludes = excludes(&terms.excludes, subnet, notes);
    vec![Part {
        subnets: vec![subnet],
        master_nets: master_nets(terms, notes),
        ipam: blocks(scheme, excludes),
        scheme: Some(scheme),
        l3,
        ..Part::default()
    }]
}

fn master_nets(terms: &Terms, notes: &mut Vec<Note>) -> Vec<IpNet> {
    if terms.master_nets.is_empty() {
        let meaning = "names no NICs; there, the networks of all nodes were filled in once, in random order; here it means all \
                       NICs of a node in the order of its inventory, and new ones join";
        notes.push(Note::new(Class::Changed, "spec.masterNets", meaning, "name the networks if their order matters"));
    }
    terms.master_nets.iter().map(IpNet::trunc).collect()
}

/// Without a subnet of its own the network took its addresses from the hosts' networks: each is a network here.
fn per_net(terms: &Terms, cidr: Option<&Cidr>, l3: bool, notes: &mut Vec<Note>) -> Vec<Part> {
    let segments: Vec<(u32, IpNet)> = match cidr {
        Some(cidr) => {
            cidr.entries.iter().filter_map(|Segment { net, index, .. }| Some((*index, net.as_ref()?.trunc()))).collect()
        }
        None => (0..).zip(terms.master_nets.iter().map(IpNet::trunc)).collect(),
    };
    if segments.is_empty() {
        let meaning =
            "is missing, so addresses came from the networks of the NICs, and nothing here tells which these are";
        let to_do = "convert it together with the HostInterface objects or its CIDR, or name `masterNets`";
        notes.push(Note::new(Class::Refused, "spec.subnet", meaning, to_do));
        return Vec::new();
    }
    let meaning = "is missing, so addresses came from the networks of the NICs; here a network has one subnet per family, so each \
                   network of NICs is a Network of its own, and the addresses of the nodes' NICs are kept out of it";
    let to_do = "let pods name these networks in their annotation instead of the one";
    notes.push(Note::new(Class::Changed, "spec.subnet", meaning, to_do));
    if terms.interface_block > 0 {
        let meaning = "has no meaning without a subnet, there and here";
        notes.push(Note::new(Class::NoEquivalent, "spec.ipam.interfaceBlock", meaning, ""));
    }
    let mut parts = Vec::new();
    for (index, net) in segments {
        let scheme = Blocks { subnet: net, interface_bits: 0, host_bits: terms.host_block };
        let excludes = excludes(&terms.excludes, net, &mut Vec::new());
        parts.push(Part {
            suffix: format!("-{index}"),
            subnets: vec![net],
            master_nets: vec![net],
            ipam: blocks(scheme, excludes),
            scheme: Some(scheme),
            net: Some(net),
            l3,
            ..Part::default()
        });
    }
    parts
}

/// A pod must not get an address that a node has.
fn own_addresses(mut part: Part, state: &State) -> Part {
    let Some(net) = part.net else { return part };
    let own = state.addresses.iter().filter(|address| net.contains(*address)).map(|address| json!(address.to_string()));
    if let Some(Value::Array(excludes)) = part.ipam.get_mut("excludeCIDRs") {
        excludes.extend(own);
    }
    part
}

fn blocks(scheme: Blocks, excludes: Vec<String>) -> Value {
    json!({
        "type": "blocks",
        "interfaceBlock": Some(scheme.interface_bits).filter(|bits| *bits > 0),
        "hostBlock": scheme.host_bits,
        "excludeCIDRs": excludes,
    })
}

/// Those that touch the subnet, in canonical form.
fn excludes(written: &[String], subnet: IpNet, notes: &mut Vec<Note>) -> Vec<String> {
    let mut excludes = Vec::new();
    for (index, text) in written.iter().enumerate() {
        let path = format!("spec.ipam.excludeCIDRs[{index}]");
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
        let mut note = |class, meaning: String| notes.push(Note::new(class, path.as_str(), meaning, ""));
        match net {
            Err(_) => note(Class::NoEquivalent, format!("`{text}` is neither a prefix nor an address, and left out")),
            Ok(net) if !subnet.contains(&net) && !net.contains(&subnet) => {
                note(Class::NoEquivalent, format!("`{text}` lies outside of `{subnet}`, and left out"));
            }
            Ok(net) => {
                if net.trunc() != net {
                    note(
                        Class::Changed,
                        format!(
                            "`{text}` has host bits set; there, the excluded addresses started at it; here it is `{}`",
                            net.trunc()
                        ),
                    );
                }
                let bare = !text.contains('/');
                excludes.push(if bare { text.clone() } else { net.trunc().to_string() });
            }
        }
    }
    excludes
}

fn routes(ipam: &mut Fields, parts: &[Part], notes: &mut Vec<Note>) -> Vec<Value> {
    let mut routes: Vec<Value> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for mut route in ipam.parts("routes") {
        let at = route.path("");
        let to = route.parsed::<IpNet>("dst", "a prefix");
        let via = route.parsed::<std::net::IpAddr>("gw", "an address");
        let near = |hop: &std::net::IpAddr| {
            parts.iter().all(|part| part.subnets.is_empty() || part.subnets.iter().any(|net| net.contains(hop)))
        };
        match (to, via) {
            (Some(to), Some(hop)) if !near(&hop) => {
                let meaning = format!(
                    "`{hop}` lies in no subnet of the network, so the route to `{to}` could not be reached by it"
                );
                notes.push(Note::new(Class::NoEquivalent, at, meaning, "give a next hop inside the subnet"));
            }
            (Some(to), via) => {
                if !seen.insert(to.trunc()) {
                    let meaning = format!(
                        "is one of several ways to `{to}`, which there became one multipath route; here each interface whose link \
                         holds the next hop gets its own route"
                    );
                    notes.push(Note::new(Class::Changed, at, meaning, "check the pod's routes"));
                }
                routes.push(json!({ "to": to.trunc().to_string(), "via": via.map(|hop| hop.to_string()) }));
            }
            (None, _) => notes.push(Note::new(Class::NoEquivalent, at, "has no destination", "")),
        }
        ipam.finish(route);
    }
    routes
}
