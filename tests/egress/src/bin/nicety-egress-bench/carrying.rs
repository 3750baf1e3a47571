//! What the tunnel carries, against the same made by hand.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use rustix::net::sockopt::set_tcp_congestion;

use crate::{
    cluster::{Cluster, FAR, Plan, addresses, nft, write},
    lab::{ip, run},
    outside, row,
};

const ROUNDS: usize = 24;

/// Takes what comes on a port of the server, until the process ends.
fn sink(cluster: &Cluster) {
    let listener = cluster.server.inside(|| TcpListener::bind(("::", 9000)).expect("a listener"));
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut buffer = vec![0; 1 << 20];
                let mut bytes = 0u64;
                while let Ok(length @ 1..) = stream.read(&mut buffer) {
                    bytes += length as u64;
                }
                drop(stream.write_all(&bytes.to_be_bytes()));
            });
        }
    });
}

struct Carried {
    /// A second, that arrive.
    megabits: f64,
    /// Of processors, for each gigabyte.
    milliseconds: f64,
}

fn carry(cluster: &Cluster, pod: &str) -> Carried {
    let to = SocketAddr::new(FAR[0].parse().unwrap(), 9000);
    let mut stream =
        cluster.pod(pod).inside(|| TcpStream::connect_timeout(&to, Duration::from_secs(3))).expect("a connection");
    // Every kernel has it, and it sends as fast as the way allows; others pace themselves by a clock that such a short way makes no use of.
    set_tcp_congestion(&stream, "reno").expect("a congestion control");
    let data = vec![7; 1 << 18];
    let (begun, used) = (Instant::now(), processors());
    while begun.elapsed() < Duration::from_millis(500) {
        stream.write_all(&data).expect("to send");
    }
    stream.shutdown(std::net::Shutdown::Write).expect("an end");
    let mut bytes = [0; 8];
    stream.read_exact(&mut bytes).expect("a count");
    let (took, bytes) = (begun.elapsed().as_secs_f64(), u64::from_be_bytes(bytes) as f64);
    Carried { megabits: bytes * 8.0 / took / 1e6, milliseconds: (processors() - used) * 1e9 / bytes }
}

/// Milliseconds of processors that this process has used, in steps of the kernel's clock (`USER_HZ`, 100).
fn processors() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").expect("a process");
    // After the name in parentheses: utime and stime are the 14th and 15th of all.
    let fields: Vec<&str> = text.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    [11, 12].map(|at: usize| fields[at].parse::<f64>().expect("a number")).iter().sum::<f64>() * 10.0
}

pub fn measure() -> bool {
    let cluster = Cluster::new();
    sink(&cluster);
    let mut plan = Plan::default();
    plan.policy("all", 0, &["198.51.100.0/24"], &[]);
    let gateway = plan.gateway("g1", addresses(["192.0.2.23", "2001:db8::23"]));
    plan.exit("a", "all", &gateway, None);
    for node in ["g1", "s1"] {
        cluster.put(node, cluster.wanted(node, &plan));
    }
    by_hand(&cluster);
    let allowed: BTreeSet<IpAddr> = ["192.0.2.23", "192.0.2.24"].map(|text| text.parse().unwrap()).into();
    for pod in ["a", "c"] {
        let from = outside::tcp(cluster.pod(pod), FAR[0]).expect("the server");
        assert!(allowed.contains(&from.parse().unwrap()), "{pod} came from {from}");
    }
    let plain = compared(&cluster, "without a choice");
    by_hand_with_a_choice(&cluster);
    let same = compared(&cluster, "with marks");
    plain && same
}

/// In turns, so that whatever else the machine does meets both; the upper quartile, since that only ever slows down. The time of
/// processors is that of sender, receiver and all that is between them, which run in this process, and hears less of others.
fn compared(cluster: &Cluster, name: &str) -> bool {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(carry(cluster, "a"));
        theirs.push(carry(cluster, "c"));
    }
    let fast = |samples: &[Carried]| quartile(samples.iter().map(|one| -one.megabits)).abs();
    let cheap = |samples: &[Carried]| quartile(samples.iter().map(|one| one.milliseconds));
    let ratio = fast(&ours) / fast(&theirs);
    let met = row(
        &format!("one TCP connection, by hand {name}"),
        fast(&ours),
        Some(("by hand", fast(&theirs))),
        "Mbit/s",
        &format!(">= 0.95x ({ratio:.2}x)"),
        ratio >= 0.95,
    );
    let (here, there) = (cheap(&ours), cheap(&theirs));
    println!("  processors for each gigabyte: {here:.0} ms, by hand {there:.0} ms ({:.2}x)", there / here);
    met
}

