//! Others' rules beside ours: a cluster's services and its masquerade, somebody's own table; and what the tunnel does to sizes.

use std::net::SocketAddr;

use crate::{
    cluster::{ANY, Cluster, FAR, Plan, addresses, nft, write},
    lab::run,
    outside::{Talk, tcp, udp},
    tests,
};

tests![
    a_service_with_a_backend_outside_leaves_by_the_policy_of_the_backend,
    a_clusters_masquerade_would_spoil_the_source_and_does_not,
    tables_of_others_stay_as_they_are,
    a_routing_rule_of_somebody_else_that_looks_at_our_marks_is_told,
    chains_of_others_that_drop_are_told_until_they_accept_what_is_ours,
    a_large_transfer_fits_the_tunnel,
];

fn one(plan: &mut Plan) {
    plan.policy("all", 0, &ANY, &[]);
    let gateway = plan.gateway("g1", addresses(["192.0.2.23", "2001:db8::23"]));
    plan.exit("a", "all", &gateway, None);
    plan.exit("e", "all", &gateway, None);
}

fn a_service_with_a_backend_outside_leaves_by_the_policy_of_the_backend() {
    let cluster = Cluster::new();
    let mut plan = Plan::default();
    one(&mut plan);
    cluster.follow(&plan);
    for node in ["s1", "g1"] {
        cluster.nodes[node].host.inside(|| {
            write(
                "services",
                "table ip services {\n chain pre {\n type nat hook prerouting priority -100\n \
                 ip daddr 10.96.0.10 tcp dport 80 dnat to 198.51.100.9:8080\n }\n}\n",
            );
        });
    }
    let service: SocketAddr = "10.96.0.10:80".parse().unwrap();
    for pod in ["a", "e"] {
        let mut talk = Talk::to(cluster.pod(pod), service).expect("the service");
        assert_eq!(talk.from, "192.0.2.23");
        assert!(talk.goes_on());
    }
}

/// As kube-proxy does for what leaves the cluster, on every node.
const MASQUERADE: &str = "table inet kube-like {\n chain post {\n type nat hook postrouting priority 100\n \
                          ip saddr 10.0.0.0/8 ip daddr != 10.0.0.0/8 masquerade\n \
                          ip6 saddr fd00::/8 ip6 daddr != fd00::/8 masquerade\n }\n}\n";

fn a_clusters_masquerade_would_spoil_the_source_and_does_not() {
    let cluster = Cluster::new();
    let mut plan = Plan::default();
    one(&mut plan);
    for node in ["s1", "g1"] {
        cluster.nodes[node].host.inside(|| write("masquerade", MASQUERADE));
    }
    // Without us the masquerade has its way. Answers are not forwarded here, but the server sees who comes.
    assert_eq!(udp(cluster.pod("a"), FAR[0]), None);
    assert!(cluster.log.sources().contains(&"192.0.2.11".parse().unwrap()), "{:?}", cluster.log.sources());
    cluster.follow(&plan);
    for pod in ["a", "e"] {
        assert_eq!(tcp(cluster.pod(pod), FAR[0]).as_deref(), Some("192.0.2.23"), "{pod}");
        assert_eq!(udp(cluster.pod(pod), FAR[1]).as_deref(), Some("2001:db8::23"), "{pod}");
    }
    // Without our `leave` the masquerade chooses the uplink's own address: the guard lets none of it pass.
    cluster.nodes["g1"].host.inside(|| nft("flush chain inet nicety_egress leave"));
    for pod in ["a", "e"] {
        assert_eq!(tcp(cluster.pod(pod), FAR[0]), None, "{pod}");
    }
    let stopped = cluster.nodes["g1"].datapath.lock().unwrap().stopped().unwrap();
    assert!(stopped["strayed"] > 0, "{stopped:?}");
    cluster.follow(&plan);
    assert_eq!(tcp(cluster.pod("a"), FAR[0]).as_deref(), Some("192.0.2.23"));
}

fn tables_of_others_stay_as_they_are() {
    let cluster = Cluster::new();
    let mut plan = Plan::default();
    one(&mut plan);
    let show = |node: &str| cluster.nodes[node].host.inside(|| nft("-j list table inet kube-like"));
    for node in ["s1", "g1"] {
        cluster.nodes[node].host.inside(|| write("others", MASQUERADE));
    }
    let before = [show("s1"), show("g1")];
    cluster.follow(&plan);
    cluster.follow(&Plan::default());
    cluster.follow(&plan);
    for node in cluster.nodes.values() {
        node.host.inside(|| node.datapath.lock().unwrap().remove(&mut |_| Ok(()))).unwrap();
    }
    assert_eq!([show("s1"), show("g1")], before);
}

