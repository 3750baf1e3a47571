//! What egress costs the kernel of one node: programming the packet filter, against `nft` doing the same; and what the tunnel carries,
//! against a tunnel and a source translation made by hand, both in one run. Prints a table; its status says whether all targets are met.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement that cannot be made ends"
)]

#[expect(dead_code, reason = "tests need more of it")]
#[path = "../../tests/egress/cluster.rs"]
mod cluster;
#[expect(dead_code, reason = "tests need more of it")]
#[path = "../../../netns/tests/netns/lab.rs"]
mod lab;
#[expect(dead_code, reason = "tests need more of it")]
#[path = "../../tests/egress/outside.rs"]
mod outside;

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use nicety_core::egress::{
    mark::Marks,
    program::{Program, Wanted, Ways},
    share::{Endpoint, Exit, GatewayId},
    table::Table,
};
use nicety_datapath::{Datapath, Kept};

use crate::{
    cluster::{Cluster, FAR, Plan, addresses, key, net, nft, settings, write},
    lab::{in_new_netns, ip, run},
};

const ELEMENTS: usize = 16_384;
const ROUNDS: usize = 7;

fn main() -> ExitCode {
    // In a user namespace the kernel takes no transaction as large as `nft`'s.
    if !rustix::process::getuid().is_root()
        && let Err(missing) = lab::enter()
    {
        println!("egress cannot be measured here: {missing}");
        return ExitCode::FAILURE;
    }
    let programmed = in_new_netns(programming);
    let carried = in_new_netns(throughput);
    if programmed && carried { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn row(name: &str, ours: f64, peer: &str, theirs: f64, unit: &str, target: &str, met: bool) -> bool {
    println!(
        "{name:<44} {ours:>9.2} {unit:<6} {peer}: {theirs:>9.2}   {target:<16} {}",
        if met { "yes" } else { "NO" }
    );
    met
}

/// Pods until the table has so many elements; 64 destinations. The pod of `moved` leaves by another gateway than it would.
fn wanted(pods: u32, moved: Option<u32>) -> Wanted {
    let mut plan = Plan::default();
    let destinations: Vec<String> = (0..64).map(|at| format!("198.18.{}.0/24", at * 2)).collect();
    plan.policy("bench", 0, &destinations.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    let gateways: Vec<GatewayId> =
        ["g1", "g2", "g3"].map(|node| plan.gateway(node, addresses(["192.0.2.23", "2001:db8::23"]))).into();
    let mut wanted = Wanted { policies: plan.policies, cluster: vec![net("10.0.0.0/8")], ..Wanted::default() };
    wanted.share.gateways = plan.gateways;
    for at in 0..pods {
        let gateway = &gateways[(at as usize + usize::from(moved == Some(at))) % 3];
        let exit = Exit { primary: Some(gateway.clone()), ..Exit::default() };
        let endpoint = Endpoint {
            addresses: [IpAddr::from((0x0a40_0000 + at).to_be_bytes())].into(),
            exits: [("bench".to_owned(), exit)].into(),
        };
        wanted.share.endpoints.insert(key(&format!("pod-{at}")), endpoint);
    }
    wanted
}

fn elements(pods: u32) -> usize {
    let program = Program::of(&settings("s1", 1), &wanted(pods, None), &Ways::new(), &mut Marks::default());
    Table::of(&settings("s1", 1), &program).elements()
}

fn programming() -> bool {
    ip("link add eth0 type veth peer name far");
    ip("addr add 10.0.0.1/24 dev eth0");
    ip("link set eth0 up");
    // Elements grow by the same number with each pod.
    let (none, some) = (elements(1), elements(101));
    let pods = u32::try_from((ELEMENTS - none) * 100 / (some - none) + 1).unwrap();
    let count = elements(pods);
    let (all, moves): (Wanted, Vec<Wanted>) =
        (wanted(pods, None), (0..20).map(|at| wanted(pods, Some(at * 7))).collect());
    let mut anew = Vec::new();
    let mut datapath = None;
    for _ in 0..ROUNDS {
        let mut fresh = Datapath::open(settings("s1", 1), Kept::default()).expect("a datapath");
        fresh.remove(&mut |_| Ok(())).expect("a removal");
        let begun = Instant::now();
        fresh.put(all.clone(), &mut |_| Ok(())).expect("a put");
        anew.push(begun.elapsed().as_secs_f64() * 1000.0);
        datapath = Some(fresh);
    }
    let mut datapath = datapath.expect("rounds");
    let mut changes = Vec::new();
    for wanted in moves {
        let begun = Instant::now();
        datapath.put(wanted, &mut |_| Ok(())).expect("a put");
        changes.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    // The same table by `nft`, as it shows it itself.
    let mut table: serde_json::Value = serde_json::from_str(&nft("-j list table inet nicety_egress")).unwrap();
    // What is referred to comes first when it is read, and not when it is shown.
    let place = |row: &serde_json::Value| {
        ["metainfo", "table", "chain", "counter", "set", "map", "rule"].iter().position(|kind| row.get(kind).is_some())
    };
    table["nftables"].as_array_mut().unwrap().sort_by_key(place);
    let folder = std::env::temp_dir().join(format!("nicety-egress-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (whole, one) = (folder.join("whole.json"), folder.join("one.json"));
    std::fs::write(&whole, table.to_string()).unwrap();
    let timed = |file: &std::path::Path| {
        let begun = Instant::now();
        nft(&format!("-j -f {}", file.display()));
        begun.elapsed().as_secs_f64() * 1000.0
    };
    let mut by_nft = Vec::new();
    for _ in 0..ROUNDS {
        nft("delete table inet nicety_egress");
        by_nft.push(timed(&whole));
    }
    let set = |verb: &str, set: &str| {
        format!(
            r#"{{"{verb}":{{"element":{{"family":"inet","table":"nicety_egress","name":"{set}","elem":["10.64.0.3"]}}}}}}"#
        )
    };
    let mut one_by_nft = Vec::new();
    for round in 0..20 {
        let (from, to) = if round % 2 == 0 { (1, 2) } else { (2, 1) };
        let name = |number: u32| format!("exits4-{number}-bench");
        let text = format!(r#"{{"nftables":[{},{}]}}"#, set("delete", &name(from)), set("add", &name(to)));
        std::fs::write(&one, text).unwrap();
        one_by_nft.push(timed(&one));
    }
    std::fs::remove_dir_all(&folder).unwrap();
    let (anew, change) = (median(anew), median(changes));
    let first = format!("{count} elements from nothing ({pods} pods)");
    let first = row(&first, anew, "nft -j -f", median(by_nft), "ms", "<= 1000 ms", anew <= 1000.0);
    let second = row("one pod moves", change, "nft -j -f", median(one_by_nft), "ms", "<= 20 ms", change <= 20.0);
    first && second
}

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

/// Megabits a second that arrive.
fn rate(cluster: &Cluster, pod: &str) -> f64 {
    let to = SocketAddr::new(FAR[0].parse().unwrap(), 9000);
    let mut stream =
        cluster.pod(pod).inside(|| TcpStream::connect_timeout(&to, Duration::from_secs(3))).expect("a connection");
    let data = vec![7; 1 << 18];
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(1500) {
        stream.write_all(&data).expect("to send");
    }
    stream.shutdown(std::net::Shutdown::Write).expect("an end");
    let mut bytes = [0; 8];
    stream.read_exact(&mut bytes).expect("a count");
    u64::from_be_bytes(bytes) as f64 * 8.0 / begun.elapsed().as_secs_f64() / 1e6
}

fn throughput() -> bool {
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
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(rate(&cluster, "a"));
        theirs.push(rate(&cluster, "c"));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    row("one TCP connection through the tunnel", ours, "by hand", theirs, "Mbit/s", ">= 0.95x", ours >= theirs * 0.95)
}

/// A tunnel from s2 to g2, and addresses translated on both, as one would write it.
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
