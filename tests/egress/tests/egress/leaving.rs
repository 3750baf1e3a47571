//! Who leaves with which address.

use nicety_core::egress::share::Way;

use crate::{
    cluster::{ANY, Cluster, FAR, OTHER, Plan, SERVER, addresses},
    outside::{tcp, udp},
    tests,
};

tests![
    every_pod_leaves_by_its_gateway_and_no_other,
    the_longest_prefix_wins_and_what_a_policy_excludes_is_its_own_matter,
    policies_of_the_longest_names_are_two_and_count_by_their_names,
];

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// TCP and UDP.
#[track_caller]
fn leaves(cluster: &Cluster, pod: &str, to: &str, from: Option<&str>) {
    let (by_tcp, by_udp) = (tcp(cluster.pod(pod), to), udp(cluster.pod(pod), to));
    assert_eq!((by_tcp, by_udp), (from.and_then(some), from.and_then(some)), "{pod} to {to}");
}

fn every_pod_leaves_by_its_gateway_and_no_other() {
    let cluster = Cluster::new();
    let mut plan = Plan::default();
    let default = plan.gateway("g1", Way::Default);
    let fixed = plan.gateway("g2", addresses(["192.0.2.24", "2001:db8::24"]));
    let second = plan.gateway("g3", Way::Interface("eth2".parse().unwrap()));
    plan.policy("default", 0, &ANY, &[]);
    plan.exit("a", "default", &default, None);
    plan.exit("b", "default", &fixed, None);
    plan.exit("c", "default", &second, None);
    plan.exit("e", "default", &default, None);
    plan.without_exit("d", "default");
    cluster.follow(&plan);
    for (to, one, two, three) in [
        (FAR[0], "192.0.2.13", "192.0.2.24", "172.16.5.15"),
        (SERVER[0], "192.0.2.13", "192.0.2.24", "172.16.5.15"),
        (FAR[1], "2001:db8::13", "2001:db8::24", "2001:db8:5::15"),
    ] {
        leaves(&cluster, "a", to, Some(one));
        leaves(&cluster, "b", to, Some(two));
        leaves(&cluster, "c", to, Some(three));
        leaves(&cluster, "e", to, Some(one));
        leaves(&cluster, "d", to, None);
    }
    let dropped = cluster.nodes["s2"].datapath.lock().unwrap().dropped().unwrap();
    assert!(dropped["default"] > 0, "{dropped:?}");
    // Within the cluster nobody is captured.
    assert!(cluster.pod("a").ping("10.1.2.2") && cluster.pod("a").ping("fd01:2::2"));
    assert!(cluster.pod("d").ping("10.1.1.2") && cluster.pod("d").ping("10.0.0.5"));
}

fn the_longest_prefix_wins_and_what_a_policy_excludes_is_its_own_matter() {
    let cluster = Cluster::new();
    let mut plan = Plan::default();
    let one = plan.gateway("g1", addresses(["192.0.2.23", "2001:db8::23"]));
    let two = plan.gateway("g2", addresses(["192.0.2.24", "2001:db8::24"]));
    plan.policy("wide", 10, &ANY, &["203.0.113.0/24", "2001:db8:a::/48"]);
    plan.policy("narrow", 0, &["198.51.100.0/24", "2001:db8:9::/48"], &[]);
    plan.exit("a", "wide", &one, None);
    plan.exit("a", "narrow", &two, None);
    cluster.follow(&plan);
    leaves(&cluster, "a", FAR[0], Some("192.0.2.24"));
    leaves(&cluster, "a", FAR[1], Some("2001:db8::24"));
    leaves(&cluster, "a", SERVER[0], Some("192.0.2.23"));
    // Excluded: as if there were no policy. Nobody masquerades here, and the server knows no way back to pods.
    leaves(&cluster, "a", OTHER[0], None);
    assert!(cluster.log.sources().contains(&cluster.address("a", 0)), "{:?}", cluster.log.sources());
}

fn policies_of_the_longest_names_are_two_and_count_by_their_names() {
    let cluster = Cluster::new();
    let mut plan = Plan::default();
    let one = plan.gateway("g1", addresses(["192.0.2.23", "2001:db8::23"]));
    let [first, second] = ["a", "b"].map(|last| format!("{}{last}", "long-".repeat(50) + "xx"));
    plan.policy(&first, 0, &["198.51.100.0/24", "2001:db8:9::/48"], &[]);
    plan.policy(&second, 0, &["203.0.113.0/24"], &[]);
    plan.exit("a", &first, &one, None);
    plan.without_exit("a", &second);
    cluster.follow(&plan);
    leaves(&cluster, "a", FAR[0], Some("192.0.2.23"));
    leaves(&cluster, "a", FAR[1], Some("2001:db8::23"));
    leaves(&cluster, "a", OTHER[0], None);
    let dropped = cluster.nodes["s1"].datapath.lock().unwrap().dropped().unwrap();
    assert!(dropped[&second] > 0 && dropped[&first] == 0, "{dropped:?}");
    assert_eq!(cluster.put("s1", cluster.wanted("s1", &plan)).changes, 0);
}
