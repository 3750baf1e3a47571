//! The controller against a real API server, with the rights that `deploy/base` gives it and no more.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context;
use k8s_openapi::api::core::v1::{Namespace, Node};
use kube::{
    Client,
    api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
};
use nicety_controller::Config;
use nicety_k8s::kinds;
use nicety_tests_k8s::{Fault, Fleet, Proxy, Seen, Servers, Test, apply, secs, until};
use serde_json::{Value, json};
use tokio::{sync::oneshot, task::JoinHandle};

pub fn tests() -> Vec<Test> {
    vec![
        Test::new("blocks_follow_the_nodes_that_join_and_leave", join_and_leave),
        Test::new("two_controllers_that_both_lead_make_each_block_once", two_leaders),
        Test::new("a_standby_takes_over_when_the_leader_is_gone", takes_over),
        Test::new("a_controller_killed_amid_its_writes_goes_on_where_it_stopped", killed),
        Test::new("what_others_write_over_is_put_right_and_their_own_is_left", conflicting_writers),
        Test::new("definitions_follow_namespaces_that_come_and_go", namespaces),
        Test::new("a_broken_network_and_a_broken_node_hold_back_nobody", broken),
        Test::new("a_storm_of_refusals_ends_with_everything_written", storm),
        Test::new("history_that_is_forgotten_is_listed_anew", forgotten),
        Test::new("a_network_goes_with_its_blocks_and_waits_only_for_daemons", finalizers),
        Test::new("the_not_ready_taint_comes_and_goes_and_others_stay", taints),
    ]
}

struct Cluster {
    servers: Servers,
    proxy: Proxy,
    admin: Client,
    fleet: Fleet,
}

/// A controller in this process; ended by `stop` as by SIGTERM, by `kill` as by SIGKILL.
struct Running {
    end: oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    async fn stop(self) -> anyhow::Result<()> {
        drop(self.end);
        self.task.await?
    }

    fn kill(self) {
        self.task.abort();
    }
}

impl Cluster {
    async fn start() -> anyhow::Result<Cluster> {
        let servers = Servers::start().await?;
        servers.install(&["deploy/base/namespace.yaml", "deploy/crds", "deploy/base/controller-rbac.yaml"]).await?;
        let proxy = Proxy::start(&servers).await?;
        let admin = servers.client().await?;
        let fleet = Fleet::new(&admin, 4);
        Ok(Cluster { servers, proxy, admin, fleet })
    }

    async fn controller(&self, identity: &str, lease: &str) -> anyhow::Result<Running> {
        let account = self.servers.service_account("nicety-system", "nicety-controller").await?;
        let kubeconfig = self.servers.path(&format!("{identity}.kubeconfig"));
        account.via(&self.proxy).kubeconfig(&kubeconfig)?;
        let config = Config {
            kubeconfig: Some(kubeconfig),
            identity: identity.to_owned(),
            lease: lease.to_owned(),
            grace: Duration::from_secs(2),
            ..Config::default()
        };
        let (end, ended) = oneshot::channel::<()>();
        let task = tokio::spawn(nicety_controller::run_until(config, async move { drop(ended.await) }));
        Ok(Running { end, task })
    }

    async fn lead(&self) -> anyhow::Result<Running> {
        self.controller("one", "nicety-controller").await
    }

    fn of(&self, kind: &ApiResource) -> Api<DynamicObject> {
        Api::all_with(self.admin.clone(), kind)
    }

    async fn network(&self, name: &str, spec: Value) -> anyhow::Result<()> {
        let network =
            json!({"apiVersion": "nicety.dev/v1alpha1", "kind": "Network", "metadata": {"name": name}, "spec": spec});
        apply(&self.admin, &[network]).await.map(drop)
    }

    async fn blocks(&self) -> anyhow::Result<Vec<DynamicObject>> {
        Ok(self.of(&kinds::ip_block()).list(&ListParams::default()).await?.items)
    }

