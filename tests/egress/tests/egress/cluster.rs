//! Nodes on one fabric, pods behind them, gateways with a way outside, and what a controller would tell each of them.
//!
//! Every node reaches the server by itself, so that whatever escapes arrives there with a source that nobody allowed. All check sources
//! strictly (`rp_filter`) before we come.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Mutex,
};

use ipnet::IpNet;
use nicety_core::{
    egress::{
        hold::Hold,
        program::{Policy, Settings, Wanted},
        share::{Endpoint, Exit, Gateway, GatewayId, PodKey, Way},
    },
    ids::NodeName,
};
use nicety_datapath::{Datapath, Kept, Outcome};

use crate::{
    lab::{Pod, eventually, ip, run},
    outside::{self, Log},
};

/// What the server answers to: on the link, behind it, and a range to exclude.
pub const SERVER: [&str; 2] = ["192.0.2.254", "2001:db8::254"];
pub const FAR: [&str; 2] = ["198.51.100.9", "2001:db8:9::9"];
pub const OTHER: [&str; 2] = ["203.0.113.9", "2001:db8:a::9"];

pub const NODES: [&str; 5] = ["s1", "s2", "g1", "g2", "g3"];

pub struct Node {
    pub host: Pod,
    pub name: NodeName,
    pub number: usize,
    pub datapath: Mutex<Datapath>,
    pub kept: Mutex<Kept>,
}

/// What a controller knows.
#[derive(Clone, Default)]
pub struct Plan {
    pub gateways: BTreeMap<GatewayId, Gateway>,
    pub policies: BTreeMap<String, Policy>,
    /// By pod and policy: primary, standby.
    pub exits: BTreeMap<(String, String), (Option<GatewayId>, Option<GatewayId>)>,
    pub captured: BTreeMap<String, BTreeSet<String>>,
    pub dead: BTreeSet<NodeName>,
}

pub struct Cluster {
    pub nodes: BTreeMap<&'static str, Node>,
    pub pods: BTreeMap<&'static str, (Pod, &'static str, Vec<IpAddr>)>,
    pub server: Pod,
    pub log: Log,
    own: Own,
}

/// The addresses by which others know the node of this number, those of the tunnels first.
pub type Own = fn(usize) -> Vec<IpAddr>;

/// `NAME NODE LAST`: which pods there are.
const PODS: [(&str, &str, u32); 6] =
    [("a", "s1", 2), ("b", "s1", 3), ("c", "s2", 2), ("d", "s2", 3), ("e", "g1", 2), ("new", "s1", 9)];

fn sysctl(path: &str, value: &str) {
    std::fs::write(format!("/proc/sys/net/{path}"), value).unwrap_or_else(|error| panic!("{path}: {error}"));
}

/// A cable from bridge `bridge` of the calling thread's namespace to `name` in a host.
fn cable(bridge: &str, host: &Pod, near: &str, name: &str) {
    ip(&format!("link add {near} type veth peer name {near}x"));
    ip(&format!("link set {near} master {bridge} up"));
    host.take(&format!("{near}x"), name);
}

impl Cluster {
    pub fn new() -> Cluster {
        Cluster::of_nodes_with(own)
    }

    pub fn of_nodes_with(own: Own) -> Cluster {
        for bridge in ["fabric", "outside", "second"] {
            ip(&format!("link add {bridge} type bridge forward_delay 0"));
            ip(&format!("link set {bridge} up"));
        }
        let server = Pod::new();
        cable("outside", &server, "srv", "eth0");
        cable("second", &server, "srv2", "eth1");
        server.inside(|| {
            for (link, addresses) in [
                ("eth0", ["192.0.2.254/24", "2001:db8::254/64"]),
                ("eth1", ["172.16.5.254/24", "2001:db8:5::254/64"]),
                ("lo", ["198.51.100.9/32", "2001:db8:9::9/128"]),
                ("lo", ["203.0.113.9/32", "2001:db8:a::9/128"]),
            ] {
                ip(&format!("addr add {} dev {link}", addresses[0]));
                ip(&format!("addr add {} dev {link} nodad", addresses[1]));
                ip(&format!("link set {link} up"));
            }
        });
        let log = outside::serve(&server);
        let nodes = NODES.iter().zip(1..).map(|(name, number)| (*name, node(name, number, own))).collect();
        let mut cluster = Cluster { nodes, pods: BTreeMap::new(), server, log, own };
        for (name, at, last) in PODS {
            let number = cluster.nodes[at].number;
            let pod = Pod::new();
            cluster.nodes[at].host.inside(|| {
                ip(&format!("link add veth-{name} type veth peer name up-{name}"));
                ip(&format!("link set veth-{name} master cni0 up"));
                pod.take(&format!("up-{name}"), "eth0");
            });
            pod.ip("link set eth0 up");
            pod.ip(&format!("addr add 10.1.{number}.{last}/24 dev eth0"));
            pod.ip(&format!("addr add fd01:{number}::{last}/64 dev eth0 nodad"));
            pod.ip(&format!("route add default via 10.1.{number}.254"));
            pod.ip(&format!("-6 route add default via fd01:{number}::254"));
            let addresses = [format!("10.1.{number}.{last}"), format!("fd01:{number}::{last}")];
            cluster.pods.insert(name, (pod, at, addresses.map(|text| text.parse().unwrap()).into()));
        }
        // Addresses of IPv6 settle in their own time.
        eventually("the fabric", || {
            cluster.nodes["s1"].host.ping("10.0.0.5") && cluster.nodes["s1"].host.ping("fd00::5")
        });
        cluster
    }

