//! Routes between nodes: tables and rules of ours beside those of others, and pods that reach each other by them.

use std::collections::{BTreeMap, BTreeSet};

use nicety_core::{
    address::Family,
    cluster::{
        routes::{
            self, NicState, OwnNic, Remote, Wanted,
            acts::{Act, Network, Seen, acts},
        },
        segment::Segment,
        tables::{TableRange, assign},
    },
    ids::NetworkName,
};
use nicety_kernel::{ROUTE_PROTOCOL, apply, forwarding, peers};
use serde_json::Value;

use crate::{
    lab::{self, Pod, deadline, ip, run},
    tests, veth_routed,
};

tests![
    pods_of_two_nodes_reach_each_other_in_both_families,
    a_node_that_joins_or_leaves_touches_its_own_routes_alone,
    rows_rules_and_tables_of_others_stay_as_they_are,
    two_links_share_the_traffic_and_a_moved_next_hop_is_replaced,
    a_next_hop_that_the_kernel_refuses_is_told_and_stops_nothing,
    nothing_of_ours_is_left_when_the_network_goes,
];

const SUBNETS: [&str; 2] = ["10.9.0.0/16", "fd00:9::/32"];

fn rails() -> NetworkName {
    "rails".parse().unwrap()
}

fn own(name: &str, addresses: &[&str]) -> OwnNic {
    let nic = lab::host_nic(name);
    let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
    OwnNic { name: nic.name, index: nic.index, state: NicState::Up, addresses }
}

fn remote(node: &str, via: &[&str], nets: &[&str]) -> Remote {
    Remote {
        block: format!("rails-{node}"),
        node: node.parse().unwrap(),
        segment: Segment::Whole,
        via: via.iter().map(|text| text.parse().unwrap()).collect(),
        nets: nets.iter().map(|text| text.parse().unwrap()).collect(),
    }
}

/// As a daemon does it: look, compute, make the difference. Returns the table and what was done.
fn reconcile(own: &[OwnNic], remotes: &[Remote]) -> (u32, Vec<Act>) {
    let seen = peers::read(deadline()).unwrap();
    let range = TableRange::default();
    let table = assign(range, &BTreeSet::from([rails()]), &kept(&seen), &seen.of_others()).tables[&rails()];
    let Wanted { routes, missing } = routes::wanted(own, remotes);
    assert_eq!(missing, []);
    let subnets = SUBNETS.iter().map(|text| text.parse().unwrap()).collect();
    let (acts, taken) = acts(&[Network { table, subnets, routes }], &seen, range, &BTreeSet::new());
    assert_eq!(taken, []);
    assert_eq!(peers::apply(&acts, deadline()).unwrap(), []);
    (table, acts)
}

fn kept(seen: &Seen) -> BTreeMap<NetworkName, u32> {
    seen.rules.iter().map(|rule| (rails(), rule.table)).collect()
}

/// `ip route show` in one of our tables: destination, next hops, protocol.
fn shown(table: u32) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for family in ["-4", "-6"] {
        // A table exists once it has had a route.
        let (ok, out) = run("ip", &format!("-j -d {family} route show table {table}"));
        let listed: Value =
            if ok && !out.trim().is_empty() { serde_json::from_str(&out).unwrap() } else { Value::Null };
        for route in listed.as_array().into_iter().flatten() {
            let hop = |hop: &Value| format!("{} dev {}", hop["gateway"], hop["dev"]);
            let hops = match route["nexthops"].as_array() {
                Some(several) => several.iter().map(hop).collect::<Vec<_>>().join(" + "),
                None => hop(route),
            };
            lines.insert(format!("{} via {hops} proto {}", route["dst"], route["protocol"]).replace('"', ""));
        }
    }
    lines
}

fn rules() -> BTreeSet<String> {
    let each = ["-4", "-6"].map(|family| ip(&format!("{family} rule show")));
    let line = |rule: &Value| {
        let from = format!("{}/{}", rule["src"], rule["srclen"]).replace('"', "");
        format!("{} from {from} lookup {} {}", rule["priority"], rule["table"], rule["protocol"])
    };
    each.iter().flat_map(|list| list.as_array().into_iter().flatten()).map(line).collect()
}

/// Two nodes on one cable; `eth1` of node `number` has 10.0.1.NUMBER and fd01::NUMBER.
fn two_nodes() -> [Pod; 2] {
    let nodes = [Pod::new(), Pod::new()];
    ip("link add fabric type bridge");
    ip("link set fabric up");
    for (node, number) in nodes.iter().zip(1..) {
        ip(&format!("link add cable{number} type veth peer name up{number}"));
        ip(&format!("link set cable{number} master fabric up"));
        node.take(&format!("up{number}"), "eth1");
        node.inside(|| {
            ip(&format!("addr add 10.0.1.{number}/24 dev eth1"));
            ip(&format!("addr add fd01::{number}/64 dev eth1 nodad"));
            ip("link set eth1 up");
        });
    }
    nodes
}