    /// Each NIC of each of these nodes has one block that stands, and nobody else has one.
    async fn is_served(&self, network: &str, nodes: std::ops::Range<u16>) -> anyhow::Result<bool> {
        let mut owners: BTreeMap<(String, String), usize> = BTreeMap::new();
        for block in self.blocks().await?.iter().filter(|block| block.metadata.deletion_timestamp.is_none()) {
            let text = |path: &str| block.data.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
            if text("/spec/network") == network {
                *owners.entry((text("/spec/node"), text("/spec/interface"))).or_default() += 1;
            }
        }
        let wanted = nodes.flat_map(|node| (0..4).map(move |nic| ((Fleet::name(node), format!("eth{nic}")), 1)));
        Ok(owners == wanted.collect())
    }

    async fn condition(&self, network: &str, kind: &str) -> anyhow::Result<(String, String, String)> {
        let network = self.of(&kinds::network()).get(network).await?;
        let all = network.data.pointer("/status/conditions").and_then(Value::as_array).cloned().unwrap_or_default();
        let one = all.into_iter().find(|one| one["type"] == kind).context("no such condition")?;
        let text = |field: &str| one[field].as_str().unwrap_or_default().to_owned();
        Ok((text("status"), text("reason"), text("message")))
    }

    /// Nothing has been written for a while.
    async fn is_quiet(&self) -> anyhow::Result<()> {
        let count = || self.proxy.count(|seen| seen.writes() && seen.resource != "leases");
        let mut before = count();
        let mut since = std::time::Instant::now();
        until("no more writes", secs(30), async || {
            if count() != before {
                (before, since) = (count(), std::time::Instant::now());
            }
            Ok(since.elapsed() > Duration::from_millis(2500))
        })
        .await
        .map(drop)
    }
}

fn rails() -> Value {
    json!({
        "subnets": ["172.16.0.0/12"],
        "masterNets": ["10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"],
        "link": {"kind": "macvlan"},
        "ipam": {"type": "blocks", "interfaceBlock": 2, "hostBlock": 11},
    })
}

async fn join_and_leave() -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    cluster.fleet.join(0..10).await?;
    cluster.network("rails", rails()).await?;
    let running = cluster.lead().await?;
    until("ten nodes have their blocks", secs(20), async || cluster.is_served("rails", 0..10).await).await?;
    cluster.is_quiet().await?;
    let block = cluster.of(&kinds::ip_block()).get("rails-2-3").await?;
    anyhow::ensure!(
        block.data["spec"]["node"] == "node-00003" && block.data["spec"]["segment"] == "10.2.0.0/16",
        "{block:?}"
    );
    anyhow::ensure!(block.data["spec"]["via"] == json!(["10.2.0.3"]), "{block:?}");
    anyhow::ensure!(
        block.metadata.labels.as_ref().is_some_and(|all| all["nicety.dev/node"] == "node-00003"),
        "{block:?}"
    );
    let (status, reason, _) = cluster.condition("rails", "BlocksAssigned").await?;
    anyhow::ensure!((status.as_str(), reason.as_str()) == ("True", "Assigned"), "{reason}");

    cluster.proxy.forget();
    cluster.fleet.join(10..11).await?;
    let took = until("the new node has its blocks", secs(5), async || cluster.is_served("rails", 0..11).await).await?;
    anyhow::ensure!(took < secs(1), "it took {took:?}");
    cluster.is_quiet().await?;
    let writes = cluster.proxy.count(|seen| seen.writes() && seen.resource != "leases");
    anyhow::ensure!(writes <= 8, "{writes} writes of the controller for one node");

    // Its restart changes nothing.
    running.stop().await?;
    cluster.proxy.forget();
    let running = cluster.lead().await?;
    tokio::time::sleep(secs(3)).await;
    let writes = cluster.proxy.count(|seen| seen.writes() && seen.resource != "leases");
    anyhow::ensure!(writes == 0, "{writes} writes after a restart");

    cluster.fleet.leave(4..11).await?;
    until("the blocks of the seven have gone", secs(20), async || {
        Ok(cluster.blocks().await?.len() == 16 && cluster.is_served("rails", 0..4).await?)
    })
    .await?;
    // A node whose daemon could not say goodbye.
    Api::<Node>::all(cluster.admin.clone()).delete(&Fleet::name(3), &DeleteParams::default()).await?;
    until("its HostInterface and blocks have gone", secs(20), async || {
        let hosts = cluster.of(&kinds::host_interface()).get_opt(&Fleet::name(3)).await?;
        Ok(hosts.is_none() && cluster.blocks().await?.len() == 12)
    })
    .await?;
    running.stop().await
}