    pub fn pod(&self, name: &str) -> &Pod {
        &self.pods[name].0
    }

    pub fn address(&self, name: &str, family: usize) -> IpAddr {
        self.pods[name].2[family]
    }

    /// A share as a controller would make it, for one node.
    pub fn wanted(&self, node: &str, plan: &Plan) -> Wanted {
        let mut wanted = Wanted {
            policies: plan.policies.clone(),
            cluster: ["10.0.0.0/16", "10.1.0.0/16", "10.96.0.0/16", "fd00::/64", "fd01::/16"].map(net).into(),
            dead: plan.dead.clone(),
            ..Wanted::default()
        };
        wanted.share.gateways = plan.gateways.clone();
        for (name, (_, at, addresses)) in self.pods.iter().filter(|(_, (_, at, _))| *at == node) {
            let exits: BTreeMap<String, Exit> = plan
                .exits
                .iter()
                .filter(|((pod, _), _)| pod == name)
                .map(|((_, policy), (primary, standby))| {
                    let exit =
                        Exit { primary: primary.clone(), standby: standby.clone(), reason: format!("for pod on {at}") };
                    (policy.clone(), exit)
                })
                .collect();
            if let Some(policies) = plan.captured.get(*name) {
                wanted.captured.insert(key(name), policies.clone());
            }
            if !exits.is_empty() || plan.captured.contains_key(*name) {
                let addresses = addresses.iter().copied().collect();
                wanted.share.endpoints.insert(key(name), Endpoint { addresses, exits });
            }
        }
        if plan.gateways.values().any(|gateway| gateway.node.as_str() == node) {
            for other in self.nodes.values().filter(|other| other.name.as_str() != node) {
                wanted.share.senders.insert(other.name.clone(), (self.own)(other.number).into_iter().collect());
            }
        }
        wanted
    }

    pub fn put(&self, node: &str, wanted: Wanted) -> Outcome {
        let node = &self.nodes[node];
        node.host
            .inside(|| {
                node.datapath.lock().unwrap().put(wanted, &mut |kept| {
                    *node.kept.lock().unwrap() = kept.clone();
                    Ok(())
                })
            })
            .expect("a put")
    }

    /// On all nodes, gateways first; nothing may be wrong.
    pub fn follow(&self, plan: &Plan) {
        for node in NODES.iter().rev().filter(|node| !plan.dead.iter().any(|dead| dead.as_str() == **node)) {
            let outcome = self.put(node, self.wanted(node, plan));
            assert_eq!((outcome.wrong, outcome.faults), (BTreeMap::new(), Vec::new()), "{node}");
        }
    }

    /// `plan`: of which the policies' claims are.
    pub fn hold(&self, pod: &str, policies: &[&str], plan: &Plan) -> Result<(), nicety_datapath::Error> {
        let (_, at, addresses) = &self.pods[pod];
        let node = &self.nodes[at];
        let new: BTreeSet<IpAddr> = addresses.iter().copied().collect();
        let claims = plan.policies.iter().filter(|(name, _)| policies.contains(&name.as_str()));
        let claims = claims.map(|(name, policy)| (name.clone(), policy.clone())).collect();
        let policies = policies.iter().map(|name| (*name).to_owned()).collect();
        let hold = Hold { pod: key(pod), addresses: new.clone(), beside: BTreeSet::new(), policies };
        node.host.inside(|| node.datapath.lock().unwrap().hold(vec![hold], claims, &new))
    }
}