fn forward(nic: &OwnNic) -> BTreeMap<String, String> {
    let both = [Family::V4, Family::V6].map(|family| (nic.name.clone(), family));
    let (settings, errors) = forwarding::wanted(&BTreeSet::from(both));
    assert!(errors.is_empty(), "{errors:?}");
    let before = settings.keys().map(|path| (path.clone(), forwarding::present(path).unwrap().unwrap()));
    let before = before.collect();
    settings.iter().for_each(|(path, value)| forwarding::set(path, value).unwrap());
    before
}

fn pods_of_two_nodes_reach_each_other_in_both_families() {
    let nodes = two_nodes();
    let mut pods = Vec::new();
    for (node, number) in nodes.iter().zip(1u8..) {
        let other = 3 - number;
        let pod = Pod::new();
        node.inside(|| {
            // As hosts that are strict about it: the answer to a ping shows that our rule leads back.
            std::fs::write("/proc/sys/net/ipv4/conf/eth1/rp_filter", "1").unwrap();
            if !std::path::Path::new("/proc/sys/net/ipv6/conf/eth1/force_forwarding").exists() {
                std::fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1").unwrap();
            }
            let steps = veth_routed::steps_at(
                "eth0",
                "nic00000000001",
                number,
                [&format!("10.9.{number}.2"), &format!("fd00:9:0:{number}::2")],
            );
            apply(&pod.netns(), &steps, deadline()).unwrap();
            let eth1 = own("eth1", &[&format!("10.0.1.{number}/24"), &format!("fd01::{number}/64")]);
            let nets = [format!("10.9.{other}.0/24"), format!("fd00:9:0:{other}::/64")];
            let via = [format!("10.0.1.{other}"), format!("fd01::{other}")];
            let remote = remote("other", &via.each_ref().map(String::as_str), &nets.each_ref().map(String::as_str));
            forward(&eth1);
            let (table, _) = reconcile(&[eth1], &[remote]);
            let expected =
                [0, 1].map(|family| format!("{} via {} dev eth1 proto {ROUTE_PROTOCOL}", nets[family], via[family]));
            assert_eq!(shown(table), BTreeSet::from(expected));
            for (priority, subnet) in [peers::RULE_PRIORITY; 2].iter().zip(SUBNETS) {
                let rule = format!("{priority} from {subnet} lookup \"{table}\" \"{ROUTE_PROTOCOL}\"");
                assert!(rules().contains(&rule), "{rule} in {:?}", rules());
            }
        });
        pods.push(pod);
    }
    lab::eventually("a ping over IPv4", || pods[0].ping("10.9.2.2"));
    lab::eventually("a ping over IPv6", || pods[1].ping("fd00:9:0:1::2"));
}

fn a_node_that_joins_or_leaves_touches_its_own_routes_alone() {
    lab::nic("eth1");
    ip("addr add 10.0.1.1/24 dev eth1");
    let own = [own("eth1", &["10.0.1.1/24"])];
    let all: Vec<Remote> =
        (2..40).map(|n| remote(&format!("n{n}"), &[&format!("10.0.1.{n}")], &[&format!("10.9.{n}.0/24")])).collect();
    let (table, made) = reconcile(&own, &all[1..]);
    assert_eq!(made.len(), all.len() - 1 + SUBNETS.len());
    assert_eq!(reconcile(&own, &all[1..]).1, []);
    let before = shown(table);
    let (_, joined) = reconcile(&own, &all);
    assert_eq!(joined.len(), 1, "{joined:?}");
    assert_eq!(shown(table).difference(&before).count(), 1);
    let (_, left) = reconcile(&own, &all[1..]);
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(shown(table), before);
}

fn rows_rules_and_tables_of_others_stay_as_they_are() {
    lab::nic("eth1");
    ip("addr add 10.0.1.1/24 dev eth1");
    let preferred =
        assign(TableRange::default(), &BTreeSet::from([rails()]), &BTreeMap::new(), &BTreeSet::new()).tables[&rails()];
    // The very table that we would take, and our protocol number with another metric.
    ip(&format!("route add 172.16.0.0/16 via 10.0.1.7 table {preferred} proto static"));
    ip(&format!("route add 172.17.0.0/16 via 10.0.1.7 table {} proto {ROUTE_PROTOCOL}", preferred + 1));
    ip(&format!("rule add from 172.16.0.0/16 lookup {preferred}"));
    ip(&format!(
        "rule add from 10.9.0.0/16 iif eth1 lookup 77 pref {} protocol {ROUTE_PROTOCOL}",
        peers::RULE_PRIORITY
    ));
    ip("route add 10.9.2.0/24 via 10.0.1.7 proto static");
    let (routes, others) = (lab::state(), rules());
    let own = [own("eth1", &["10.0.1.1/24"])];
    let (table, _) = reconcile(&own, &[remote("b", &["10.0.1.2"], &["10.9.2.0/24"])]);
    assert!(table != preferred && table != preferred + 1, "{table}");
    let foreign = format!("route add 10.9.3.0/24 via 10.0.1.7 table {table} proto static");
    ip(&foreign);
    reconcile(&own, &[remote("b", &["10.0.1.3"], &["10.9.2.0/24"])]);
    assert!(shown(table).contains("10.9.3.0/24 via 10.0.1.7 dev eth1 proto static"), "{:?}", shown(table));
    ip(&foreign.replace("add", "del"));
    gone();
    lab::unchanged("the host", &routes, &lab::state());
    assert_eq!(rules(), others);
}

