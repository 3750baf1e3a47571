//! Much traffic while much changes: whatever arrives outside, from wherever it came, was allowed to come from there.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, UdpSocket},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use nicety_core::egress::share::GatewayId;
use serde_json::Value;

use crate::{
    capture::{Capture, Captured},
    cluster::{ANY, Cluster, FAR, Plan, addresses, nft, write},
    outside::PORT,
    tests,
};

tests![no_packet_leaves_with_a_wrong_source];

const PACKETS: usize = 100_000;
const ALLOWED: [&str; 6] = ["192.0.2.23", "192.0.2.24", "192.0.2.25", "2001:db8::23", "2001:db8::24", "2001:db8::25"];

fn no_packet_leaves_with_a_wrong_source() {
    let cluster = Cluster::new();
    let mut plan = Plan::default();
    plan.policy("all", 0, &ANY, &[]);
    plan.policy("some", 0, &["198.51.100.0/24"], &[]);
    let gateways: Vec<GatewayId> = [
        ("g1", ["192.0.2.23", "2001:db8::23"]),
        ("g2", ["192.0.2.24", "2001:db8::24"]),
        ("g3", ["192.0.2.25", "2001:db8::25"]),
    ]
    .map(|(node, pair)| plan.gateway(node, addresses(pair)))
    .into();
    let pods = ["a", "b", "c", "d", "e"];
    let assign = |plan: &mut Plan, round: usize| {
        for (at, pod) in pods.iter().enumerate() {
            plan.exit(pod, "all", &gateways[(at + round) % 3], Some(&gateways[(at + round + 1) % 3]));
            match (at + round) % 4 {
                0 => plan.without_exit(pod, "some"),
                1 => plan.exit(pod, "some", &gateways[(at + round + 2) % 3], None),
                _ => {
                    plan.exits.remove(&((*pod).to_owned(), "some".to_owned()));
                    plan.captured.remove(*pod);
                }
            }
        }
    };
    assign(&mut plan, 0);
    cluster.follow(&plan);
    // Every packet that comes to the server's port is counted by its source, before anything else looks at it.
    cluster.server.inside(|| {
        write(
            "watch",
            &format!(
                "table inet watch {{\n set seen4 {{\n type ipv4_addr\n size 65535\n flags dynamic\n counter\n }}\n \
                 set seen6 {{\n type ipv6_addr\n size 65535\n flags dynamic\n counter\n }}\n \
                 chain in {{\n type filter hook prerouting priority -500\n \
                 th dport {PORT} update @seen4 {{ ip saddr counter }}\n \
                 th dport {PORT} update @seen6 {{ ip6 saddr counter }}\n }}\n}}\n"
            ),
        );
    });
    let capture = Capture::begin(&cluster.server, PORT);
    let (sent, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    let rounds = thread::scope(|scope| {
        for pod in pods {
            for to in FAR {
                let (sent, done, pod) = (&sent, &done, cluster.pod(pod));
                scope.spawn(move || send(pod, to, sent, done));
            }
        }
        let end = Instant::now() + Duration::from_secs(90);
        let mut rounds = 0;
        while sent.load(Ordering::Relaxed) < PACKETS && Instant::now() < end {
            rounds += 1;
            let mut now = plan.clone();
            assign(&mut now, rounds);
            for node in ["s1", "s2", "g1"] {
                cluster.put(node, cluster.wanted(node, &now));
            }
        }
        done.store(true, Ordering::Relaxed);
        rounds
    });
    let sent = sent.into_inner();
    thread::sleep(Duration::from_millis(500));
    let seen: BTreeMap<String, u64> =
        cluster.server.inside(|| ["seen4", "seen6"].iter().flat_map(|set| counted(set)).collect());
    let arrived: u64 = seen.values().sum();
    match capture.map(|capture| capture.end(arrived)) {
        Ok(Captured { sources, lost }) => {
            println!("captured: {sources:?}; {lost} had no room");
            let wrong: Vec<&String> = sources.keys().filter(|source| !ALLOWED.contains(&source.as_str())).collect();
            assert_eq!(wrong, Vec::<&String>::new());
            assert_eq!(sources.values().sum::<u64>() + lost, arrived, "both saw the same packets");
        }
        Err(why) => {
            println!("egress tests cannot run here: tcpdump's count of the storm, as root alone: {}", why.trim())
        }
    }
    println!("{sent} packets sent, {arrived} arrived, {rounds} rounds of changes: {seen:?}");
    let wrong: Vec<&String> = seen.keys().filter(|source| !ALLOWED.contains(&source.as_str())).collect();
    assert_eq!(wrong, Vec::<&String>::new());
    assert!(sent >= PACKETS, "{sent} packets in the time");
    assert!(arrived > 10_000 && rounds > 10, "{arrived} packets arrived, {rounds} rounds");
}

/// Packets by source.
fn counted(set: &str) -> BTreeMap<String, u64> {
    let shown: Value = serde_json::from_str(&nft(&format!("-j list set inet watch {set}"))).unwrap();
    let list = shown["nftables"].as_array().into_iter().flatten().filter_map(|row| row["set"]["elem"].as_array());
    let one = |row: &Value| {
        let packets = row["elem"]["counter"]["packets"].as_u64().expect("a counter");
        (row["elem"]["val"].as_str().expect("an address").to_owned(), packets)
    };
    list.flatten().map(one).collect()
}

/// Datagrams from ports that stay and from ports that are new, and now and then a connection.
fn send(pod: &crate::lab::Pod, to: &str, sent: &AtomicUsize, done: &AtomicBool) {
    let to: SocketAddr = SocketAddr::new(to.parse().unwrap(), PORT);
    let any: SocketAddr = if to.is_ipv4() { "0.0.0.0:0".parse().unwrap() } else { "[::]:0".parse().unwrap() };
    pod.inside(|| {
        let stays = UdpSocket::bind(any).unwrap();
        for number in 0usize.. {
            if done.load(Ordering::Relaxed) {
                return;
            }
            let fresh = UdpSocket::bind(any).unwrap();
            for _ in 0..25 {
                drop(stays.send_to(b"from one port", to));
                drop(fresh.send_to(b"from many", to));
            }
            sent.fetch_add(50, Ordering::Relaxed);
            if number % 40 == 0
                && let Ok(stream) = std::net::TcpStream::connect_timeout(&to, Duration::from_millis(200))
            {
                drop(stream);
                sent.fetch_add(3, Ordering::Relaxed);
            }
            thread::sleep(Duration::from_millis(2));
        }
    });
}