fn node(name: &'static str, number: usize, own: Own) -> Node {
    let host = Pod::new();
    cable("fabric", &host, &format!("fab{number}"), "eth0");
    cable("outside", &host, &format!("out{number}"), "eth1");
    cable("second", &host, &format!("sec{number}"), "eth2");
    let datapath = host.inside(|| {
        for path in ["ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter"] {
            sysctl(path, "1");
        }
        for path in ["ipv4/conf/eth0/rp_filter", "ipv4/conf/eth1/rp_filter", "ipv4/conf/eth2/rp_filter"] {
            sysctl(path, "1");
        }
        // A node of a cluster forwards for its pods; of the interfaces outside, that is ours to switch on.
        sysctl("ipv4/ip_forward", "1");
        sysctl("ipv6/conf/all/forwarding", "1");
        for link in ["eth1", "eth2"] {
            sysctl(&format!("ipv4/conf/{link}/forwarding"), "0");
        }
        ip("link add cni0 type bridge forward_delay 0");
        for (link, v4, v6) in [
            ("eth0", format!("10.0.0.{number}/24"), format!("fd00::{number}/64")),
            ("eth1", format!("192.0.2.1{number}/24"), format!("2001:db8::1{number}/64")),
            ("eth2", format!("172.16.5.1{number}/24"), format!("2001:db8:5::1{number}/64")),
            ("cni0", format!("10.1.{number}.254/24"), format!("fd01:{number}::254/64")),
        ] {
            ip(&format!("link set {link} up"));
            ip(&format!("addr add {v4} dev {link}"));
            ip(&format!("addr add {v6} dev {link} nodad"));
        }
        // A second address of the gateway, besides that of the interface.
        ip(&format!("addr add 192.0.2.2{number}/24 dev eth1"));
        ip(&format!("addr add 2001:db8::2{number}/64 dev eth1 nodad"));
        ip("route add default via 192.0.2.254 dev eth1");
        ip("-6 route add default via 2001:db8::254 dev eth1");
        ip("route add default via 172.16.5.254 dev eth2 metric 500");
        ip("-6 route add default via 2001:db8:5::254 dev eth2 metric 5000");
        for other in (1..=NODES.len()).filter(|other| *other != number) {
            ip(&format!("route add 10.1.{other}.0/24 via 10.0.0.{other}"));
            ip(&format!("-6 route add fd01:{other}::/64 via fd00::{other}"));
        }
        let settings = Settings { addresses: own(number), ..settings(name, number) };
        Datapath::open(settings, Kept::default()).expect("a datapath")
    });
    Node {
        host,
        name: name.parse().unwrap(),
        number,
        datapath: Mutex::new(datapath),
        kept: Mutex::new(Kept::default()),
    }
}

pub fn settings(name: &str, number: usize) -> Settings {
    Settings {
        node: name.parse().unwrap(),
        addresses: own(number),
        mask: "0x0ff00000".parse().unwrap(),
        port: 4790,
        tables: "12000-12255".parse().unwrap(),
    }
}

fn own(number: usize) -> Vec<IpAddr> {
    [format!("10.0.0.{number}"), format!("fd00::{number}")].map(|text| text.parse().unwrap()).into()
}

pub fn key(pod: &str) -> PodKey {
    PodKey { namespace: "default".to_owned(), name: pod.to_owned(), uid: format!("uid-{pod}") }
}

pub fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

pub fn addresses(pair: [&str; 2]) -> Way {
    Way::Addresses { addresses: pair.map(|text| text.parse().unwrap()).into(), floats: false }
}

impl Plan {
    /// A gateway on a node; returns its name.
    pub fn gateway(&mut self, node: &str, way: Way) -> GatewayId {
        let name: NodeName = node.parse().unwrap();
        let number = NODES.iter().position(|other| *other == node).unwrap() + 1;
        let id = GatewayId::new(&name, &way);
        let gateway = Gateway { node: name, underlay: own(number), way, vni: id.preferred_vni() };
        self.gateways.insert(id.clone(), gateway);
        id
    }

    pub fn policy(&mut self, name: &str, priority: i32, destinations: &[&str], excluded: &[&str]) {
        let nets = |list: &[&str]| list.iter().map(|text| net(text)).collect();
        self.policies
            .insert(name.to_owned(), Policy { priority, destinations: nets(destinations), excluded: nets(excluded) });
    }

    pub fn exit(&mut self, pod: &str, policy: &str, primary: &GatewayId, standby: Option<&GatewayId>) {
        self.exits.insert((pod.to_owned(), policy.to_owned()), (Some(primary.clone()), standby.cloned()));
    }

    pub fn without_exit(&mut self, pod: &str, policy: &str) {
        self.exits.remove(&(pod.to_owned(), policy.to_owned()));
        self.captured.entry(pod.to_owned()).or_default().insert(policy.to_owned());
    }
}

/// All destinations of both families.
pub const ANY: [&str; 2] = ["0.0.0.0/0", "::/0"];

pub fn nft(arguments: &str) -> String {
    let (ok, out) = run("nft", arguments);
    assert!(ok, "nft {arguments}: {out}");
    out
}

/// Rules of others.
pub fn write(file: &str, rules: &str) {
    // `nft -f -` needs a pipe; a file does as well.
    let path = std::env::temp_dir().join(format!("nicety-egress-{}-{file}", std::process::id()));
    std::fs::write(&path, rules).unwrap();
    nft(&format!("-f {}", path.display()));
    std::fs::remove_file(path).unwrap();
}
