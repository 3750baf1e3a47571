//! Pods on a bridge of ours, judged by `ip -j` and `bridge -j`.

use std::{
    io::ErrorKind,
    net::TcpStream,
    time::{Duration, Instant},
};

use nicety_core::{
    ids::{IfName, NetworkName},
    plan::{
        Bridge, Port, Step, Undo,
        step::{Family, LinkSysctl},
    },
};
use nicety_kernel::{
    apply,
    bridges::{self, Removal},
    inventory, undo,
};
use serde_json::Value;

use crate::{
    lab::{self, GROUP, Pod, deadline, ip, mac, run},
    tests,
};

tests![
    pods_on_the_bridge_reach_each_other_and_their_gateway,
    a_pod_s_first_packet_is_answered,
    ports_have_the_settings_that_were_asked_for,
    isolated_pods_reach_their_gateway_and_not_each_other,
    a_bridge_is_made_once_and_completed_when_something_is_lost,
    a_bridge_of_somebody_else_is_refused_and_kept,
    a_bridge_goes_when_nobody_is_on_it_and_nothing_is_left,
    our_bridge_is_no_nic,
    taking_a_pod_back_leaves_the_bridge_and_nothing_else,
];

fn network() -> NetworkName {
    "front".parse().unwrap()
}

fn bridge(port: Port) -> Bridge {
    let gateways = ["10.8.0.1/24", "fd00:8::1/64"].map(|text| text.parse().unwrap()).to_vec();
    Bridge { name: "br-front".parse().unwrap(), mtu: Some(1480), gateways, port }
}

fn host(last: u8) -> IfName {
    format!("nic000000000{last:02x}").parse().unwrap()
}

/// As a plan has it; pod `last` has 10.8.0.LAST and fd00:8::LAST.
fn steps(last: u8, port: Port) -> Vec<Step> {
    let pod = || "eth0".parse::<IfName>().unwrap();
    let fence = |key| Step::HostSysctl { host: host(last), family: Family::V6, key, value: 0 };
    vec![
        Step::CreateVeth {
            ifname: pod(),
            mac: mac(last),
            host: host(last),
            host_mac: mac(last + 100),
            mtu: Some(1480),
            group: GROUP,
        },
        Step::AddAddress { ifname: pod(), address: format!("10.8.0.{last}/24").parse().unwrap() },
        Step::AddAddress { ifname: pod(), address: format!("fd00:8::{last}/64").parse().unwrap() },
        Step::SetUp { ifname: pod() },
        Step::AddRoute { ifname: pod(), to: "0.0.0.0/0".parse().unwrap(), via: "10.8.0.1".parse().ok() },
        fence(LinkSysctl::AcceptRa),
        fence(LinkSysctl::AcceptRedirects),
        Step::HostJoin { host: host(last), bridge: "br-front".parse().unwrap() },
        Step::HostPort { host: host(last), port },
        Step::HostSetUp { host: host(last) },
    ]
}

fn attach(pod: &Pod, last: u8, port: Port) {
    bridges::ensure(&network(), &bridge(port), deadline()).unwrap();
    apply(&pod.netns(), &steps(last, port), deadline()).unwrap();
}

/// Sent the moment that its links are made: a question for the gateway's hardware address that is lost is repeated after a second.
fn a_pod_s_first_packet_is_answered() {
    let gateway = "10.8.0.1:9".parse().unwrap();
    let mut slow = Vec::new();
    for last in 10..50 {
        let pod = Pod::new();
        attach(&pod, last, Port::default());
        let begun = Instant::now();
        // Nobody listens there, and that is an answer.
        let answer = pod.inside(|| TcpStream::connect_timeout(&gateway, Duration::from_secs(3)));
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        slow.extend(Some(begun.elapsed()).filter(|took| *took > Duration::from_millis(500)));
        take_back(Some(&pod), last);
    }
    assert!(slow.is_empty(), "{} of 40 were answered after {slow:?}", slow.len());
}

fn take_back(pod: Option<&Pod>, last: u8) {
    let all = [
        Undo::DeleteGroup { group: GROUP, ifnames: vec!["eth0".parse().unwrap()] },
        Undo::DeleteHostLink { host: host(last) },
    ];
    let errors = undo(pod.map(Pod::netns).as_ref(), &all, deadline());
    assert!(errors.is_empty(), "{errors:?}");
}

/// `bridge -j -d link`, of one port.
fn port(last: u8) -> Value {
    let (ok, out) = run("bridge", &format!("-j -d link show dev {}", host(last)));
    assert!(ok, "{out}");
    serde_json::from_str::<Value>(&out).unwrap()[0].clone()
}

