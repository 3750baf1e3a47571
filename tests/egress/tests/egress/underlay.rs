//! Nodes that know each other by IPv6.

use std::net::IpAddr;

use crate::{
    cluster::{ANY, Cluster, FAR, Plan, addresses},
    lab::run,
    outside::{Talk, tcp, udp},
    tests,
};

tests![
    tunnels_over_ipv6_carry_both_families,
    where_nodes_have_ipv6_alone_pods_leave_by_that_and_what_else_they_send_is_dropped,
];

fn six(number: usize) -> IpAddr {
    format!("fd00::{number}").parse().unwrap()
}

fn six_first(number: usize) -> Vec<IpAddr> {
    vec![six(number), format!("10.0.0.{number}").parse().unwrap()]
}

fn six_alone(number: usize) -> Vec<IpAddr> {
    vec![six(number)]
}

fn plan() -> Plan {
    let mut plan = Plan::default();
    plan.policy("all", 0, &ANY, &[]);
    let one = plan.gateway("g1", addresses(["192.0.2.23", "2001:db8::23"]));
    let two = plan.gateway("g2", addresses(["192.0.2.24", "2001:db8::24"]));
    plan.exit("a", "all", &one, None);
    plan.exit("c", "all", &two, None);
    plan.exit("e", "all", &two, None);
    plan
}

fn tunnels_over_ipv6_carry_both_families() {
    let cluster = Cluster::of_nodes_with(six_first);
    cluster.follow(&plan());
    for (pod, four, six) in
        [("a", "192.0.2.23", "2001:db8::23"), ("c", "192.0.2.24", "2001:db8::24"), ("e", "192.0.2.24", "2001:db8::24")]
    {
        for (to, from) in [(FAR[0], four), (FAR[1], six)] {
            assert_eq!(tcp(cluster.pod(pod), to).as_deref(), Some(from), "{pod} to {to}");
            assert_eq!(udp(cluster.pod(pod), to).as_deref(), Some(from), "{pod} to {to}");
        }
    }
    // 70 bytes around each, and 40 or 60 of its own.
    for (to, most) in [(FAR[0], 1390), (FAR[1], 1370)] {
        let mut talk = Talk::begin(cluster.pod("a"), to).expect("a connection");
        assert!(talk.carries(4 << 20), "{to}");
        let sockets = cluster.pod("a").inside(|| run("ss", "-tin").1);
        let sizes = sockets.split_whitespace().filter_map(|word| word.strip_prefix("mss:"));
        let sizes: Vec<u32> = sizes.map(|number| number.parse().unwrap()).collect();
        assert!(!sizes.is_empty() && sizes.iter().all(|size| *size <= most), "{to}: {sockets}");
    }
    let tunnels = |family: &str| {
        let flows =
            cluster.nodes["g1"].host.inside(|| run("conntrack", &format!("-L -f {family} -p udp --dport 4790")).1);
        flows.lines().filter(|line| line.contains("dport=4790")).count()
    };
    assert!(tunnels("ipv6") > 0 && tunnels("ipv4") == 0, "{} {}", tunnels("ipv6"), tunnels("ipv4"));
}

fn where_nodes_have_ipv6_alone_pods_leave_by_that_and_what_else_they_send_is_dropped() {
    let cluster = Cluster::of_nodes_with(six_alone);
    cluster.follow(&plan());
    for (pod, from) in [("a", "2001:db8::23"), ("c", "2001:db8::24")] {
        assert_eq!(tcp(cluster.pod(pod), FAR[1]).as_deref(), Some(from), "{pod}");
        assert_eq!(udp(cluster.pod(pod), FAR[0]), None, "{pod}");
    }
    // On the gateway itself nothing goes through a tunnel.
    assert_eq!(tcp(cluster.pod("e"), FAR[0]), None);
    let dropped = cluster.nodes["s1"].datapath.lock().unwrap().dropped().unwrap();
    assert!(dropped["all"] > 0, "{dropped:?}");
    let allowed = ["2001:db8::23", "2001:db8::24"].map(|text| text.parse::<IpAddr>().unwrap());
    let sources = cluster.log.sources();
    assert!(sources.iter().all(|source| allowed.contains(source)), "{sources:?}");
}