fn two_links_share_the_traffic_and_a_moved_next_hop_is_replaced() {
    for name in ["eth1", "eth2"] {
        lab::nic(name);
    }
    for (name, last) in [("eth1", 1), ("eth2", 9)] {
        ip(&format!("addr add 10.0.1.{last}/24 dev {name}"));
        ip(&format!("addr add fd01::{last}/64 dev {name} nodad"));
    }
    let both = [own("eth1", &["10.0.1.1/24", "fd01::1/64"]), own("eth2", &["10.0.1.9/24", "fd01::9/64"])];
    let block = ["10.9.2.0/24", "fd00:9:0:2::/64"];
    let (table, _) = reconcile(&both, &[remote("b", &["10.0.1.2", "fd01::2"], &block)]);
    let proto = ROUTE_PROTOCOL;
    let expected = [
        format!("10.9.2.0/24 via 10.0.1.2 dev eth1 + 10.0.1.2 dev eth2 proto {proto}"),
        format!("fd00:9:0:2::/64 via fd01::2 dev eth1 + fd01::2 dev eth2 proto {proto}"),
    ];
    assert_eq!(shown(table), BTreeSet::from(expected));
    assert_eq!(reconcile(&both, &[remote("b", &["10.0.1.2", "fd01::2"], &block)]).1, []);
    for own in [&both[..1], &both[..], &both[1..]] {
        let (_, acts) = reconcile(own, &[remote("b", &["10.0.1.3", "fd01::3"], &block)]);
        assert_eq!(acts.len(), 2, "{acts:?}");
        let hops = own.iter().map(|nic| nic.name.to_string());
        let hops = |via: &str| hops.clone().map(|dev| format!("{via} dev {dev}")).collect::<Vec<_>>().join(" + ");
        let expected = [
            format!("10.9.2.0/24 via {} proto {proto}", hops("10.0.1.3")),
            format!("fd00:9:0:2::/64 via {} proto {proto}", hops("fd01::3")),
        ];
        assert_eq!(shown(table), BTreeSet::from(expected));
    }
}

fn a_next_hop_that_the_kernel_refuses_is_told_and_stops_nothing() {
    lab::nic("eth1");
    ip("addr add 10.0.1.1/24 dev eth1");
    // We believe in an address that the NIC has lost.
    let own = [own("eth1", &["10.0.1.1/24", "10.0.2.1/24"])];
    let remotes = [remote("b", &["10.0.2.2"], &["10.9.2.0/24"]), remote("c", &["10.0.1.3"], &["10.9.3.0/24"])];
    let Wanted { routes, .. } = routes::wanted(&own, &remotes);
    let network = Network { table: 11_000, subnets: vec![SUBNETS[0].parse().unwrap()], routes };
    let (acts, _) = acts(&[network], &peers::read(deadline()).unwrap(), TableRange::default(), &BTreeSet::new());
    let refused = peers::apply(&acts, deadline()).unwrap();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(matches!(&acts[refused[0].0], Act::Route { .. }), "{refused:?}");
    let left = format!("10.9.3.0/24 via 10.0.1.3 dev eth1 proto {ROUTE_PROTOCOL}");
    assert_eq!(shown(11_000), BTreeSet::from([left]));
}

/// What is done when no network is left.
fn gone() {
    let seen = peers::read(deadline()).unwrap();
    let (acts, _) = acts(&[], &seen, TableRange::default(), &BTreeSet::new());
    assert_eq!(peers::apply(&acts, deadline()).unwrap(), []);
}

fn nothing_of_ours_is_left_when_the_network_goes() {
    lab::nic("eth1");
    ip("addr add 10.0.1.1/24 dev eth1");
    let (before, others) = (lab::state(), rules());
    let eth1 = own("eth1", &["10.0.1.1/24"]);
    let settings = forward(&eth1);
    assert_eq!(run("cat", "/proc/sys/net/ipv4/conf/eth1/forwarding").1.trim(), "1");
    reconcile(&[eth1], &[remote("b", &["10.0.1.2"], &["10.9.2.0/24"])]);
    gone();
    settings.iter().for_each(|(path, value)| forwarding::set(path, value).unwrap());
    assert_eq!(run("cat", "/proc/sys/net/ipv4/conf/eth1/forwarding").1.trim(), "0");
    lab::unchanged("the host", &before, &lab::state());
    assert_eq!(rules(), others);
}