async fn two_leaders() -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    cluster.network("rails", rails()).await?;
    let admin = &cluster.servers.client().await?;
    // The rules of `deploy/base` name one lease; a second leader is what a lease alone cannot rule out.
    let rule = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "two-leases", "namespace": "nicety-system"},
        "rules": [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["*"]}]});
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "two-leases", "namespace": "nicety-system"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "two-leases"},
        "subjects": [{"kind": "ServiceAccount", "name": "nicety-controller", "namespace": "nicety-system"}]});
    apply(admin, &[rule, binding]).await?;
    let one = cluster.controller("one", "lease-one").await?;
    let other = cluster.controller("other", "lease-other").await?;
    for round in 0..4_u16 {
        cluster.fleet.join(round * 10..round * 10 + 10).await?;
    }
    until("forty nodes have one block for each NIC", secs(40), async || cluster.is_served("rails", 0..40).await)
        .await?;
    cluster.is_quiet().await?;
    anyhow::ensure!(cluster.is_served("rails", 0..40).await?, "they do not agree");
    one.stop().await?;
    other.stop().await
}

async fn takes_over() -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    cluster.network("rails", rails()).await?;
    let one = cluster.lead().await?;
    cluster.fleet.join(0..2).await?;
    until("the first leads", secs(20), async || cluster.is_served("rails", 0..2).await).await?;
    let other = cluster.controller("other", "nicety-controller").await?;
    // Gives the lease back: the other need not wait for it to run out.
    one.stop().await?;
    cluster.fleet.join(2..3).await?;
    let took = until("the other leads", secs(20), async || cluster.is_served("rails", 0..3).await).await?;
    anyhow::ensure!(took < secs(10), "{took:?}");
    let third = cluster.controller("third", "nicety-controller").await?;
    tokio::time::sleep(secs(1)).await;
    other.kill();
    cluster.fleet.join(3..4).await?;
    let took = until("the third leads", secs(40), async || cluster.is_served("rails", 0..4).await).await?;
    anyhow::ensure!(took > secs(5), "a lease that had not run out was taken: {took:?}");
    third.stop().await
}

async fn killed() -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    cluster.fleet.join(0..40).await?;
    cluster.network("rails", rails()).await?;
    for round in 0..3 {
        // Some answers are lost: what was written is not known to the one who wrote.
        cluster.proxy.fault(Fault::lost().on(|seen| seen.writes() && seen.resource == "ipblocks").times(2));
        let running = cluster.controller(&format!("round-{round}"), "nicety-controller").await?;
        let enough = 20 + round * 40;
        until("some blocks are made", secs(40), async || Ok(cluster.blocks().await?.len() >= enough)).await?;
        running.kill();
        let lease: Api<k8s_openapi::api::coordination::v1::Lease> =
            Api::namespaced(cluster.admin.clone(), "nicety-system");
        match lease.delete("nicety-controller", &DeleteParams::default()).await {
            // Killed before it led.
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            deleted => drop(deleted?),
        }
    }
    cluster.proxy.heal();
    let running = cluster.lead().await?;
    until("all have their blocks", secs(40), async || cluster.is_served("rails", 0..40).await).await?;
    running.stop().await
}

