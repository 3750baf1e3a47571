//! Egress in a whole cluster: API server, controller and a daemon on each machine, pods that the plugin attaches, and a server outside
//! that is the judge. Whatever is killed and whenever, no packet comes with a source that is no egress address.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Node};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use nicety_tests_k8s::{Machine, Outside, Sandbox, Talker, Test, apply, ip, ip_json, objects, run, secs, until};
use serde_json::{Value, json};

use crate::cluster::Cluster;

pub fn tests() -> Vec<Test> {
    vec![
        Test::new("packets_leave_by_their_gateways_whoever_is_killed", killed).within(secs(420)),
        Test::new("a_gateway_that_dies_is_left_without_the_controller_and_observers_tell_it", dies),
        Test::new("a_pod_s_packets_leave_soon_after_the_api_knows_its_address", soon),
    ]
}

const SERVER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);
/// The server's machine on the network where the egress addresses are.
const ROUTER: &str = "10.1.0.200";
/// Nodes with pods come first, then gateways.
const WORKERS: usize = 2;
const STRATEGIES: &str = "strategies:\n  rendezvous:\n    policy: builtin:rendezvous\n";
/// Nobody says which ranges are the cluster's own.
const DAEMON: [&str; 1] = ["--egress-probe-interval=200"];

struct Scene {
    cluster: Cluster,
    outside: Outside,
    talkers: Vec<Talker>,
    /// By name, with the index of their machine.
    pods: BTreeMap<String, (usize, Sandbox)>,
    begun: Instant,
}

impl Scene {
    /// Two machines for pods, two gateways, one policy, no pod.
    async fn start() -> anyhow::Result<Scene> {
        let cluster = Cluster::start_with(4, &DAEMON).await?;
        ip("netns add outside")?;
        ip("-n outside link add eth0 type veth peer name outside netns fabric")?;
        ip("-n fabric link set outside up master br1")?;
        for words in [
            &format!("address add {ROUTER}/16 dev eth0"),
            "link set eth0 up",
            "link set lo up",
            &format!("address add {SERVER}/32 dev lo"),
        ] {
            ip(&format!("-n outside {words}"))?;
        }
        // What strays arrives too, and is seen.
        run(
            "ip",
            &[
                "netns",
                "exec",
                "outside",
                "sysctl",
                "-qw",
                "net.ipv4.conf.all.rp_filter=0",
                "net.ipv4.conf.eth0.rp_filter=0",
            ],
        )?;
        for machine in &cluster.machines {
            ip(&format!("-n {} route add default via {ROUTER} dev eth1", machine.name))?;
        }
        let strategies = json!({"metadata": {"name": "nicety-strategies"}, "data": {"strategies.yaml": STRATEGIES}});
        let maps: Api<ConfigMap> = Api::namespaced(cluster.client(), "nicety-system");
        maps.create(&PostParams::default(), &serde_json::from_value(strategies)?).await?;
        let nodes: Api<Node> = Api::all(cluster.client());
        for machine in &cluster.machines[WORKERS..] {
            ip(&format!("-n {} address add {}/16 dev eth1", machine.name, address(machine)))?;
            let label = Patch::Merge(json!({"metadata": {"labels": {"egress": "yes"}}}));
            nodes.patch(&machine.name, &PatchParams::default(), &label).await?;
        }
        let outside = Outside::listen("outside", SERVER)?;
        let scene = Scene { cluster, outside, talkers: Vec::new(), pods: BTreeMap::new(), begun: Instant::now() };
        scene.policy(scene.egress_ips()).await?;
        let known = until("the gateways are active", secs(30), async || Ok(scene.status().await?["active"] == 2)).await;
        if let Err(error) = known {
            return Err(error.context(format!("{:#}\n{}", scene.status().await?, scene.cluster.controller.tail(20))));
        }
        Ok(scene)
    }

    fn egress_ips(&self) -> BTreeSet<IpAddr> {
        self.cluster.machines[WORKERS..].iter().map(address).collect()
    }

    async fn policy(&self, egress_ips: BTreeSet<IpAddr>) -> anyhow::Result<()> {
        let policy = json!({
            "apiVersion": "nicety.dev/v1alpha1", "kind": "EgressPolicy", "metadata": {"name": "out"},
            "spec": {
                "selectors": [{"podSelector": {"matchLabels": {"app": "shop"}}}],
                "destinationCIDRs": ["0.0.0.0/0"],
                "egressGateways": [{"nodeSelector": {"matchLabels": {"egress": "yes"}}, "egressIPs": egress_ips}],
                "strategy": "rendezvous",
            },
        });
        apply(&self.cluster.client(), &[policy]).await.map(drop)
    }