fn pods_on_the_bridge_reach_each_other_and_their_gateway() {
    let (a, b) = (Pod::new(), Pod::new());
    attach(&a, 2, Port::default());
    attach(&b, 3, Port::default());
    for address in ["10.8.0.3", "fd00:8::3", "10.8.0.1", "fd00:8::1"] {
        lab::eventually(&format!("a ping to {address}"), || a.ping(address));
    }
    for last in [2, 3] {
        assert_eq!(port(last)["master"], "br-front");
    }
    let made = ip("addr show br-front");
    assert_eq!((&made[0]["linkinfo"]["info_kind"], &made[0]["mtu"]), (&"bridge".into(), &1480.into()));
    for file in ["ipv4/conf/br-front/forwarding", "ipv6/conf/br-front/forwarding"] {
        assert_eq!(run("cat", &format!("/proc/sys/net/{file}")).1.trim(), "1", "{file}");
    }
    assert_eq!(run("cat", "/proc/sys/net/ipv6/conf/br-front/accept_ra").1.trim(), "0");
}

fn ports_have_the_settings_that_were_asked_for() {
    for (last, hairpin, isolated) in [(2, true, false), (3, false, true)] {
        attach(&Pod::new(), last, Port { hairpin, isolated });
        let port = port(last);
        assert_eq!((&port["hairpin"], &port["isolated"]), (&hairpin.into(), &isolated.into()), "{port}");
        take_back(None, last);
    }
}

fn isolated_pods_reach_their_gateway_and_not_each_other() {
    let (a, b) = (Pod::new(), Pod::new());
    let isolated = Port { hairpin: false, isolated: true };
    attach(&a, 2, isolated);
    attach(&b, 3, isolated);
    lab::eventually("a ping to the gateway", || a.ping("10.8.0.1") && b.ping("10.8.0.1"));
    assert!(!a.ping("10.8.0.3"));
}

fn a_bridge_is_made_once_and_completed_when_something_is_lost() {
    let ensure = || bridges::ensure(&network(), &bridge(Port::default()), deadline()).unwrap();
    ensure();
    let made = ip("addr show br-front");
    ensure();
    assert_eq!(ip("addr show br-front")[0]["ifindex"], made[0]["ifindex"]);
    ip("addr del 10.8.0.1/24 dev br-front");
    ip("addr add 10.8.9.9/32 dev br-front");
    ip("link set br-front down");
    ensure();
    let now = ip("addr show br-front");
    let has = |address: &str| now[0]["addr_info"].to_string().contains(&format!("\"{address}\""));
    assert!(has("10.8.0.1") && has("10.8.9.9") && has("fd00:8::1"), "{now}");
    assert!(now[0]["flags"].to_string().contains("\"UP\""), "{now}");
    assert_eq!(now[0]["address"], made[0]["address"]);
}

fn a_bridge_of_somebody_else_is_refused_and_kept() {
    for kind in ["bridge", "dummy", "veth"] {
        if !run("ip", &format!("link add br-front type {kind}")).0 {
            continue;
        }
        let before = lab::state();
        let error = bridges::ensure(&network(), &bridge(Port::default()), deadline()).unwrap_err().to_string();
        assert!(error.contains("is there and is not ours"), "{error}");
        assert_eq!(bridges::remove(&"br-front".parse().unwrap(), &network(), deadline()).unwrap(), Removal::Gone);
        lab::unchanged("the host", &before, &lab::state());
        ip("link del br-front");
    }
    // Of another network of ours.
    bridges::ensure(&"other".parse().unwrap(), &bridge(Port::default()), deadline()).unwrap();
    bridges::ensure(&network(), &bridge(Port::default()), deadline()).unwrap_err();
}

fn a_bridge_goes_when_nobody_is_on_it_and_nothing_is_left() {
    let before = lab::state();
    let pod = Pod::new();
    attach(&pod, 2, Port::default());
    let remove = || bridges::remove(&"br-front".parse().unwrap(), &network(), deadline()).unwrap();
    assert_eq!(remove(), Removal::InUse);
    take_back(Some(&pod), 2);
    assert_eq!(remove(), Removal::Gone);
    assert_eq!(remove(), Removal::Gone);
    lab::unchanged("the host", &before, &lab::state());
}

fn our_bridge_is_no_nic() {
    bridges::ensure(&network(), &bridge(Port::default()), deadline()).unwrap();
    let nics = inventory::read(std::path::Path::new(inventory::SYSFS), deadline()).unwrap();
    assert!(nics.iter().all(|one| one.nic.name != "br-front"), "{nics:?}");
}

fn taking_a_pod_back_leaves_the_bridge_and_nothing_else() {
    bridges::ensure(&network(), &bridge(Port::default()), deadline()).unwrap();
    let (pod, before) = (Pod::new(), lab::state());
    let inside = pod.state();
    for reachable in [true, false] {
        apply(&pod.netns(), &steps(2, Port::default()), deadline()).unwrap();
        take_back(reachable.then_some(&pod), 2);
        lab::unchanged("the host", &before, &lab::state());
        lab::unchanged("the pod", &inside, &pod.state());
    }
    // Stopped half-way: every prefix of the steps.
    let all = steps(2, Port::default());
    for done in 1..all.len() {
        apply(&pod.netns(), &all[..done], deadline()).unwrap();
        take_back(Some(&pod), 2);
        lab::unchanged("the host", &before, &lab::state());
    }
}