fn a_routing_rule_of_somebody_else_that_looks_at_our_marks_is_told() {
    let cluster = Cluster::new();
    let mut plan = Plan::default();
    one(&mut plan);
    cluster.follow(&plan);
    let told = || cluster.put("s1", cluster.wanted("s1", &plan)).faults;
    let host = &cluster.nodes["s1"].host;
    host.ip("rule add pref 5220 fwmark 0x80/0x80 lookup 52");
    assert_eq!(told(), Vec::<String>::new());
    for family in ["-4", "-6"] {
        host.ip(&format!("{family} rule add pref 5210 fwmark 0x80000/0xff0000 lookup 52"));
    }
    let faults = told();
    assert!(matches!(&faults[..], [one] if one.contains("`5210: fwmark 0x80000/0xff0000`")), "{faults:?}");
    for family in ["-4", "-6"] {
        host.ip(&format!("{family} rule del pref 5210"));
    }
    assert_eq!(told(), Vec::<String>::new());
}

/// As Docker leaves `FORWARD`, and a host's firewall what comes in; with what the hints say.
fn dropping(forward: &str, input: &str) -> String {
    format!(
        "table inet firewall {{\n chain forwarding {{\n type filter hook forward priority 0; policy drop;\n {forward}\n }}\n \
         chain incoming {{\n type filter hook input priority 0; policy drop;\n meta l4proto {{ icmp, icmpv6 }} accept\n {input}\n }}\n}}\n"
    )
}

/// What a hint says to accept, as rules.
fn rules(message: &str) -> String {
    let (_, hint) = message.split_once("let it accept ").expect("a hint");
    hint.split('`').skip(1).step_by(2).map(|rule| format!("{rule} accept\n")).collect()
}

fn chains_of_others_that_drop_are_told_until_they_accept_what_is_ours() {
    let cluster = Cluster::new();
    let mut plan = Plan::default();
    one(&mut plan);
    cluster.follow(&plan);
    assert_eq!(udp(cluster.pod("a"), FAR[0]).as_deref(), Some("192.0.2.23"));
    let nodes = ["s1", "g1"];
    let put = |rules: &str| nodes.map(|node| cluster.nodes[node].host.inside(|| write("firewall", rules)));
    let doubts = |node: &str| cluster.put(node, cluster.wanted(node, &plan)).doubts;
    let reasons = |node: &str| doubts(node).iter().map(|doubt| doubt.reason).collect::<Vec<_>>();
    assert_eq!((reasons("s1"), reasons("g1")), (Vec::new(), Vec::new()));

    put(&dropping("", ""));
    assert_eq!(udp(cluster.pod("a"), FAR[0]), None, "it is dropped");
    let mut hints = Vec::new();
    for node in nodes {
        let [forward, tunnel] = &doubts(node)[..] else { panic!("{node}: {:?}", doubts(node)) };
        assert_eq!((forward.reason, tunnel.reason), ("ForwardingMayBeDropped", "TunnelMayBeDropped"));
        assert!(forward.message.contains("`forwarding` of the table `inet firewall`"), "{}", forward.message);
        hints = [forward, tunnel].map(|doubt| rules(&doubt.message)).into();
        cluster.nodes[node].host.inside(|| nft("delete table inet firewall"));
    }

    put(&dropping(&hints[0], &hints[1]));
    assert_eq!(udp(cluster.pod("a"), FAR[0]).as_deref(), Some("192.0.2.23"));
    assert_eq!(udp(cluster.pod("e"), FAR[1]).as_deref(), Some("2001:db8::23"));
    assert_eq!((reasons("s1"), reasons("g1")), (Vec::new(), Vec::new()));
}

fn a_large_transfer_fits_the_tunnel() {
    let cluster = Cluster::new();
    let mut plan = Plan::default();
    one(&mut plan);
    cluster.follow(&plan);
    for (to, most) in [(FAR[0], 1410), (FAR[1], 1390)] {
        let mut talk = Talk::begin(cluster.pod("a"), to).expect("a connection");
        assert!(talk.carries(4 << 20), "{to}");
        for sockets in [cluster.pod("a").inside(|| run("ss", "-tin").1), cluster.server.inside(|| run("ss", "-tin").1)]
        {
            let sizes: Vec<u32> = sockets
                .split_whitespace()
                .filter_map(|word| word.strip_prefix("mss:"))
                .map(|number| number.parse().unwrap())
                .collect();
            assert!(!sizes.is_empty() && sizes.iter().all(|size| *size <= most), "{to}: {sockets}");
        }
    }
}