    async fn status(&self) -> anyhow::Result<Value> {
        let policy = objects(&self.cluster.client(), "EgressPolicy").get("out").await?;
        Ok(policy.data.get("status").cloned().unwrap_or_default())
    }

    /// In the API, with a sandbox.
    async fn come(&mut self, name: &str, on: usize) -> anyhow::Result<Sandbox> {
        let sandbox = Sandbox { pod: name.to_owned(), uid: self.list(name, on).await? };
        ip(&format!("netns add {name}"))?;
        self.pods.insert(name.to_owned(), (on, sandbox.clone()));
        Ok(sandbox)
    }

    /// In the API alone.
    async fn list(&self, name: &str, on: usize) -> anyhow::Result<String> {
        let object = json!({
            "metadata": {"name": name, "labels": {"app": "shop"}},
            "spec": {"nodeName": self.cluster.machines[on].name, "containers": [{"name": "c", "image": "none"}]},
        });
        let made = self.cluster.pods().create(&PostParams::default(), &serde_json::from_value(object)?).await?;
        made.metadata.uid.context("no uid")
    }

    /// From now on, whether it has a link or not.
    fn talks(&mut self, name: &str) -> anyhow::Result<()> {
        self.talkers.push(self.outside.talk(name)?);
        Ok(())
    }

    /// As the kubelet's runtime attaches it: what fails is taken back and tried again.
    fn attach(&self, on: usize, sandbox: &Sandbox) -> anyhow::Result<String> {
        let machine = &self.cluster.machines[on];
        let mut last = Value::Null;
        for _ in 0..5 {
            match machine.call("ADD", sandbox, &json!({}))? {
                Ok(result) => {
                    let with_prefix = result["ips"][0]["address"].as_str().context("no address")?;
                    return Ok(with_prefix.split('/').next().unwrap_or_default().to_owned());
                }
                Err(error) => last = error,
            }
            let _whatever_it_says = machine.call("DEL", sandbox, &Value::Null)?;
        }
        anyhow::bail!("ADD of `{}`: {last:#}\n{}", sandbox.pod, machine.tail(20))
    }