async fn conflicting_writers() -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    cluster.fleet.join(0..3).await?;
    cluster.network("rails", rails()).await?;
    let running = cluster.lead().await?;
    until("the blocks are there", secs(20), async || cluster.is_served("rails", 0..3).await).await?;
    let blocks = cluster.of(&kinds::ip_block());
    let patch = json!({"metadata": {"finalizers": ["example.com/theirs"], "annotations": {"example.com/note": "theirs"}},
        "spec": {"via": ["10.0.9.9"]}});
    blocks.patch("rails-0-0", &PatchParams::default(), &Patch::Merge(&patch)).await?;
    until("the next hop is the NIC's again", secs(10), async || {
        let block = blocks.get("rails-0-0").await?;
        let finalizers = block.metadata.finalizers.unwrap_or_default();
        let theirs = finalizers.contains(&"example.com/theirs".to_owned());
        let ours = finalizers.contains(&"nicety.dev/leases".to_owned());
        let noted = block.metadata.annotations.is_some_and(|all| all.contains_key("example.com/note"));
        Ok(block.data["spec"]["via"] == json!(["10.0.0.0"]) && theirs && ours && noted)
    })
    .await?;
    // Somebody gives a NIC a second block: the older one stays.
    let second = json!({"apiVersion": "nicety.dev/v1alpha1", "kind": "IPBlock", "metadata": {"name": "rails-0-99"},
        "spec": {"network": "rails", "node": "node-00001", "interface": "eth0", "interfaceIndex": 0, "hostIndex": 99,
            "segment": "10.0.0.0/16"}});
    tokio::time::sleep(Duration::from_millis(1100)).await;
    apply(&cluster.admin, &[second]).await?;
    until("the second block has gone", secs(10), async || {
        Ok(blocks.get_opt("rails-0-99").await?.is_none_or(|block| block.metadata.deletion_timestamp.is_some()))
    })
    .await?;
    anyhow::ensure!(cluster.is_served("rails", 0..3).await?, "the first block did not stay");
    // Somebody takes a block away: its NIC gets another.
    blocks.delete("rails-1-1", &DeleteParams::default()).await?;
    until("the NIC has a block again", secs(10), async || cluster.is_served("rails", 0..3).await).await?;
    running.stop().await
}

fn definitions_kind() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "network-attachment-definitions.k8s.cni.cncf.io"},
        "spec": {
            "group": "k8s.cni.cncf.io", "scope": "Namespaced",
            "names": {"kind": "NetworkAttachmentDefinition", "plural": "network-attachment-definitions",
                "singular": "network-attachment-definition"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object",
                "properties": {"spec": {"type": "object", "properties": {"config": {"type": "string"}}}}}}}],
        },
    })
}

