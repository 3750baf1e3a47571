//! What changes while traffic goes on: gateways die, drain, are swapped; pods come before their assignment.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use nicety_core::egress::{
    program::Settings,
    share::{GatewayId, Way},
};
use nicety_datapath::{Datapath, Kept};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

use crate::{
    cluster::{ANY, Cluster, FAR, NODES, Plan, addresses, settings},
    lab::{deadline, eventually, ip, run},
    outside::{PORT, Talk, tcp, udp},
    tests,
};

tests![
    a_dead_gateways_pods_go_to_their_standby_and_nobody_elses_connection_breaks,
    a_moved_pod_keeps_its_connections_on_the_gateway_that_lives_and_opens_new_ones_on_the_other,
    a_policy_swapped_live_takes_new_connections_at_once,
    a_pod_that_is_held_never_leaves,
    a_hold_brings_its_policies_and_lets_nobody_else_go,
    a_number_that_is_reused_leads_nobody_to_the_gateway_that_gets_it,
    a_floating_address_moves_and_the_link_is_told,
    a_floating_address_that_could_not_be_announced_is_at_the_next_look,
    what_is_wrong_with_one_way_holds_back_no_other,
];

fn three(plan: &mut Plan) -> [GatewayId; 3] {
    plan.policy("all", 0, &ANY, &[]);
    [
        ("g1", ["192.0.2.23", "2001:db8::23"]),
        ("g2", ["192.0.2.24", "2001:db8::24"]),
        ("g3", ["192.0.2.25", "2001:db8::25"]),
    ]
    .map(|(node, pair)| plan.gateway(node, addresses(pair)))
}

fn a_dead_gateways_pods_go_to_their_standby_and_nobody_elses_connection_breaks() {
    let cluster = Cluster::new();
    let mut plan = Plan::default();
    let [one, two, three] = three(&mut plan);
    plan.exit("a", "all", &one, Some(&two));
    plan.exit("b", "all", &two, Some(&three));
    plan.exit("c", "all", &one, Some(&three));
    plan.exit("d", "all", &three, Some(&one));
    cluster.follow(&plan);
    let mut others: Vec<Talk> = [("b", FAR[0]), ("b", FAR[1]), ("d", FAR[0]), ("d", FAR[1])]
        .map(|(pod, to)| Talk::begin(cluster.pod(pod), to).expect("a connection"))
        .into();
    let mut lost = Talk::begin(cluster.pod("a"), FAR[0]).expect("a connection");
    for link in ["eth0", "eth1"] {
        cluster.nodes["g1"].host.ip(&format!("link set {link} down"));
    }
    assert!(!lost.goes_on());
    plan.dead.insert("g1".parse().unwrap());
    cluster.follow(&plan);
    assert_eq!(tcp(cluster.pod("a"), FAR[0]).as_deref(), Some("192.0.2.24"));
    assert_eq!(tcp(cluster.pod("a"), FAR[1]).as_deref(), Some("2001:db8::24"));
    assert_eq!(udp(cluster.pod("c"), FAR[0]).as_deref(), Some("192.0.2.25"));
    for talk in &mut others {
        assert!(talk.goes_on(), "a connection from {} broke", talk.from);
    }
}

fn a_moved_pod_keeps_its_connections_on_the_gateway_that_lives_and_opens_new_ones_on_the_other() {
    let cluster = Cluster::new();
    let mut plan = Plan::default();
    let [one, two, _] = three(&mut plan);
    plan.exit("a", "all", &one, None);
    plan.exit("e", "all", &one, None);
    cluster.follow(&plan);
    let mut old: Vec<Talk> = [("a", FAR[0]), ("a", FAR[1]), ("e", FAR[0])]
        .map(|(pod, to)| Talk::begin(cluster.pod(pod), to).expect("a connection"))
        .into();
    // A drain is this for all of a gateway's pods.
    plan.exit("a", "all", &two, None);
    plan.exit("e", "all", &two, None);
    cluster.follow(&plan);
    assert_eq!(tcp(cluster.pod("a"), FAR[0]).as_deref(), Some("192.0.2.24"));
    assert_eq!(tcp(cluster.pod("e"), FAR[0]).as_deref(), Some("192.0.2.24"));
    assert_eq!(udp(cluster.pod("a"), FAR[1]).as_deref(), Some("2001:db8::24"));
    for talk in &mut old {
        assert!(talk.goes_on(), "a connection from {} broke", talk.from);
    }
}

