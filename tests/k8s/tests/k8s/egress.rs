//! Egress on the cluster's side: policies, nodes and pods as objects lead to slices, and nothing else writes or moves anything.

mod frozen;
mod plan;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Node, Pod};
use kube::{
    Client,
    api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use nicety_tests_k8s::{Fault, Lab, Test, Verb, apply, objects, secs, until};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::blocks::{quiet, told};

pub fn tests() -> Vec<Test> {
    vec![
        Test::new("egress_policies_and_pods_lead_to_slices", slices),
        Test::new("a_gateway_that_leaves_moves_only_its_own_pods", leaving),
        Test::new("a_second_controller_moves_no_pod_and_writes_nothing", restart),
        Test::new("a_storm_of_pods_is_few_recomputations", storm),
        Test::new("bad_strategies_leave_every_pod_where_it_is", bad_strategies),
        Test::new("a_controller_killed_amid_its_slices_goes_on", killed),
        Test::new("a_gateway_that_is_cordoned_keeps_its_pods_and_gets_no_more", drain),
        Test::new("observers_that_agree_take_a_gateway_out", health),
        Test::new("a_policy_that_cannot_be_read_keeps_its_slices_across_a_restart", frozen::restart),
        Test::new("a_built_in_policy_needs_no_definition", frozen::builtin),
        Test::new("a_plan_is_what_the_controller_then_does", plan::plan),
    ]
}

const NAMESPACE: &str = "shop";

/// Nodes `w-N` have pods, nodes `gw-N` are gateways.
struct Egress {
    lab: Lab,
    client: Client,
}

/// Where pods leave: by pod, its primary and its standby under policy `out`.
type Exits = BTreeMap<String, (String, String)>;

impl Egress {
    async fn start(workers: usize, gateways: usize) -> anyhow::Result<Egress> {
        let lab = Lab::start(1).await?;
        let client = lab.client();
        let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": NAMESPACE}}))?;
        Api::all(client.clone()).create(&PostParams::default(), &namespace).await?;
        let egress = Egress { lab, client };
        let maps: Api<ConfigMap> = Api::namespaced(egress.client.clone(), "nicety-system");
        maps.create(&PostParams::default(), &strategies("")?).await?;
        for at in 1..=workers {
            egress.node(&format!("w-{at}"), &format!("10.0.0.{at}"), json!({})).await?;
        }
        for at in 1..=gateways {
            egress.node(&format!("gw-{at}"), &format!("10.0.1.{at}"), json!({"egress": "yes"})).await?;
        }
        Ok(egress)
    }

    fn nodes(&self) -> Api<Node> {
        Api::all(self.client.clone())
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    async fn node(&self, name: &str, address: &str, labels: Value) -> anyhow::Result<()> {
        let node = json!({"metadata": {"name": name, "labels": labels}});
        self.nodes().create(&PostParams::default(), &serde_json::from_value(node)?).await?;
        let status = json!({"status": {"addresses": [{"type": "InternalIP", "address": address}],
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "it is"}]}});
        self.nodes().patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await?;
        Ok(())
    }

    async fn policy(&self, changes: Value) -> anyhow::Result<()> {
        let mut policy = json!({
            "apiVersion": "nicety.dev/v1alpha1", "kind": "EgressPolicy", "metadata": {"name": "out"},
            "spec": {
                "selectors": [{"podSelector": {"matchLabels": {"app": "web"}}}],
                "destinationCIDRs": ["0.0.0.0/0"],
                "egressGateways": [{"nodeSelector": {"matchLabels": {"egress": "yes"}}}],
                "strategy": "rendezvous",
            },
        });
        for (field, value) in changes.as_object().into_iter().flatten() {
            policy["spec"][field] = value.clone();
        }
        if let Some(spec) = policy["spec"].as_object_mut() {
            spec.retain(|_, value| !value.is_null());
        }
        apply(&self.client, &[policy]).await.map(drop)
    }

    /// Pods `web-N`, spread over the workers, each with an address of its own.
    async fn join(&self, indexes: std::ops::Range<usize>, workers: usize) -> anyhow::Result<()> {
        let mut running: JoinSet<anyhow::Result<()>> = JoinSet::new();
        for at in indexes {
            if running.len() >= 16 {
                running.join_next().await.transpose()?.transpose()?;
            }
            let (pods, node) = (self.pods(), format!("w-{}", at % workers + 1));
            running.spawn(async move {
                let name = format!("web-{at}");
                let pod = json!({
                    "metadata": {"name": name, "labels": {"app": "web"}},
                    "spec": {"nodeName": node, "containers": [{"name": "c", "image": "none"}]},
                });
                pods.create(&PostParams::default(), &serde_json::from_value(pod)?).await?;
                let address = format!("10.1.{}.{}", at / 200, at % 200 + 1);
                let status = json!({"status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}});
                pods.patch_status(&name, &PatchParams::default(), &Patch::Merge(status)).await?;
                Ok(())
            });
        }
        while let Some(outcome) = running.join_next().await {
            outcome??;
        }
        Ok(())
    }

    async fn slices(&self) -> anyhow::Result<Vec<kube::api::DynamicObject>> {
        Ok(objects(&self.client, "EgressSlice").list(&ListParams::default()).await?.items)
    }

    async fn exits(&self) -> anyhow::Result<Exits> {
        let mut exits = Exits::new();
        for slice in self.slices().await? {
            let endpoints = slice.data.pointer("/spec/endpoints").and_then(Value::as_array).cloned();
            for endpoint in endpoints.into_iter().flatten() {
                let name = endpoint["name"].as_str().unwrap_or_default().to_owned();
                let exit =
                    endpoint["exits"].as_array().and_then(|all| all.iter().find(|one| one["policy"] == "out").cloned());
                let text =
                    |field: &str| exit.as_ref().and_then(|exit| exit[field].as_str()).unwrap_or_default().to_owned();
                anyhow::ensure!(
                    exits.insert(name.clone(), (text("primary"), text("standby"))).is_none(),
                    "`{name}` twice"
                );
            }
        }
        Ok(exits)
    }

    /// Waits until so many pods have a gateway; who leaves where.
    async fn settled(&self, pods: usize) -> anyhow::Result<Exits> {
        let mut last = Exits::new();
        let what = format!("{pods} pods have a gateway");
        let waited = until(&what, secs(60), async || {
            last = self.exits().await?;
            Ok(last.len() == pods && last.values().all(|(primary, _)| !primary.is_empty()))
        });
        if let Err(error) = waited.await {
            let status = self.status().await?;
            anyhow::bail!("{error:#}: {} pods, {:?}, {status}", last.len(), last.iter().next());
        }
        quiet(&self.lab).await?;
        self.exits().await
    }

    async fn status(&self) -> anyhow::Result<Value> {
        let policy = objects(&self.client, "EgressPolicy").get("out").await?;
        Ok(policy.data.get("status").cloned().unwrap_or_default())
    }

    async fn condition(&self, kind: &str) -> anyhow::Result<(String, String)> {
        let status = self.status().await?;
        let all = status["conditions"].as_array().cloned().unwrap_or_default();
        let one = all.into_iter().find(|one| one["type"] == kind);
        let text = |field: &str| one.as_ref().and_then(|one| one[field].as_str()).unwrap_or_default().to_owned();
        Ok((text("status"), text("reason")))
    }

    /// Versions of all slices and of the policy.
    async fn versions(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let mut all = self.slices().await?;
        all.extend(objects(&self.client, "EgressPolicy").list(&ListParams::default()).await?.items);
        let version = |one: kube::api::DynamicObject| {
            (one.metadata.name.unwrap_or_default(), one.metadata.resource_version.unwrap_or_default())
        };
        Ok(all.into_iter().map(version).collect())
    }

    async fn slice_versions(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let mut versions = self.versions().await?;
        versions.remove("out");
        Ok(versions)
    }

    async fn label(&self, node: &str, patch: Value) -> anyhow::Result<()> {
        self.nodes().patch(node, &PatchParams::default(), &Patch::Merge(patch)).await?;
        Ok(())
    }

    fn slice_writes(&self) -> usize {
        self.lab.proxy.count(|seen| seen.writes() && seen.resource == "egressslices")
    }
}

/// The strategy of the tests' policies, and more.
fn strategies(more: &str) -> anyhow::Result<ConfigMap> {
    let text = format!("strategies:\n  rendezvous:\n    policy: builtin:rendezvous\n{more}");
    let map = json!({"metadata": {"name": "nicety-strategies"}, "data": {"strategies.yaml": text}});
    Ok(serde_json::from_value(map)?)
}

fn by_gateway(exits: &Exits) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut all: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (pod, (primary, _)) in exits {
        all.entry(primary).or_default().insert(pod);
    }
    all
}

async fn slices() -> anyhow::Result<()> {
    let egress = Egress::start(2, 3).await?;
    let _controller = egress.lab.controller().await?;
    egress.join(0..4, 2).await?;
    quiet(&egress.lab).await?;
    let watched = egress.lab.proxy.count(|seen| seen.resource == "pods");
    anyhow::ensure!(watched == 0, "without a policy pods were asked for {watched} times");

    egress.policy(json!({})).await?;
    egress.settled(4).await?;
    egress.join(4..30, 2).await?;
    let exits = egress.settled(30).await?;
    let gateways = by_gateway(&exits);
    anyhow::ensure!(gateways.len() == 3 && gateways.values().all(|pods| pods.len() <= 13), "{gateways:?}");
    anyhow::ensure!(exits.values().all(|(primary, standby)| primary != standby && !standby.is_empty()), "{exits:?}");
    // Each node finds its own by the label, and each gateway who sends.
    for slice in egress.slices().await? {
        let node = slice.data.pointer("/spec/node").and_then(Value::as_str).unwrap_or_default().to_owned();
        let label = slice.metadata.labels.unwrap_or_default().remove("nicety.dev/node");
        if node.is_empty() {
            let ranges = slice.data.pointer("/spec/cluster").and_then(Value::as_array).map_or(0, Vec::len);
            anyhow::ensure!(label.as_deref() == Some("EVERY") && ranges > 0, "{label:?} of the cluster's ranges");
            continue;
        }
        anyhow::ensure!(label.as_deref() == Some(node.as_str()), "{label:?} of `{node}`");
        if node.starts_with("gw-") {
            let senders = slice.data.pointer("/spec/senders").and_then(Value::as_array).map_or(0, Vec::len);
            anyhow::ensure!(senders == 2, "`{node}` has {senders} senders");
        }
    }
    until("the status says so", secs(20), async || {
        let status = egress.status().await?;
        Ok(status["endpoints"] == 30 && status["active"] == 3 && status["unassigned"] == 0)
    })
    .await?;
    anyhow::ensure!(egress.condition("Ready").await?.0 == "True", "{:?}", egress.status().await?);

    // Nothing changes, so nothing is written, whatever else changes.
    quiet(&egress.lab).await?;
    let before = egress.versions().await?;
    egress.lab.proxy.forget();
    let other = json!({"metadata": {"name": "other", "labels": {"app": "other"}},
        "spec": {"nodeName": "w-1", "containers": [{"name": "c", "image": "none"}]}});
    egress.pods().create(&PostParams::default(), &serde_json::from_value(other)?).await?;
    egress.label("w-2", json!({"metadata": {"annotations": {"heartbeat": "1"}}})).await?;
    quiet(&egress.lab).await?;
    anyhow::ensure!(egress.versions().await? == before, "{:?}", told(&egress.lab));

    // A pod that goes leaves no trace, and nobody else moves.
    egress.pods().delete("web-7", &DeleteParams::default().grace_period(0)).await?;
    let after = egress.settled(29).await?;
    let moved = after.iter().filter(|(pod, exit)| exits.get(*pod).map(|exit| &exit.0) != Some(&exit.0)).count();
    anyhow::ensure!(moved == 0, "{moved} pods moved");

    objects(&egress.client, "EgressPolicy").delete("out", &DeleteParams::default()).await?;
    until("no slice is left", secs(30), async || Ok(egress.slices().await?.is_empty())).await?;
    Ok(())
}

async fn leaving() -> anyhow::Result<()> {
    let egress = Egress::start(3, 4).await?;
    egress.policy(json!({})).await?;
    egress.join(0..80, 3).await?;
    let _controller = egress.lab.controller().await?;
    let before = egress.settled(80).await?;
    egress.label("gw-2", json!({"metadata": {"labels": {"egress": null}}})).await?;
    until("nobody leaves by it", secs(30), async || {
        Ok(egress.exits().await?.values().all(|(primary, _)| !primary.starts_with("gw-2/") && !primary.is_empty()))
    })
    .await?;
    let after = egress.settled(80).await?;
    for (pod, (primary, _)) in &before {
        let now = &after.get(pod).context("it is gone")?.0;
        anyhow::ensure!(primary.starts_with("gw-2/") || primary == now, "`{pod}` moved from {primary} to {now}");
    }
    let own = before.values().filter(|(primary, _)| primary.starts_with("gw-2/")).count();
    until("the status counts them", secs(20), async || Ok(egress.status().await?["moved"] == own)).await?;
    let text = std::fs::read_to_string(egress.lab.audit().join("held-00000001.jsonl"))?;
    let lines: Vec<Value> =
        text.lines().filter(|line| !line.is_empty()).map(serde_json::from_str).collect::<Result<_, _>>()?;
    let released = lines.iter().filter(|line| line["event"] == "released").count();
    let held = lines.iter().filter(|line| line["event"] == "held").count();
    anyhow::ensure!((released, held) == (own, 80 + own), "{released} released, {held} held; {own} were its own");
    Ok(())
}

async fn restart() -> anyhow::Result<()> {
    let egress = Egress::start(3, 4).await?;
    egress.policy(json!({})).await?;
    egress.join(0..60, 3).await?;
    let mut first = egress.lab.controller().await?;
    egress.settled(60).await?;
    // A fifth gateway that joins late is where a computation from nothing would put some of them.
    egress.node("gw-5", "10.0.1.5", json!({"egress": "yes"})).await?;
    quiet(&egress.lab).await?;
    let (before, versions) = (egress.settled(60).await?, egress.versions().await?);
    let _second = egress.lab.controller().await?;
    quiet(&egress.lab).await?;
    anyhow::ensure!(egress.versions().await? == versions, "one that stands by wrote");
    first.kill();
    let _third = egress.lab.controller().await?;
    let leads = || egress.lab.proxy.count(|seen| seen.is(Verb::Update, "leases") && seen.status == Some(200));
    egress.lab.proxy.forget();
    until("another leads", secs(40), async || Ok(leads() > 2)).await?;
    quiet(&egress.lab).await?;
    anyhow::ensure!(egress.versions().await? == versions, "{:?}", told(&egress.lab));
    anyhow::ensure!(egress.exits().await? == before, "pods moved");
    Ok(())
}

async fn storm() -> anyhow::Result<()> {
    const PODS: usize = 2_000;
    let egress = Egress::start(8, 4).await?;
    egress.policy(json!({})).await?;
    let _controller = egress.lab.controller().await?;
    egress.join(0..1, 8).await?;
    egress.settled(1).await?;
    egress.lab.proxy.forget();
    let start = std::time::Instant::now();
    egress.join(1..PODS, 8).await?;
    let came = start.elapsed();
    egress.settled(PODS).await?;
    let writes = egress.slice_writes();
    // Once a second all workers' slices that are not full; the gateways' know no pods.
    let most = 12 * (came.as_secs() as usize + 4) * 2;
    println!("{PODS} pods in {came:.1?}: {writes} writes of slices");
    anyhow::ensure!(
        writes < most && writes < PODS / 2,
        "{writes} writes for {PODS} pods in {came:?}: {:?}",
        told(&egress.lab)
    );
    let largest = egress
        .slices()
        .await?
        .iter()
        .map(|slice| slice.data.pointer("/spec/endpoints").and_then(Value::as_array).map_or(0, Vec::len))
        .max();
    anyhow::ensure!(largest <= Some(100), "{largest:?} pods in one slice");
    Ok(())
}

async fn bad_strategies() -> anyhow::Result<()> {
    let egress = Egress::start(2, 3).await?;
    egress.policy(json!({"strategy": null})).await?;
    egress.join(0..20, 2).await?;
    let mut controller = egress.lab.controller().await?;
    let before = egress.settled(20).await?;
    let maps: Api<ConfigMap> = Api::namespaced(egress.client.clone(), "nicety-system");
    let bad = strategies("  mine:\n    policy: builtin:no-such-policy\ngatewayDistribution:\n  default: mine\n")?;
    maps.replace("nicety-strategies", &PostParams::default(), &bad).await?;
    let failed = async || Ok(egress.condition("Degraded").await? == ("True".to_owned(), "PolicyFailed".to_owned()));
    until("the policy says so", secs(30), failed).await?;
    quiet(&egress.lab).await?;
    anyhow::ensure!(egress.exits().await? == before, "pods moved");
    // Neither for one that has never known better strategies.
    controller.kill();
    let _second = egress.lab.controller().await?;
    egress.lab.proxy.forget();
    let leads = || egress.lab.proxy.count(|seen| seen.is(Verb::Update, "leases") && seen.status == Some(200));
    until("another leads", secs(40), async || Ok(leads() > 2)).await?;
    quiet(&egress.lab).await?;
    anyhow::ensure!(egress.exits().await? == before && failed().await?, "{:?}", told(&egress.lab));
    let good = strategies("  mine:\n    policy: builtin:hash-mod\ngatewayDistribution:\n  default: mine\n")?;
    maps.replace("nicety-strategies", &PostParams::default(), &good).await?;
    until("all is well", secs(30), async || Ok(egress.condition("Degraded").await?.0 == "False")).await?;
    until("the new one decides", secs(20), async || Ok(egress.status().await?["strategy"] == "mine")).await?;
    Ok(())
}

async fn killed() -> anyhow::Result<()> {
    let egress = Egress::start(6, 3).await?;
    egress.policy(json!({})).await?;
    egress.join(0..60, 6).await?;
    // Each controller gets some of its writes through, and then dies.
    for _ in 0..4 {
        egress.lab.proxy.forget();
        let mut controller = egress.lab.controller().await?;
        // Of what is left there may be less.
        let some = async || Ok(egress.slice_writes() > 2 || egress.exits().await?.len() == 60);
        until("it has written something", secs(40), some).await?;
        controller.kill();
        if egress.exits().await?.len() == 60 {
            break;
        }
        egress.lab.proxy.fault(Fault::lost().on(|seen| seen.writes() && seen.resource == "egressslices").times(3));
    }
    let _last = egress.lab.controller().await?;
    let exits = egress.settled(60).await?;
    let gateways = by_gateway(&exits);
    anyhow::ensure!(gateways.len() == 3, "{gateways:?}");
    Ok(())
}

async fn drain() -> anyhow::Result<()> {
    let egress = Egress::start(2, 3).await?;
    egress.policy(json!({})).await?;
    egress.join(0..30, 2).await?;
    let _controller = egress.lab.controller().await?;
    let before = egress.settled(30).await?;
    egress.label("gw-1", json!({"spec": {"unschedulable": true}})).await?;
    until("it is draining", secs(20), async || {
        let status = egress.status().await?;
        let all = status["gateways"].as_array().cloned().unwrap_or_default();
        Ok(all.iter().any(|one| one["node"] == "gw-1" && one["role"] == "draining"))
    })
    .await?;
    egress.join(30..60, 2).await?;
    let after = egress.settled(60).await?;
    for (pod, (primary, _)) in &before {
        let now = &after.get(pod).context("it is gone")?.0;
        anyhow::ensure!(primary == now, "`{pod}` moved from {primary} to {now}");
    }
    let new = after.iter().filter(|(pod, (primary, _))| !before.contains_key(*pod) && primary.starts_with("gw-1/"));
    anyhow::ensure!(new.count() == 0, "it got new pods");
    Ok(())
}

async fn health() -> anyhow::Result<()> {
    let egress = Egress::start(3, 3).await?;
    egress.policy(json!({})).await?;
    egress.join(0..30, 3).await?;
    let _controller = egress.lab.controller().await?;
    let before = egress.settled(30).await?;
    let says = async |observer: &str, verdict: &str, since: u64| {
        let health = json!({
            "apiVersion": "nicety.dev/v1alpha1", "kind": "EgressHealth", "metadata": {"name": observer},
            "spec": {"observed": [{"node": "gw-3", "verdict": verdict, "since": since}]},
        });
        apply(&egress.client, &[health]).await.map(drop)
    };
    says("w-1", "unhealthy", 1_000).await?;
    quiet(&egress.lab).await?;
    anyhow::ensure!(egress.exits().await? == before, "one observer alone moved pods");
    for observer in ["w-2", "w-3", "gw-1"] {
        says(observer, "unhealthy", 1_000).await?;
    }
    until("nobody leaves by it", secs(20), async || {
        Ok(egress.exits().await?.values().all(|(primary, _)| !primary.is_empty() && !primary.starts_with("gw-3/")))
    })
    .await?;
    let after = egress.settled(30).await?;
    for (pod, (primary, _)) in &before {
        let now = &after.get(pod).context("it is gone")?.0;
        anyhow::ensure!(primary.starts_with("gw-3/") || primary == now, "`{pod}` moved from {primary} to {now}");
    }
    // What a node that is gone has said goes with it.
    says("nobody", "unhealthy", 1_000).await?;
    until("the word of no node is gone", secs(20), async || {
        Ok(objects(&egress.client, "EgressHealth").get_opt("nobody").await?.is_none())
    })
    .await?;
    Ok(())
}
