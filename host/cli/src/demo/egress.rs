//! The last act: pods leave by egress gateways. A server outside answers each datagram with the address that it came from, so what is
//! shown is what arrived there. Then a gateway is killed.

use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, UdpSocket},
    os::fd::AsFd,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use ipnet::IpNet;
use nicety_kernel::lay;

use super::{
    node::{Node, Site},
    report::Leaves,
    runtime::{Pod, Sandbox},
    space::{self, Space},
};
use crate::text::aligned;

const MANIFEST: &str = include_str!("manifests/egress.yaml");
const STRATEGIES: &str =
    "gatewayDistribution: {default: even}\nstrategies:\n  even: {policy: \"builtin:rendezvous\"}\n";

const WORKER: (&str, &[&str]) = ("worker", &["192.0.2.11/24"]);
/// Each with its own address and the one that packets leave with.
const GATEWAYS: [(&str, &[&str]); 3] = [
    ("gw-1", &["192.0.2.21/24", "192.0.2.121/24"]),
    ("gw-2", &["192.0.2.22/24", "192.0.2.122/24"]),
    ("gw-3", &["192.0.2.23/24", "192.0.2.123/24"]),
];
const OUTSIDE: (&str, &[&str]) = ("outside", &["192.0.2.200/24"]);
const SERVER: &str = "192.0.2.200:9000";
const STREET: &str = "street";
const PODS: usize = 6;

/// Daemons of a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);
const TRY: Duration = Duration::from_millis(100);

/// With which address the server sees each pod, before and after the first gateway that has pods is killed.
pub fn act(root: &Path, plugin: &Path, tell: &impl Fn(&str)) -> anyhow::Result<Vec<Leaves>> {
    let root = root.join("egress");
    let manifests = root.join("manifests");
    fs::create_dir_all(&manifests)?;
    fs::write(manifests.join("egress.yaml"), MANIFEST)?;
    fs::write(manifests.join("strategies.yaml"), STRATEGIES)?;
    lay::bridge(STREET)?;
    let street = Space::here()?;
    let server = Server::start(&machine(&root, &street, OUTSIDE)?)?;
    let mut nodes = BTreeMap::new();
    for place in GATEWAYS.into_iter().chain([WORKER]) {
        let (name, _) = place;
        let arguments = ["--no-journal", "--egress-probe-interval", "200", "--cluster-cidr", "10.80.0.0/16"];
        let site = Site {
            name,
            space: machine(&root, &street, place)?,
            home: root.join(name),
            manifests: manifests.clone(),
            network: "pods",
            arguments: arguments.map(Into::into).into(),
        };
        nodes.insert(name, Node::launch(site, plugin)?);
    }
    let runtime = nodes.get(WORKER.0).context("there is no worker")?.runtime.clone();
    let mut sandboxes = Vec::new();
    for number in 1..=PODS {
        let pod = Pod { node: WORKER.0, name: format!("pod-{number}"), annotations: BTreeMap::new() };
        sandboxes.push(runtime.run(pod)?);
    }
    let before = settled(&sandboxes)?;
    let (gateway, killed) = before.first().and_then(|with| whose(*with)).context("a pod leaves by no gateway")?;
    kill(nodes.remove(gateway).with_context(|| format!("there is no {gateway}"))?)?;
    let start = Instant::now();
    let moved = |after: &[IpAddr]| after.iter().all(|with| *with != killed);
    let after = until(&sandboxes, moved)?;
    let leaves: Vec<Leaves> = sandboxes
        .iter()
        .zip(before.iter().zip(after))
        .map(|(sandbox, (with, after))| Leaves { pod: sandbox.pod.name.clone(), with: *with, after })
        .collect();
    tell(&told(&leaves, gateway, start.elapsed()));
    for sandbox in sandboxes {
        runtime.stop(sandbox)?;
    }
    for (_, node) in nodes {
        node.stop()?;
    }
    server.stop();
    Ok(leaves)
}

/// Everybody leaves with a gateway's address, and only those of the killed one moved.
pub fn as_promised(leaves: &[Leaves]) -> bool {
    let killed = leaves.first().map(|one| one.with);
    let right = |one: &Leaves| {
        whose(one.with).is_some() && whose(one.after).is_some() && (one.with == one.after) != (Some(one.with) == killed)
    };
    leaves.len() == PODS && leaves.iter().all(right)
}