fn a_policy_swapped_live_takes_new_connections_at_once() {
    let cluster = Cluster::new();
    let mut plan = Plan::default();
    let [one, two, _] = three(&mut plan);
    plan.exit("a", "all", &one, None);
    cluster.follow(&plan);
    assert_eq!(tcp(cluster.pod("a"), FAR[0]).as_deref(), Some("192.0.2.23"));
    let mut old = Talk::begin(cluster.pod("a"), FAR[0]).expect("a connection");
    let mut swapped = Plan { gateways: plan.gateways.clone(), ..Plan::default() };
    swapped.policy("other", 0, &["198.51.100.0/24"], &[]);
    swapped.exit("a", "other", &two, None);
    cluster.follow(&swapped);
    assert_eq!(tcp(cluster.pod("a"), FAR[0]).as_deref(), Some("192.0.2.24"));
    assert!(old.goes_on(), "a connection from {} broke", old.from);
    // IPv6 is not captured any more, and nobody translates it.
    assert_eq!(tcp(cluster.pod("a"), FAR[1]), None);
    let nobody = Plan::default();
    cluster.follow(&nobody);
    assert_eq!(tcp(cluster.pod("a"), FAR[0]), None);
    assert!(cluster.log.sources().len() >= 2);
}

fn a_pod_that_is_held_never_leaves() {
    let cluster = Cluster::new();
    let mut plan = Plan::default();
    let [one, ..] = three(&mut plan);
    plan.exit("a", "all", &one, None);
    cluster.follow(&plan);
    // Its address was another pod's, whose datagrams had a gateway.
    cluster.hold("new", &["all"], &plan).expect("a hold");
    for to in FAR {
        assert_eq!((tcp(cluster.pod("new"), to), udp(cluster.pod("new"), to)), (None, None));
    }
    plan.exit("new", "all", &one, None);
    cluster.follow(&plan);
    assert_eq!(tcp(cluster.pod("new"), FAR[0]).as_deref(), Some("192.0.2.23"));
    assert_eq!(udp(cluster.pod("new"), FAR[1]).as_deref(), Some("2001:db8::23"));
    // The share of the one before still names the address when the next pod comes: what it sent is forgotten.
    let mut hold = cluster.wanted("s1", &plan);
    hold.share.endpoints.clear();
    cluster.put("s1", hold);
    cluster.hold("new", &["all"], &plan).expect("a hold");
    let entries = cluster.nodes["s1"].host.inside(|| run("conntrack", "-L -s 10.1.1.9").1);
    assert!(!entries.contains("src=10.1.1.9"), "{entries}");
    assert_eq!(tcp(cluster.pod("new"), FAR[0]), None);
    let allowed: Vec<String> = ["192.0.2.23", "2001:db8::23"].map(str::to_owned).into();
    let seen: Vec<String> = cluster.log.sources().iter().map(ToString::to_string).collect();
    assert_eq!(seen, allowed);
}

fn a_hold_brings_its_policies_and_lets_nobody_else_go() {
    let cluster = Cluster::new();
    let mut plan = Plan::default();
    let [one, ..] = three(&mut plan);
    plan.exit("a", "all", &one, None);
    cluster.follow(&plan);
    // The pod comes before the look that the new policy leads to has ended.
    plan.policy("late", 1, &ANY, &[]);
    cluster.hold("new", &["late"], &plan).expect("a hold");
    let as_it_should_be = || {
        for to in FAR {
            assert_eq!((tcp(cluster.pod("new"), to), udp(cluster.pod("new"), to)), (None, None));
        }
        assert_eq!(tcp(cluster.pod("a"), FAR[0]).as_deref(), Some("192.0.2.23"));
    };
    as_it_should_be();
    // One that has just begun does not know who else is captured.
    let node = &cluster.nodes["s1"];
    let kept = node.kept.lock().unwrap().clone();
    *node.datapath.lock().unwrap() = node.host.inside(|| Datapath::open(settings("s1", 1), kept)).expect("a datapath");
    let early = cluster.hold("b", &["late"], &plan);
    assert!(matches!(early, Err(nicety_datapath::Error::Untold)), "{early:?}");
    as_it_should_be();
    // Nor does one whose last change has failed know how far it came.
    plan.without_exit("b", "late");
    plan.without_exit("new", "late");
    cluster.put("s1", cluster.wanted("s1", &plan));
    let failed = node.host.inside(|| {
        // A gateway more, whose number is to be written down.
        let mut more = plan.clone();
        more.gateway("s2", Way::Default);
        let wanted = cluster.wanted("s1", &more);
        node.datapath.lock().unwrap().put(wanted, &mut |_| Err("the disk is full".into()))
    });
    assert!(matches!(failed, Err(nicety_datapath::Error::Keep(_))), "{failed:?}");
    assert!(matches!(cluster.hold("b", &["late"], &plan), Err(nicety_datapath::Error::Untold)));
    as_it_should_be();
    let seen: Vec<String> = cluster.log.sources().iter().map(ToString::to_string).collect();
    assert_eq!(seen, ["192.0.2.23"]);
}

