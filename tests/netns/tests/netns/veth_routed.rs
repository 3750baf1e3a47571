//! veth-routed: a point-to-point link to the host, which routes.

use ipnet::IpNet;
use nicety_core::{
    ids::IfName,
    plan::{
        Step, Undo,
        step::{Family, LinkSysctl},
    },
};
use nicety_kernel::{ROUTE_PROTOCOL, apply, undo};

use crate::{
    lab::{self, GROUP, Pod, deadline, ip, mac},
    tests,
};

tests![
    pods_reach_each_other_over_ipv4_and_ipv6,
    the_hosts_end_is_fenced_and_its_routes_are_marked_as_ours,
    deleting_the_group_in_the_pod_takes_the_hosts_end_along,
    the_hosts_end_goes_without_the_pods_namespace,
    a_route_that_the_host_has_is_refused_and_kept,
];

/// As a plan has it; pod `last` has the addresses 10.9.0.LAST and fd00:9::LAST.
pub fn steps(ifname: &str, host: &str, last: u8) -> Vec<Step> {
    steps_at(ifname, host, last, [&format!("10.9.0.{last}"), &format!("fd00:9::{last}")])
}

/// The same with addresses of one's own, IPv4 first.
pub fn steps_at(ifname: &str, host: &str, last: u8, [four, six]: [&str; 2]) -> Vec<Step> {
    let pod = || ifname.parse::<IfName>().unwrap();
    let host = || host.parse::<IfName>().unwrap();
    let mut steps = vec![Step::CreateVeth {
        ifname: pod(),
        mac: mac(last),
        host: host(),
        host_mac: mac(last + 100),
        mtu: Some(1420),
        group: GROUP,
    }];
    let families = [(format!("{four}/32"), "169.254.1.1", "0.0.0.0/0"), (format!("{six}/128"), "fe80::1", "::/0")];
    for (address, _, _) in &families {
        steps.push(Step::AddAddress { ifname: pod(), address: address.parse().unwrap() });
    }
    steps.push(Step::SetUp { ifname: pod() });
    for (_, gateway, default) in &families {
        let via = gateway.parse().unwrap();
        steps.push(Step::AddNeighbor { ifname: pod(), address: via, mac: mac(last + 100) });
        steps.push(Step::AddRoute { ifname: pod(), to: via.into(), via: None });
        steps.push(Step::AddRoute { ifname: pod(), to: default.parse().unwrap(), via: Some(via) });
    }
    for (family, key, value) in [
        (Family::V6, LinkSysctl::AcceptRa, 0),
        (Family::V6, LinkSysctl::AcceptRedirects, 0),
        (Family::V4, LinkSysctl::Forwarding, 1),
        (Family::V6, LinkSysctl::Forwarding, 1),
        (Family::V6, LinkSysctl::ForceForwarding, 1),
    ] {
        steps.push(Step::HostSysctl { host: host(), family, key, value });
    }
    steps.push(Step::HostSetUp { host: host() });
    for (address, _, _) in &families {
        let to: IpNet = address.parse().unwrap();
        steps.push(Step::HostAddNeighbor { host: host(), address: to.addr(), mac: mac(last) });
        steps.push(Step::HostAddRoute { host: host(), to });
    }
    steps
}

fn pods_reach_each_other_over_ipv4_and_ipv6() {
    // As on every node that routes IPv6: before Linux 6.17 there is no switch for a single link.
    std::fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1").unwrap();
    let (a, b) = (Pod::new(), Pod::new());
    apply(&a.netns(), &steps("eth0", "nic00000000001", 1), deadline()).unwrap();
    apply(&b.netns(), &steps("eth0", "nic00000000002", 2), deadline()).unwrap();
    // A link takes a moment from up to carrying.
    lab::eventually("a ping over IPv4", || a.ping("10.9.0.2"));
    lab::eventually("a ping over IPv6", || a.ping("fd00:9::2"));
    for (address, link) in [("10.9.0.2", "nic00000000002"), ("fd00:9::2", "nic00000000002")] {
        let neighbor = ip(&format!("neigh show {address}"));
        assert_eq!((&neighbor[0]["dev"], &neighbor[0]["state"][0]), (&link.into(), &"PERMANENT".into()), "{neighbor}");
    }
    let neighbors = a.ip("neigh show 169.254.1.1").to_string();
    assert!(neighbors.contains(&mac(101).to_string()) && neighbors.contains("PERMANENT"), "{neighbors}");
    assert_eq!(a.ip("link show eth0")[0]["mtu"], 1420);
}

fn the_hosts_end_is_fenced_and_its_routes_are_marked_as_ours() {
    let pod = Pod::new();
    apply(&pod.netns(), &steps("eth0", "nic00000000001", 1), deadline()).unwrap();
    for (file, value) in [
        ("ipv6/conf/nic00000000001/accept_ra", "0"),
        ("ipv6/conf/nic00000000001/accept_redirects", "0"),
        ("ipv4/conf/nic00000000001/forwarding", "1"),
        ("ipv6/conf/nic00000000001/forwarding", "1"),
    ] {
        assert_eq!(lab::run("cat", &format!("/proc/sys/net/{file}")).1.trim(), value, "{file}");
    }
    for (family, to) in [("-4", "10.9.0.1"), ("-6", "fd00:9::1")] {
        let routes = ip(&format!("{family} route show proto {ROUTE_PROTOCOL}"));
        assert_eq!((&routes[0]["dst"], &routes[0]["dev"]), (&to.into(), &"nic00000000001".into()), "{routes}");
    }
}

fn deleting_the_group_in_the_pod_takes_the_hosts_end_along() {
    let pod = Pod::new();
    let (inside, before) = (pod.state(), lab::state());
    apply(&pod.netns(), &steps("eth0", "nic00000000001", 1), deadline()).unwrap();
    let errors = undo(Some(&pod.netns()), &undo_of("eth0", "nic00000000001"), deadline());
    assert!(errors.is_empty(), "{errors:?}");
    lab::unchanged("the host", &before, &lab::state());
    lab::unchanged("the pod", &inside, &pod.state());
}

fn the_hosts_end_goes_without_the_pods_namespace() {
    let (pod, before) = (Pod::new(), lab::state());
    apply(&pod.netns(), &steps("eth0", "nic00000000001", 1), deadline()).unwrap();
    for _ in 0..2 {
        let errors = undo(None, &undo_of("eth0", "nic00000000001"), deadline());
        assert!(errors.is_empty(), "{errors:?}");
        lab::unchanged("the host", &before, &lab::state());
    }
}

fn a_route_that_the_host_has_is_refused_and_kept() {
    let pod = Pod::new();
    ip("link add uplink type bridge");
    ip("link set uplink up");
    ip("route add 10.9.0.1/32 dev uplink");
    let before = lab::state();
    let error = apply(&pod.netns(), &steps("eth0", "nic00000000001", 1), deadline()).unwrap_err().to_string();
    assert!(error.contains("add host route `10.9.0.1/32`") && error.contains("the host has a route"), "{error}");
    assert_eq!(undo(Some(&pod.netns()), &undo_of("eth0", "nic00000000001"), deadline()).len(), 0);
    lab::unchanged("the host", &before, &lab::state());
}

fn undo_of(ifname: &str, host: &str) -> [Undo; 2] {
    [
        Undo::DeleteGroup { group: GROUP, ifnames: vec![ifname.parse().unwrap()] },
        Undo::DeleteHostLink { host: host.parse().unwrap() },
    ]
}