fn told(leaves: &[Leaves], gateway: &str, took: Duration) -> String {
    let rows = leaves.iter().map(|one| [one.pod.clone(), one.with.to_string(), one.after.to_string()]);
    let head = ["POD".to_owned(), "LEAVES WITH".to_owned(), format!("ONCE {} WAS KILLED", gateway.to_uppercase())];
    let table = aligned(&std::iter::once(head).chain(rows).collect::<Vec<_>>());
    format!(
        "\nsix pods behind three egress gateways, as a server outside sees them; {gateway} is killed, and {} ms later all that \
         had it leave by another:\n\n{table}",
        took.as_millis()
    )
}

/// The gateway with this egress address.
fn whose(with: IpAddr) -> Option<(&'static str, IpAddr)> {
    let has = |addresses: &[&str]| addresses.get(1).and_then(|text| text.parse::<IpNet>().ok()).map(|net| net.addr());
    GATEWAYS.into_iter().find(|(_, addresses)| has(addresses) == Some(with)).map(|(name, _)| (name, with))
}

/// All have left twice in a row with the same.
fn settled(sandboxes: &[Sandbox]) -> anyhow::Result<Vec<IpAddr>> {
    let end = Instant::now() + PATIENCE;
    let mut last = Vec::new();
    loop {
        let now = until(sandboxes, |_| true)?;
        if now == last {
            return Ok(now);
        }
        if Instant::now() > end {
            bail!("waited {} s for pods to leave by their gateways", PATIENCE.as_secs());
        }
        last = now;
        thread::sleep(Duration::from_secs(1));
    }
}

/// With which address each is seen, once all are seen as wanted.
fn until(sandboxes: &[Sandbox], wanted: impl Fn(&[IpAddr]) -> bool) -> anyhow::Result<Vec<IpAddr>> {
    let end = Instant::now() + PATIENCE;
    loop {
        let seen: Vec<Option<IpAddr>> = sandboxes.iter().map(seen).collect::<anyhow::Result<_>>()?;
        let all: Vec<IpAddr> = seen.iter().copied().flatten().collect();
        if all.len() == sandboxes.len() && wanted(&all) {
            return Ok(all);
        }
        if Instant::now() > end {
            bail!("waited {} s for pods to leave by their gateways; the server sees {seen:?}", PATIENCE.as_secs());
        }
    }
}

/// What the server says of one datagram of a new flow. None: no answer.
fn seen(sandbox: &Sandbox) -> anyhow::Result<Option<IpAddr>> {
    sandbox.space.inside(|| {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.set_read_timeout(Some(TRY))?;
        let mut buffer = [0; 64];
        let answer = socket.send_to(b"who am I", SERVER).and_then(|_| socket.recv(&mut buffer));
        let text = answer.ok().and_then(|length| std::str::from_utf8(buffer.get(..length)?).ok());
        Ok(text.and_then(|text| text.parse().ok()))
    })
}

/// A namespace with one cable to the street.
fn machine(root: &Path, street: &Space, place: (&'static str, &'static [&'static str])) -> anyhow::Result<Space> {
    let (name, addresses) = place;
    let space = Space::create(&root.join(format!("{name}.netns")))?;
    let far = space.as_fd().try_clone_to_owned()?;
    street.inside(move || Ok(lay::cable(&format!("to-{name}"), STREET, "eth0", far.as_fd())?))?;
    space.inside(move || {
        for address in addresses {
            lay::raise("eth0", Some(address.parse()?))?;
        }
        Ok(())
    })?;
    Ok(space)
}

/// With all that it has: its daemon, its namespace, its cable.
fn kill(node: Node) -> anyhow::Result<()> {
    let path = node.space.path().to_owned();
    drop(node);
    space::remove(&path)
}

/// Answers each datagram with the address that it came from.
struct Server {
    ended: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Server {
    fn start(space: &Space) -> anyhow::Result<Server> {
        let socket = space.inside(|| {
            let socket = UdpSocket::bind(SERVER)?;
            socket.set_read_timeout(Some(TRY))?;
            Ok(socket)
        })?;
        let ended = Arc::new(AtomicBool::new(false));
        let over = ended.clone();
        let thread = thread::spawn(move || {
            let mut buffer = [0; 64];
            while !over.load(Ordering::Relaxed) {
                if let Ok((_, from)) = socket.recv_from(&mut buffer) {
                    // One that cannot be reached asks again.
                    drop(socket.send_to(from.ip().to_string().as_bytes(), from));
                }
            }
        });
        Ok(Server { ended, thread })
    }

    fn stop(self) {
        self.ended.store(true, Ordering::Relaxed);
        drop(self.thread.join());
    }
}