fn a_number_that_is_reused_leads_nobody_to_the_gateway_that_gets_it() {
    let cluster = Cluster::new();
    let node = &cluster.nodes["s1"];
    // Six gateways have numbers.
    let few = Settings { mask: "0x00700000".parse().unwrap(), ..settings("s1", 1) };
    *node.datapath.lock().unwrap() = node.host.inside(|| Datapath::open(few, Kept::default())).expect("a datapath");
    let mut plan = Plan::default();
    let [one, two, _] = three(&mut plan);
    for at in ["s2", "g1", "g3"] {
        plan.gateway(at, Way::Default);
    }
    let (both, done) = (plan.clone(), AtomicBool::new(false));
    let with = |id: &GatewayId, other: &GatewayId| {
        let mut plan = both.clone();
        plan.gateways.remove(other);
        plan.gateway("g2", Way::Default);
        plan.exit("a", "all", id, None);
        plan
    };
    let (first, second) = (with(&one, &two), with(&two, &one));
    cluster.follow(&first);
    for name in ["g1", "g2"] {
        cluster.put(name, cluster.wanted(name, &both));
    }
    assert_eq!(tcp(cluster.pod("a"), FAR[0]).as_deref(), Some("192.0.2.23"));
    let mut captured = second.clone();
    captured.without_exit("a", "all");
    captured.exits.clear();
    thread::scope(|scope| {
        scope.spawn(|| {
            let to: SocketAddr = (FAR[0].parse::<IpAddr>().unwrap(), PORT).into();
            let socket = cluster.pod("a").inside(|| UdpSocket::bind("0.0.0.0:0")).unwrap();
            while !done.load(Ordering::Relaxed) {
                drop(socket.send_to(b"whose", to));
            }
        });
        for _ in 0..10 {
            // It loses its gateway, whose number the other gets; it is nobody's pod.
            cluster.put("s1", cluster.wanted("s1", &captured));
            assert!(node.kept.lock().unwrap().reused.is_empty());
            cluster.put("s1", cluster.wanted("s1", &first));
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(node.kept.lock().unwrap().marks.number(&two), None, "the number went to and fro");
    let seen: Vec<String> = cluster.log.sources().iter().map(ToString::to_string).collect();
    assert_eq!(seen, ["192.0.2.23"]);
}

fn a_floating_address_moves_and_the_link_is_told() {
    let cluster = Cluster::new();
    let way = || Way::Addresses {
        addresses: ["192.0.2.99", "2001:db8::99"].map(|text| text.parse().unwrap()).into(),
        floats: true,
    };
    for node in ["g1", "g2"] {
        let mut plan = Plan::default();
        plan.policy("all", 0, &ANY, &[]);
        let gateway = plan.gateway(node, way());
        plan.exit("a", "all", &gateway, None);
        cluster.follow(&plan);
        // The server knows the hardware address of the first node for both when the second takes over.
        assert_eq!(tcp(cluster.pod("a"), FAR[0]).as_deref(), Some("192.0.2.99"), "{node}");
        assert_eq!(udp(cluster.pod("a"), FAR[1]).as_deref(), Some("2001:db8::99"), "{node}");
        let mac = cluster.nodes[node].host.ip("link show eth1")[0]["address"].clone();
        for family in ["-4", "-6"] {
            let address = if family == "-4" { "192.0.2.99" } else { "2001:db8::99" };
            eventually("the link to know", || {
                cluster.server.ip(&format!("{family} neigh show {address}"))[0]["lladdr"] == mac
            });
        }
        let held: BTreeMap<&str, bool> = NODES
            .map(|name| {
                let text = cluster.nodes[name].host.inside(|| run("ip", "addr show dev eth1").1);
                (name, text.contains("192.0.2.99/32") && text.contains("2001:db8::99/128"))
            })
            .into();
        assert!(NODES.iter().all(|name| held[name] == (*name == node)), "{held:?}");
    }
    cluster.follow(&Plan::default());
    let left = cluster.nodes["g2"].host.inside(|| run("ip", "addr show dev eth1").1);
    assert!(!left.contains("192.0.2.99") && !left.contains("2001:db8::99"), "{left}");
}

fn a_floating_address_that_could_not_be_announced_is_at_the_next_look() {
    let cluster = Cluster::new();
    let mut plan = Plan::default();
    plan.policy("all", 0, &ANY, &[]);
    let addresses = ["192.0.2.99", "2001:db8::99"].map(|text| text.parse().unwrap()).into();
    plan.gateway("g1", Way::Addresses { addresses, floats: true });
    let put = || cluster.put("g1", cluster.wanted("g1", &plan));
    let all = capabilities(None).unwrap();
    let without = CapabilitySets { effective: all.effective - CapabilitySet::NET_RAW, ..all };
    set_capabilities(None, without).unwrap();
    let before = put();
    assert_eq!(before.taken.len(), 2, "{before:?}");
    assert!(before.faults.iter().filter(|fault| fault.contains("CAP_NET_RAW")).count() == 2, "{before:?}");
    // Still not: it stays a fault, though nothing is new.
    assert_eq!(put().faults.len(), 2);
    set_capabilities(None, all).unwrap();
    let after = put();
    assert!(after.faults.is_empty() && after.taken.is_empty(), "{after:?}");
    assert!(put().faults.is_empty());
}

fn what_is_wrong_with_one_way_holds_back_no_other() {
    let cluster = Cluster::new();
    let mut plan = Plan::default();
    plan.policy("all", 0, &ANY, &[]);
    let good = plan.gateway("g1", addresses(["192.0.2.23", "2001:db8::23"]));
    let gone = plan.gateway("g1", addresses(["192.0.2.77", "2001:db8::77"]));
    let none = plan.gateway("g1", Way::Interface("eth7".parse().unwrap()));
    plan.exit("a", "all", &good, None);
    plan.exit("b", "all", &gone, None);
    plan.exit("c", "all", &none, None);
    plan.exit("e", "all", &gone, Some(&good));
    for node in ["g3", "g2", "g1", "s2", "s1"] {
        let outcome = cluster.put(node, cluster.wanted(node, &plan));
        let wrong: Vec<&GatewayId> = outcome.wrong.keys().collect();
        let expected: Vec<&GatewayId> = if node == "g1" { vec![&gone, &none] } else { Vec::new() };
        assert_eq!(wrong, expected, "{outcome:?}");
    }
    assert_eq!(tcp(cluster.pod("a"), FAR[0]).as_deref(), Some("192.0.2.23"));
    assert_eq!(tcp(cluster.pod("e"), FAR[0]).as_deref(), Some("192.0.2.23"));
    assert_eq!((tcp(cluster.pod("b"), FAR[0]), tcp(cluster.pod("c"), FAR[0])), (None, None));
    // The address comes: the next look finds it.
    cluster.nodes["g1"].host.ip("addr add 192.0.2.77/24 dev eth1");
    cluster.nodes["g1"].host.inside(|| ip("addr add 2001:db8::77/64 dev eth1 nodad"));
    let outcome = cluster.put("g1", cluster.wanted("g1", &plan));
    assert_eq!(outcome.wrong.keys().collect::<Vec<_>>(), [&none]);
    assert_eq!(tcp(cluster.pod("b"), FAR[0]).as_deref(), Some("192.0.2.77"));
    assert!(std::time::Instant::now() < deadline());
}