async fn namespaces() -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    apply(&cluster.admin, &[definitions_kind()]).await?;
    let mut spec = rails();
    spec["namespaceSelector"] = json!({"matchLabels": {"team": "yes"}});
    cluster.network("rails", spec.clone()).await?;
    let running = cluster.lead().await?;
    let namespaces: Api<Namespace> = Api::all(cluster.admin.clone());
    let namespace =
        |name: String| serde_json::from_value(json!({"metadata": {"name": name, "labels": {"team": "yes"}}}));
    for at in 0..10 {
        namespaces.create(&PostParams::default(), &namespace(format!("team-{at}"))?).await?;
    }
    let definitions = cluster.of(&kinds::attachment_definition());
    let count = async |wanted: usize| {
        until("the definitions", secs(20), async || {
            Ok(definitions.list(&ListParams::default()).await?.items.len() == wanted)
        })
        .await
    };
    count(10).await?;
    for at in 0..4 {
        let patch = json!({"metadata": {"labels": {"team": null}}});
        namespaces.patch(&format!("team-{at}"), &PatchParams::default(), &Patch::Merge(&patch)).await?;
    }
    count(6).await?;
    // Somebody writes over one, and somebody else's of the same name is left alone.
    let theirs: Api<DynamicObject> =
        Api::namespaced_with(cluster.admin.clone(), "team-9", &kinds::attachment_definition());
    theirs.patch("rails", &PatchParams::default(), &Patch::Merge(&json!({"spec": {"config": "{}"}}))).await?;
    until("it is put right", secs(10), async || Ok(theirs.get("rails").await?.data["spec"]["config"] != "{}")).await?;
    let foreign = json!({"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
        "metadata": {"name": "rails", "namespace": "team-0"}, "spec": {"config": "{\"type\": \"theirs\"}"}});
    apply(&cluster.admin, &[foreign]).await?;
    namespaces
        .patch("team-0", &PatchParams::default(), &Patch::Merge(&json!({"metadata": {"labels": {"team": "yes"}}})))
        .await?;
    until("the collision is told", secs(20), async || {
        Ok(cluster.condition("rails", "ObjectsWritten").await?.2.contains("NetworkAttachmentDefinition `team-0/rails`"))
    })
    .await?;
    // The network no longer selects anybody.
    spec["namespaceSelector"] = json!({"matchLabels": {"team": "no"}});
    let patch = json!({"spec": {"namespaceSelector": {"matchLabels": {"team": "no"}}}});
    cluster.of(&kinds::network()).patch("rails", &PatchParams::default(), &Patch::Merge(&patch)).await?;
    count(1).await?;
    running.stop().await
}

async fn broken() -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    cluster.network("rails", rails()).await?;
    // What a schema cannot say, and a server without CEL lets through.
    let mut twin = rails();
    twin["subnets"] = json!(["172.16.0.0/16"]);
    cluster.network("twin", twin).await?;
    let mut broken = rails();
    broken["subnets"] = json!(["192.168.77.0/16"]);
    cluster.network("broken", broken).await?;
    cluster.fleet.join(0..4).await?;
    let hosts = cluster.of(&kinds::host_interface());
    let same = json!({"spec": {"interfaces": [{"name": "eth0"}, {"name": "eth0"}]}});
    hosts.patch(&Fleet::name(3), &PatchParams::default(), &Patch::Merge(&same)).await?;
    let running = cluster.lead().await?;
    until("the others have their blocks", secs(20), async || cluster.is_served("rails", 0..3).await).await?;
    until("the twin is told", secs(10), async || {
        let (status, _, message) = cluster.condition("twin", "Valid").await?;
        Ok(status == "False" && message.contains("overlaps"))
    })
    .await?;
    until("the broken one is told", secs(10), async || {
        let (_, reason, message) = cluster.condition("broken", "Valid").await?;
        Ok(reason == "Invalid" && message.contains("spec.subnets[0]"))
    })
    .await?;
    let good = serde_json::to_value(cluster.fleet.host_interface(3))?;
    hosts.patch(&Fleet::name(3), &PatchParams::default(), &Patch::Merge(&json!({"spec": good["spec"]}))).await?;
    until("the node is healed", secs(10), async || cluster.is_served("rails", 0..4).await).await?;
    // The edit that must not be is refused, and the network goes on as before.
    let patch = json!({"spec": {"ipam": {"hostBlock": 4}}});
    let edited = cluster.of(&kinds::network()).patch("rails", &PatchParams::default(), &Patch::Merge(&patch)).await;
    if edited.is_ok() {
        until("the edit is refused", secs(10), async || Ok(cluster.condition("rails", "Valid").await?.1 == "Refused"))
            .await?;
    }
    cluster.fleet.join(4..6).await?;
    until("two more nodes", secs(10), async || cluster.is_served("rails", 0..6).await).await?;
    running.stop().await
}