    /// As its kubelet tells.
    async fn tell(&self, sandbox: &Sandbox, address: &str) -> anyhow::Result<()> {
        let status = json!({"status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}});
        self.cluster.pods().patch_status(&sandbox.pod, &PatchParams::default(), &Patch::Merge(status)).await?;
        Ok(())
    }

    async fn run(&mut self, name: &str, on: usize) -> anyhow::Result<()> {
        let sandbox = self.come(name, on).await?;
        self.talks(name)?;
        let address = self.attach(on, &sandbox)?;
        self.tell(&sandbox, &address).await
    }

    /// With which address each pod should leave, by the slices.
    async fn exits(&self) -> anyhow::Result<BTreeMap<String, IpAddr>> {
        let mut exits = BTreeMap::new();
        for slice in objects(&self.cluster.client(), "EgressSlice").list(&ListParams::default()).await?.items {
            let endpoints = slice.data.pointer("/spec/endpoints").and_then(Value::as_array).cloned();
            for endpoint in endpoints.into_iter().flatten() {
                let (Some(pod), Some(primary)) = (endpoint["name"].as_str(), endpoint["exits"][0]["primary"].as_str())
                else {
                    continue;
                };
                let node = primary.split('/').next().unwrap_or_default();
                let machine =
                    self.cluster.machines.iter().find(|machine| machine.name == node).context("no such node")?;
                exits.insert(pod.to_owned(), address(machine));
            }
        }
        Ok(exits)
    }

    /// Waits until every pod is heard with the address that the slices say, and with no other; who leaves with which.
    async fn settled(&self) -> anyhow::Result<BTreeMap<String, IpAddr>> {
        let mut last = (BTreeMap::new(), BTreeMap::new());
        let waited = until("every pod is heard as the slices say", secs(40), async || {
            let (exits, mark) = (self.exits().await?, Instant::now());
            tokio::time::sleep(Duration::from_millis(300)).await;
            let heard = self.outside.sources(mark);
            let all =
                self.pods.keys().all(|pod| exits.get(pod).is_some_and(|exit| heard.get(pod) == Some(&[*exit].into())));
            last = (exits, heard);
            Ok(all && last.0.len() == self.pods.len())
        });
        if let Err(error) = waited.await {
            let logs: Vec<String> = self.cluster.machines.iter().map(|machine| machine.tail(8)).collect();
            return Err(error.context(format!("{last:#?}\n{}\n{:#}", logs.join("\n"), self.status().await?)));
        }
        Ok(last.0)
    }

    /// Ten probes a second and more, of which the API hears nothing.
    async fn observers_are_quiet(&self) -> anyhow::Result<()> {
        let versions = async || -> anyhow::Result<BTreeMap<_, _>> {
            let all = objects(&self.cluster.client(), "EgressHealth").list(&ListParams::default()).await?.items;
            Ok(all.into_iter().map(|one| (one.metadata.name, one.metadata.resource_version)).collect())
        };
        let before = versions().await?;
        ensure!(before.len() >= 2, "observers: {before:?}");
        tokio::time::sleep(secs(3)).await;
        let after = versions().await?;
        ensure!(after == before, "written though nothing changed: {before:?}, then {after:?}");
        Ok(())
    }

    /// Who talks to a pod of another node, or to a node, comes as himself, though his policy is for everywhere.
    async fn stays_inside(&self, from: &str, to: &str) -> anyhow::Result<()> {
        let node = &self.cluster.machines[WORKERS];
        for (space, link) in [(to, "eth0"), (&node.name, "mgmt")] {
            let there = Outside::listen(space, first_address(space, link)?)?;
            let begun = Instant::now();
            let _talker = there.talk(from)?;
            until("packets arrive", secs(10), async || Ok(there.since(begun).len() > 20)).await?;
            let (heard, own) = (there.sources(begun), first_address(from, "eth0")?);
            ensure!(
                heard == [(from.to_owned(), [IpAddr::V4(own)].into())].into(),
                "`{space}` heard {heard:?}, not {own}"
            );
        }
        Ok(())
    }

    /// The judgement: every packet ever heard came with an egress address.
    fn nobody_strayed(&self) -> anyhow::Result<usize> {
        let (allowed, heard) = (self.egress_ips(), self.outside.since(self.begun));
        let strays: Vec<_> = heard.iter().filter(|heard| !allowed.contains(&heard.source)).take(5).collect();
        ensure!(strays.is_empty(), "packets with wrong sources: {strays:?}");
        Ok(heard.len())
    }

    /// Removes everything, and nothing of anybody is left in a node's table.
    async fn end(mut self) -> anyhow::Result<()> {
        self.talkers.clear();
        for (on, sandbox) in std::mem::take(&mut self.pods).into_values() {
            self.cluster.machines[on].remove(&sandbox)?;
            self.cluster.pods().delete(&sandbox.pod, &DeleteParams::default().grace_period(0)).await?;
        }
        objects(&self.cluster.client(), "EgressPolicy").delete("out", &DeleteParams::default()).await?;
        until("no node has a table of ours", secs(30), async || {
            // Of all tables, so that an `nft` that cannot run is an error and not an answer.
            let tables = |machine: &Machine| run("ip", &["netns", "exec", &machine.name, "nft", "list", "tables"]);
            let ours = self.cluster.machines.iter().map(|machine| Ok(tables(machine)?.contains("nicety_egress")));
            Ok(!ours.collect::<anyhow::Result<Vec<bool>>>()?.contains(&true))
        })
        .await
        .map(drop)
    }
}

/// With which a gateway's packets leave.
fn address(machine: &Machine) -> IpAddr {
    Ipv4Addr::new(10, 1, 1, machine.number()).into()
}

/// As another tool sees it.
fn first_address(space: &str, link: &str) -> anyhow::Result<Ipv4Addr> {
    let shown = ip_json(&format!("-n {space} -4 address show dev {link}"))?;
    let text = shown.pointer("/0/addr_info/0/local").and_then(Value::as_str).context("no address")?;
    Ok(text.parse()?)
}

async fn killed() -> anyhow::Result<()> {
    let mut scene = Scene::start().await?;
    for number in 0..8 {
        scene.run(&format!("pod-{number}"), number % WORKERS).await?;
    }
    let before = scene.settled().await?;
    let used: BTreeSet<IpAddr> = before.values().copied().collect();
    ensure!(used == scene.egress_ips(), "not both gateways have pods: {before:?}");

    // The controller: nobody moves while there is none, nor when there is one again.
    let mark = Instant::now();
    scene.cluster.controller.kill();
    scene.cluster.controller = scene.cluster.lab.controller().await?;
    ensure!(scene.settled().await? == before, "pods moved");
    let heard = scene.outside.sources(mark);
    ensure!(
        heard.iter().all(|(pod, sources)| before.get(pod).is_some_and(|one| *sources == [*one].into())),
        "{heard:?}"
    );

    // The controller again, amid its writes, each time a little later: what it has left, the next one does.
    for number in 0..3 {
        scene.cluster.lab.proxy.forget();
        for more in 0..4 {
            scene.run(&format!("late-{number}-{more}"), more % WORKERS).await?;
        }
        let wrote = || scene.cluster.lab.proxy.count(|seen| seen.writes() && seen.resource == "egressslices");
        until("it has written", secs(40), async || Ok(wrote() > 0)).await?;
        tokio::time::sleep(Duration::from_millis(40 * number)).await;
        scene.cluster.controller.kill();
        scene.cluster.controller = scene.cluster.lab.controller().await?;
    }
    scene.settled().await?;

    // The daemon of a node with pods, at some moment of an ADD; that of a gateway as well.
    for (number, moment) in [0, 3, 10, 30, 100].into_iter().enumerate() {
        let sandbox = scene.come(&format!("amid-{number}"), 0).await?;
        scene.talks(&sandbox.pod)?;
        let adding = {
            let (caller, sandbox) = (scene.cluster.machines[0].caller(), sandbox.clone());
            std::thread::spawn(move || caller.call("ADD", &sandbox, &json!({})).map(drop))
        };
        tokio::time::sleep(Duration::from_millis(moment)).await;
        let victims = [0, WORKERS + number % 2];
        for victim in victims {
            scene.cluster.machines[victim].kill();
        }
        for victim in victims {
            scene.cluster.machines[victim].start().await?;
        }
        tokio::task::block_in_place(|| adding.join()).map_err(|_| anyhow::anyhow!("the caller panicked"))??;
        // Whatever came of it, the runtime ends that sandbox's attempt and makes another.
        let _whatever_it_says = scene.cluster.machines[0].call("DEL", &sandbox, &Value::Null)?;
        let address = scene.attach(0, &sandbox)?;
        scene.tell(&sandbox, &address).await?;
        scene.nobody_strayed()?;
    }
    let before = scene.settled().await?;

    // No API, no controller, and a daemon that starts: what it knew is on disk.
    tokio::time::sleep(secs(6)).await;
    scene.cluster.api.down();
    scene.cluster.controller.kill();
    let mark = Instant::now();
    scene.cluster.machines[1].kill();
    scene.cluster.machines[1].start().await?;
    tokio::time::sleep(secs(3)).await;
    let heard = scene.outside.sources(mark);
    let expected: BTreeMap<_, BTreeSet<_>> = before.iter().map(|(pod, exit)| (pod.clone(), [*exit].into())).collect();
    ensure!(heard == expected, "{heard:?}, not {expected:?}");
    scene.cluster.api.up();
    scene.cluster.controller = scene.cluster.lab.controller().await?;
    ensure!(scene.settled().await? == before, "pods moved");

    // Another policy under the same name, while all talk: with one address alone.
    let one: IpAddr = address(&scene.cluster.machines[WORKERS]);
    scene.policy([one].into()).await?;
    until("all leave with one address", secs(30), async || {
        let mark = Instant::now();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let heard = scene.outside.sources(mark);
        Ok(heard.len() == scene.pods.len() && heard.values().all(|sources| *sources == [one].into()))
    })
    .await?;
    let packets = scene.nobody_strayed()?;
    println!("{packets} packets of {} pods, each with an egress address", scene.pods.len());
    scene.end().await
}

async fn dies() -> anyhow::Result<()> {
    let mut scene = Scene::start().await?;
    for number in 0..12 {
        scene.run(&format!("pod-{number}"), number % WORKERS).await?;
    }
    let before = scene.settled().await?;
    scene.stays_inside("pod-0", "pod-1").await?;
    let (alive, dead) = (WORKERS, WORKERS + 1);
    let [heir, lost] = [alive, dead].map(|index| address(&scene.cluster.machines[index]));
    let name = scene.cluster.machines[dead].name.clone();
    // Observers have made up their minds once, so that they have something to take back.
    until("every daemon knows that it lives", secs(30), async || {
        scene.cluster.machines[..WORKERS].iter().try_fold(true, |all, machine| {
            let shown: Value = serde_json::from_str(&machine.nicety(&["egress", "show", "--json"])?)?;
            let gateways = shown["gateways"].as_array().cloned().unwrap_or_default();
            Ok(all && gateways.len() == 2 && gateways.iter().all(|gateway| gateway["health"] == "healthy"))
        })
    })
    .await?;

    scene.observers_are_quiet().await?;

    // Nobody computes anything new: each node takes the standbys that it was told.
    scene.cluster.controller.kill();
    let died = Instant::now();
    ip(&format!("-n {name} link set mgmt down"))?;
    let own: Vec<&String> = before.iter().filter(|(_, exit)| **exit == lost).map(|(pod, _)| pod).collect();
    ensure!(!own.is_empty(), "it had no pods: {before:?}");
    until("its pods leave by the other one", secs(10), async || {
        Ok(own.iter().all(|pod| scene.outside.first(pod, heir, died).is_some()))
    })
    .await?;
    let last = own.iter().filter_map(|pod| scene.outside.first(pod, heir, died)).max().unwrap_or(died) - died;
    println!("the last of {} pods leaves by its standby after {last:?}", own.len());
    ensure!(last < secs(3), "after {last:?}");
    let heard = scene.outside.sources(died);
    for (pod, _) in before.iter().filter(|(_, exit)| **exit == heir) {
        ensure!(heard.get(pod) == Some(&[heir].into()), "`{pod}` did not need to move: {heard:?}");
    }

    // Observers have told it: the controller, when there is one again, goes by that.
    let mut told = Vec::new();
    until("two observers say so in the API", secs(20), async || {
        let all = objects(&scene.cluster.client(), "EgressHealth").list(&ListParams::default()).await?.items;
        let says = |object: &kube::api::DynamicObject| {
            let observed = object.data.pointer("/spec/observed").and_then(Value::as_array).cloned().unwrap_or_default();
            observed.iter().any(|one| one["node"] == name.as_str() && one["verdict"] == "unhealthy")
        };
        told = all.iter().filter(|object| says(object)).filter_map(|object| object.metadata.name.clone()).collect();
        Ok(told.len() >= 2)
    })
    .await?;
    ensure!(!told.contains(&name), "it says so of itself: {told:?}");
    scene.cluster.controller = scene.cluster.lab.controller().await?;
    until("the slices send nobody there", secs(40), async || {
        let exits = scene.exits().await?;
        Ok(exits.len() == scene.pods.len() && exits.values().all(|exit| *exit == heir))
    })
    .await?;
    scene.settled().await?;

    // It comes back, and is believed after a while.
    ip(&format!("-n {name} link set mgmt up"))?;
    until("it is active again", secs(60), async || Ok(scene.status().await?["active"] == 2)).await?;
    scene.run("afterwards", 0).await?;
    scene.settled().await?;
    scene.nobody_strayed()?;
    scene.end().await
}

/// From the write of a pod's address to its first packet outside, with so many captured pods on its node.
async fn soon() -> anyhow::Result<()> {
    const ON_THE_NODE: usize = 250;
    const TRIED: usize = 40;
    let mut scene = Scene::start().await?;
    for number in 0..ON_THE_NODE - TRIED {
        let name = format!("listed-{number}");
        let sandbox = Sandbox { uid: scene.list(&name, 0).await?, pod: name };
        scene.tell(&sandbox, &format!("10.244.200.{}", number + 1)).await?;
    }
    until("all of them have a gateway", secs(40), async || Ok(scene.exits().await?.len() == ON_THE_NODE - TRIED))
        .await?;
    // What comes right after a flood may wait a second.
    tokio::time::sleep(secs(3)).await;
    let mut took = Vec::new();
    for number in 0..TRIED {
        let name = format!("pod-{number}");
        let sandbox = scene.come(&name, 0).await?;
        let address = scene.attach(0, &sandbox)?;
        // As its containers do: afterwards. A packet that comes before its link is whole makes the kernel wait a second for its neighbour.
        scene.talks(&name)?;
        tokio::time::sleep(Duration::from_millis(150)).await;
        ensure!(!scene.outside.sources(scene.begun).contains_key(&name), "`{name}` left before it had a gateway");
        let told = Instant::now();
        scene.tell(&sandbox, &address).await?;
        until("its packets arrive", secs(10), async || {
            Ok(scene.outside.since(told).iter().any(|heard| heard.pod == name))
        })
        .await?;
        let first = scene.outside.since(told).into_iter().find(|heard| heard.pod == name).context("no packet")?;
        took.push(first.at - told);
        // One packet each is enough, and forty that talk without end are a load.
        scene.talkers.clear();
    }
    took.sort();
    let at = |part: usize| took[(TRIED * part / 100).min(TRIED - 1)];
    println!(
        "{ON_THE_NODE} pods on the node, {TRIED} tried: p50 {:?}, p90 {:?}, longest {:?}",
        at(50),
        at(90),
        at(100)
    );
    // The promise is 50 ms and 250 ms; beside whatever else the tests run, it is three times as much.
    ensure!(at(50) < Duration::from_millis(150) && at(90) < Duration::from_millis(750), "{took:?}");
    scene.nobody_strayed()?;
    Ok(())
}
