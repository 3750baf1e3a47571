//! Machines for pods and for gateways, one policy, and a server outside that hears whose packets come from where.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Node};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use nicety_tests_k8s::{Machine, Outside, Sandbox, Talker, apply, ip, ip_json, objects, run, secs, until};
use serde_json::{Value, json};

use crate::cluster::Cluster;

const SERVER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);
/// The server's machine on the network where the egress addresses are.
const ROUTER: &str = "10.1.0.200";
/// Nodes with pods come first, then gateways.
pub const WORKERS: usize = 2;
const STRATEGIES: &str = "strategies:\n  rendezvous:\n    policy: builtin:rendezvous\n";
/// Nobody says which ranges are the cluster's own.
const DAEMON: [&str; 1] = ["--egress-probe-interval=200"];

pub struct Scene {
    pub cluster: Cluster,
    pub outside: Outside,
    pub talkers: Vec<Talker>,
    /// By name, with the index of their machine.
    pub pods: BTreeMap<String, (usize, Sandbox)>,
    pub begun: Instant,
}

impl Scene {
    /// Two machines for pods, two gateways, one policy, no pod.
    pub async fn start() -> anyhow::Result<Scene> {
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

    pub fn egress_ips(&self) -> BTreeSet<IpAddr> {
        self.cluster.machines[WORKERS..].iter().map(address).collect()
    }

    pub async fn policy(&self, egress_ips: BTreeSet<IpAddr>) -> anyhow::Result<()> {
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

    pub async fn status(&self) -> anyhow::Result<Value> {
        let policy = objects(&self.cluster.client(), "EgressPolicy").get("out").await?;
        Ok(policy.data.get("status").cloned().unwrap_or_default())
    }

    /// In the API, with a sandbox.
    pub async fn come(&mut self, name: &str, on: usize) -> anyhow::Result<Sandbox> {
        let sandbox = Sandbox { pod: name.to_owned(), uid: self.list(name, on).await? };
        ip(&format!("netns add {name}"))?;
        self.pods.insert(name.to_owned(), (on, sandbox.clone()));
        Ok(sandbox)
    }

    /// In the API alone.
    pub async fn list(&self, name: &str, on: usize) -> anyhow::Result<String> {
        let object = json!({
            "metadata": {"name": name, "labels": {"app": "shop"}},
            "spec": {"nodeName": self.cluster.machines[on].name, "containers": [{"name": "c", "image": "none"}]},
        });
        let made = self.cluster.pods().create(&PostParams::default(), &serde_json::from_value(object)?).await?;
        made.metadata.uid.context("no uid")
    }

    /// From now on, whether it has a link or not.
    pub fn talks(&mut self, name: &str) -> anyhow::Result<()> {
        self.talkers.push(self.outside.talk(name)?);
        Ok(())
    }

    /// As the kubelet's runtime attaches it: what fails is taken back and tried again.
    pub fn attach(&self, on: usize, sandbox: &Sandbox) -> anyhow::Result<String> {
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
    pub async fn tell(&self, sandbox: &Sandbox, address: &str) -> anyhow::Result<()> {
        let status = json!({"status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}});
        self.cluster.pods().patch_status(&sandbox.pod, &PatchParams::default(), &Patch::Merge(status)).await?;
        Ok(())
    }

    pub async fn run(&mut self, name: &str, on: usize) -> anyhow::Result<()> {
        let sandbox = self.come(name, on).await?;
        self.talks(name)?;
        let address = self.attach(on, &sandbox)?;
        self.tell(&sandbox, &address).await
    }

    /// With which address each pod should leave, by the slices.
    pub async fn exits(&self) -> anyhow::Result<BTreeMap<String, IpAddr>> {
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
    pub async fn settled(&self) -> anyhow::Result<BTreeMap<String, IpAddr>> {
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
    pub async fn observers_are_quiet(&self) -> anyhow::Result<()> {
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
    pub async fn stays_inside(&self, from: &str, to: &str) -> anyhow::Result<()> {
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
    pub fn nobody_strayed(&self) -> anyhow::Result<usize> {
        let (allowed, heard) = (self.egress_ips(), self.outside.since(self.begun));
        let strays: Vec<_> = heard.iter().filter(|heard| !allowed.contains(&heard.source)).take(5).collect();
        ensure!(strays.is_empty(), "packets with wrong sources: {strays:?}");
        Ok(heard.len())
    }

    /// Removes everything, and nothing of anybody is left in a node's table.
    pub async fn end(mut self) -> anyhow::Result<()> {
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
pub fn address(machine: &Machine) -> IpAddr {
    Ipv4Addr::new(10, 1, 1, machine.number()).into()
}

/// As another tool sees it.
fn first_address(space: &str, link: &str) -> anyhow::Result<Ipv4Addr> {
    let shown = ip_json(&format!("-n {space} -4 address show dev {link}"))?;
    let text = shown.pointer("/0/addr_info/0/local").and_then(Value::as_str).context("no address")?;
    Ok(text.parse()?)
}