/// The lower one.
fn quartile(samples: impl Iterator<Item = f64>) -> f64 {
    let mut samples: Vec<f64> = samples.collect();
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 4]
}

/// A tunnel from s2 to g2, and addresses translated on both, as one would write it for one gateway and all pods of a node: nothing is
/// looked up in a packet but what routing looks at anyway.
fn by_hand(cluster: &Cluster) {
    for (node, here, there, number) in [("s2", "10.0.0.2", "10.0.0.4", 2), ("g2", "10.0.0.4", "10.0.0.2", 4)] {
        cluster.nodes[node].host.inside(|| {
            ip(&format!("link add hand type vxlan id 77 local {here} remote {there} dstport 4789"));
            ip("link set hand up mtu 1450");
            ip(&format!("addr add 172.31.0.{number}/24 dev hand"));
            let (ok, out) = run("sysctl", "-w net.ipv4.conf.hand.rp_filter=2 net.ipv4.conf.eth1.forwarding=1");
            assert!(ok, "{out}");
        });
    }
    cluster.nodes["s2"].host.inside(|| {
        ip("route add default via 172.31.0.4 dev hand table 77");
        ip("rule add from 10.1.2.0/24 to 198.51.100.0/24 lookup 77");
        write(
            "hand",
            "table ip hand {\n chain post {\n type nat hook postrouting priority 90\n oifname hand snat to 172.31.0.2\n }\n \
             chain forward {\n type filter hook forward priority -150\n oifname hand tcp flags syn / syn,rst \
             tcp option maxseg size set rt mtu\n }\n}\n",
        );
    });
    cluster.nodes["g2"].host.inside(|| {
        write(
            "hand",
            "table ip hand {\n chain post {\n type nat hook postrouting priority 90\n \
             ip saddr 172.31.0.2 oifname eth1 snat to 192.0.2.24\n }\n \
             chain forward {\n type filter hook forward priority -150\n oifname hand tcp flags syn / syn,rst \
             tcp option maxseg size set rt mtu\n }\n}\n",
        );
    });
}

/// The same tunnel, as one would write it where pods of one node leave by different gateways, and where nodes come from their own
/// addresses: marks lead there, marks of flows lead back, and no packet in the tunnel has a mark.
fn by_hand_with_a_choice(cluster: &Cluster) {
    cluster.nodes["s2"].host.inside(|| {
        ip("rule del from 10.1.2.0/24 to 198.51.100.0/24 lookup 77");
        ip("rule add fwmark 1 lookup 77");
        nft("delete table ip hand");
        write(
            "hand",
            "table ip hand {\n set pods { type ipv4_addr; elements = { 10.1.2.2 } }\n \
             chain pre {\n type filter hook prerouting priority -90\n \
             ct direction original ip saddr @pods ip daddr 198.51.100.0/24 meta mark set 1 ct mark set 1\n }\n \
             chain post {\n type nat hook postrouting priority 90\n oifname hand snat to 10.0.0.2\n }\n \
             chain last {\n type filter hook postrouting priority 300\n oifname hand meta mark set 0\n }\n \
             chain forward {\n type filter hook forward priority -150\n oifname hand tcp flags syn / syn,rst \
             tcp option maxseg size set rt mtu\n }\n}\n",
        );
    });
    cluster.nodes["g2"].host.inside(|| {
        ip("route add 10.0.0.2 via 172.31.0.2 dev hand table 77");
        ip("rule add fwmark 1 lookup 77");
        nft("delete table ip hand");
        write(
            "hand",
            "table ip hand {\n chain pre {\n type filter hook prerouting priority -90\n \
             iifname hand ct mark set 1\n ct direction reply ct mark 1 meta mark set 1\n }\n \
             chain post {\n type nat hook postrouting priority 90\n ct mark 1 oifname eth1 snat to 192.0.2.24\n }\n \
             chain last {\n type filter hook postrouting priority 300\n oifname hand meta mark set 0\n }\n \
             chain forward {\n type filter hook forward priority -150\n oifname hand tcp flags syn / syn,rst \
             tcp option maxseg size set rt mtu\n }\n}\n",
        );
    });
    assert_eq!(outside::tcp(cluster.pod("c"), FAR[0]).as_deref(), Some("192.0.2.24"));
}