async fn storm() -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    cluster.fleet.join(0..20).await?;
    cluster.network("rails", rails()).await?;
    // Blocks wait for the lease and for their Network's finalizer: either would take all the faults alone.
    let writes = |seen: &Seen| seen.writes() && !["leases", "networks"].contains(&seen.resource.as_str());
    cluster.proxy.fault(Fault::answer(500).on(writes).times(30));
    cluster.proxy.fault(Fault::busy(secs(1)).on(writes).times(20));
    let running = cluster.lead().await?;
    until("all have their blocks", secs(60), async || cluster.is_served("rails", 0..20).await).await?;
    cluster.proxy.heal();
    // A cut connection and an API that is away for a while.
    cluster.proxy.down();
    cluster.fleet.join(20..22).await?;
    tokio::time::sleep(secs(3)).await;
    cluster.proxy.up();
    until("those that joined meanwhile", secs(60), async || cluster.is_served("rails", 0..22).await).await?;
    running.stop().await
}

async fn forgotten() -> anyhow::Result<()> {
    let mut cluster = Cluster::start().await?;
    cluster.network("rails", rails()).await?;
    let running = cluster.lead().await?;
    cluster.fleet.join(0..2).await?;
    until("two nodes", secs(20), async || cluster.is_served("rails", 0..2).await).await?;
    cluster.proxy.down();
    cluster.fleet.join(2..4).await?;
    cluster.fleet.leave(0..1).await?;
    cluster.servers.forget().await?;
    cluster.proxy.up();
    until("what happened meanwhile", secs(60), async || cluster.is_served("rails", 1..4).await).await?;
    running.stop().await
}

async fn finalizers() -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    cluster.fleet.join(0..2).await?;
    cluster.network("rails", rails()).await?;
    let running = cluster.lead().await?;
    until("the blocks are there", secs(20), async || cluster.is_served("rails", 0..2).await).await?;
    let networks = cluster.of(&kinds::network());
    networks.delete("rails", &DeleteParams::default()).await?;
    until("the nodes that hold it up are named", secs(20), async || {
        let (_, reason, message) = cluster.condition("rails", "BlocksAssigned").await?;
        Ok(reason == "WaitingForNodes" && message.contains("node-00000"))
    })
    .await?;
    anyhow::ensure!(cluster.blocks().await?.len() == 8, "blocks went before their daemons let go");
    let hosts = cluster.of(&kinds::host_interface());
    let released: Vec<String> = (0..4).map(|nic| format!("rails-{nic}-0")).collect();
    let status = json!({"status": {"released": released}});
    hosts.patch_status(&Fleet::name(0), &PatchParams::default(), &Patch::Merge(&status)).await?;
    until("one daemon has let go", secs(20), async || Ok(cluster.blocks().await?.len() == 4)).await?;
    // The other never will.
    cluster.fleet.leave(1..2).await?;
    until("the network has gone", secs(20), async || {
        Ok(cluster.blocks().await?.is_empty() && networks.get_opt("rails").await?.is_none())
    })
    .await?;
    running.stop().await
}

async fn taints() -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    cluster.network("rails", rails()).await?;
    let nodes: Api<Node> = Api::all(cluster.admin.clone());
    let bare = json!({"metadata": {"name": "node-00007"}, "spec": {"taints": [{"key": "example.com/other", "effect": "NoSchedule"}]}});
    nodes.create(&PostParams::default(), &serde_json::from_value(bare)?).await?;
    let running = cluster.lead().await?;
    let keys = async || -> anyhow::Result<Vec<String>> {
        let node = nodes.get("node-00007").await?;
        Ok(node.spec.and_then(|spec| spec.taints).unwrap_or_default().into_iter().map(|taint| taint.key).collect())
    };
    let ours = "nicety.dev/not-ready".to_owned();
    until("the node is tainted", secs(20), async || Ok(keys().await?.contains(&ours))).await?;
    let host = serde_json::from_value(cluster.fleet.host_interface(7))?;
    cluster.of(&kinds::host_interface()).create(&PostParams::default(), &host).await?;
    until("the node is free", secs(20), async || Ok(!keys().await?.contains(&ours))).await?;
    anyhow::ensure!(keys().await?.contains(&"example.com/other".to_owned()), "another's taint has gone");
    running.stop().await
}
