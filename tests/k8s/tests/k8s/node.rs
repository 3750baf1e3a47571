//! What a node's daemon knows of the API and tells it, under the rights that it is given and no others.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, Node, Pod};
use kube::{
    Client,
    api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
};
use nicety_k8s::{
    events::{Events, Happened},
    mirror::{Answers, Feed, Mirror, Pace, Phase, Unseen, Wanted, ours},
    pods::{Annotate, Annotations, NETWORK_STATUS, NETWORKS_STATUS, NetworkStatus, PodKey, text},
    publish::{Publisher, Says, Target},
};
use nicety_tests_k8s::{Proxy, Servers, Test, Verb, apply, secs, until};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

const NODE: &str = "node-1";

pub fn tests() -> Vec<Test> {
    vec![
        Test::new("a_daemon_that_starts_before_the_kinds_finds_them_later", before_the_kinds),
        Test::new("a_daemon_knows_its_own_pods_and_asks_for_no_others", own_pods),
        Test::new(
            "a_daemon_that_restarts_while_the_api_is_away_goes_on_and_then_lists_nothing_again",
            restart_without_api,
        ),
        Test::new("history_that_is_forgotten_costs_a_daemon_nothing_but_a_list", forgotten),
        Test::new("strategies_that_are_broken_leave_the_last_good_ones", strategies),
        Test::new("annotations_events_and_host_interfaces_are_written_under_the_rights_of_the_daemon", sinks),
    ]
}

/// Fast where tests would wait.
fn pace() -> Pace {
    Pace { retry: (Duration::from_millis(50), secs(1)), missing: Duration::from_millis(300), ..Pace::default() }
}

/// One daemon's mirror, without the daemon.
struct Daemon {
    mirror: Mirror,
    client: Client,
    folder: Arc<TempDir>,
    following: JoinHandle<()>,
}

impl Daemon {
    async fn start(servers: &Servers, proxy: &Proxy) -> anyhow::Result<Daemon> {
        Daemon::again(servers, proxy, Arc::new(tempfile::tempdir()?)).await
    }

    /// With what another one has left in the folder.
    async fn again(servers: &Servers, proxy: &Proxy, folder: Arc<TempDir>) -> anyhow::Result<Daemon> {
        let client = servers.service_account("nicety-system", "nicety-daemon").await?.via(proxy).client().await?;
        Ok(Daemon::with(client, folder)?)
    }

    fn with(client: Client, folder: Arc<TempDir>) -> anyhow::Result<Daemon> {
        let mirror = Mirror::open(&folder.path().join("mirror"), &NODE.parse()?);
        let following = tokio::spawn(mirror.clone().follow(client.clone(), pace()));
        Ok(Daemon { mirror, client, folder, following })
    }

    fn stop(self) -> Arc<TempDir> {
        self.following.abort();
        self.mirror.save();
        self.folder
    }

    async fn live(&self, feeds: &[Feed]) -> anyhow::Result<()> {
        until("the watches are live", secs(20), async || {
            let health = self.mirror.health();
            let dead =
                feeds.iter().find(|feed| health.feeds.get(feed).is_none_or(|health| health.phase != Phase::Live));
            dead.map_or(Ok(true), |feed| anyhow::bail!("{feed:?}: {:?}", health.feeds.get(feed)))
        })
        .await?;
        Ok(())
    }
}

/// The server has no NetworkAttachmentDefinitions.
fn all_but_others() -> Vec<Feed> {
    Feed::ALL.into_iter().filter(|feed| *feed != Feed::Attachments).collect()
}

/// Core kinds alone, with the daemon's rights.
async fn rights(servers: &Servers) -> anyhow::Result<()> {
    servers.install(&["deploy/base/namespace.yaml", "deploy/base/daemon-rbac.yaml"]).await?;
    let client = servers.client().await?;
    create::<Node>(&Api::all(client.clone()), json!({"metadata": {"name": NODE, "labels": {"zone": "a"}}})).await?;
    let shop = json!({"metadata": {"name": "shop", "labels": {"team": "blue"}}});
    create::<Namespace>(&Api::all(client), shop).await
}

async fn kinds(servers: &Servers) -> anyhow::Result<()> {
    servers.install(&["deploy/crds"]).await.map(drop)
}

async fn network(servers: &Servers, name: &str, subnet: &str) -> anyhow::Result<()> {
    let spec = json!({"subnets": [subnet], "ipam": {"type": "blocks", "interfaceBlock": 2, "hostBlock": 8}, "link": {"kind": "macvlan"}});
    let object = json!({
        "apiVersion": "nicety.dev/v1alpha1", "kind": "Network", "metadata": {"name": name}, "spec": spec,
    });
    apply(&servers.client().await?, &[object]).await.map(drop)
}

async fn create<K>(api: &Api<K>, object: Value) -> anyhow::Result<()>
where
    K: kube::Resource + Clone + serde::de::DeserializeOwned + serde::Serialize + std::fmt::Debug,
{
    api.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
    Ok(())
}

async fn pod(client: &Client, name: &str, node: &str) -> anyhow::Result<String> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "shop");
    let object = json!({
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"nodeName": node, "containers": [{"name": "c", "image": "none"}]},
    });
    let made = pods.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
    made.metadata.uid.context("no uid")
}

fn names(mirror: &Mirror) -> Vec<String> {
    mirror.networks().into_iter().map(|known| known.name).collect()
}

fn wanted(name: &str, uid: &str) -> Wanted {
    Wanted { namespace: "shop".to_owned(), name: name.to_owned(), uid: uid.to_owned() }
}

async fn before_the_kinds() -> anyhow::Result<()> {
    let servers = Servers::start().await?;
    let proxy = Proxy::start(&servers).await?;
    rights(&servers).await?;
    let daemon = Daemon::start(&servers, &proxy).await?;
    daemon.live(&[Feed::Pods, Feed::Namespaces, Feed::Node, Feed::Strategies]).await?;
    until("the kinds are known to be missing", secs(10), async || {
        Ok(daemon.mirror.health().feeds.get(&Feed::Networks).is_some_and(|health| health.phase == Phase::Missing))
    })
    .await?;
    ensure!(daemon.mirror.health().unknown(&[Feed::Networks]) == [Feed::Networks], "a missing kind is no known one");
    kinds(&servers).await?;
    network(&servers, "rails", "192.168.0.0/16").await?;
    until("the network is known", secs(20), async || Ok(names(&daemon.mirror) == ["rails"])).await?;
    daemon.live(&all_but_others()).await
}

async fn own_pods() -> anyhow::Result<()> {
    let servers = Servers::start().await?;
    let proxy = Proxy::start(&servers).await?;
    rights(&servers).await?;
    let client = servers.client().await?;
    let daemon = Daemon::start(&servers, &proxy).await?;
    daemon.live(&[Feed::Pods, Feed::Namespaces, Feed::Node]).await?;
    // Waited for before it is there, as when the runtime is faster than the watch.
    let waiting = tokio::spawn({
        let mirror = daemon.mirror.clone();
        async move { mirror.wait_for(&wanted("web", ""), secs(5)).await }
    });
    let uid = pod(&client, "web", NODE).await?;
    pod(&client, "elsewhere", "node-2").await?;
    let facts = waiting.await??;
    ensure!(facts.pod.uid == uid, "{facts:?}");
    ensure!(facts.pod.labels.get("app").is_some_and(|app| app == "web"), "{facts:?}");
    ensure!(facts.namespace.get("team").is_some_and(|team| team == "blue"), "{facts:?}");
    ensure!(facts.node.get("zone").is_some_and(|zone| zone == "a"), "{facts:?}");
    let other = daemon.mirror.wait_for(&wanted("web", "another"), Duration::from_millis(200)).await;
    ensure!(matches!(other, Err(Unseen::Uid { .. })), "{other:?}");
    let missing = daemon.mirror.wait_for(&wanted("elsewhere", ""), Duration::from_millis(500)).await;
    ensure!(matches!(missing, Err(Unseen::Pod { .. })), "{missing:?}");
    // Neither the waits nor the answers asked the server for anything.
    let asked = proxy.count(|seen| seen.resource == "pods" && !seen.query.contains("spec.nodeName"));
    ensure!(asked == 0, "{:?}", proxy.seen());
    Ok(())
}

async fn restart_without_api() -> anyhow::Result<()> {
    let servers = Servers::start().await?;
    let proxy = Proxy::start(&servers).await?;
    rights(&servers).await?;
    kinds(&servers).await?;
    network(&servers, "rails", "192.168.0.0/16").await?;
    let client = servers.client().await?;
    let uid = pod(&client, "web", NODE).await?;
    let daemon = Daemon::start(&servers, &proxy).await?;
    daemon.live(&all_but_others()).await?;
    daemon.mirror.wait_for(&wanted("web", &uid), secs(5)).await?;
    let kubernetes = daemon.client.clone();
    let folder = daemon.stop();

    proxy.down();
    let daemon = Daemon::with(kubernetes, folder)?;
    ensure!(names(&daemon.mirror) == ["rails"], "{:?}", daemon.mirror.networks());
    let facts = daemon.mirror.wait_for(&wanted("web", &uid), Duration::ZERO).await?;
    ensure!(facts.pod.labels.get("app").is_some_and(|app| app == "web"), "{facts:?}");
    until("it is noticed that the server is away", secs(10), async || {
        Ok(daemon.mirror.health().server.is_some_and(|(answers, _)| answers == Answers::No))
    })
    .await?;

    let before = proxy.seen().len();
    proxy.up();
    pod(&client, "late", NODE).await?;
    network(&servers, "storage", "10.0.0.0/16").await?;
    daemon.mirror.wait_for(&wanted("late", ""), secs(20)).await?;
    until("the new network is known", secs(20), async || Ok(names(&daemon.mirror).len() == 2)).await?;
    // The proxy is the daemon's alone: whatever was listed through it, the daemon has listed.
    let seen = proxy.seen();
    // A kind that the server does not have is looked for, which is no list; that question may not have its answer yet.
    let lists =
        seen.iter().skip(before).filter(|seen| seen.verb == Verb::List && !seen.resource.starts_with("network-"));
    let lists = lists.count();
    ensure!(lists == 0, "what was saved is watched on from: {seen:?}");
    Ok(())
}

async fn forgotten() -> anyhow::Result<()> {
    let mut servers = Servers::start().await?;
    let proxy = Proxy::start(&servers).await?;
    rights(&servers).await?;
    kinds(&servers).await?;
    network(&servers, "rails", "192.168.0.0/16").await?;
    let daemon = Daemon::start(&servers, &proxy).await?;
    daemon.live(&all_but_others()).await?;
    let (kubernetes, folder) = (daemon.client.clone(), daemon.stop());
    network(&servers, "storage", "10.0.0.0/16").await?;
    let networks: Api<DynamicObject> = Api::all_with(servers.client().await?, &ours("Network", "networks"));
    networks.delete("rails", &DeleteParams::default()).await?;
    servers.forget().await?;
    let daemon = Daemon::with(kubernetes, folder)?;
    until("what happened meanwhile is known", secs(30), async || Ok(names(&daemon.mirror) == ["storage"])).await?;
    Ok(())
}

async fn strategies() -> anyhow::Result<()> {
    let servers = Servers::start().await?;
    let proxy = Proxy::start(&servers).await?;
    rights(&servers).await?;
    let maps: Api<ConfigMap> = Api::namespaced(servers.client().await?, "nicety-system");
    let map = |text: &str| json!({"metadata": {"name": "nicety-strategies"}, "data": {"strategies.yaml": text}});
    create(&maps, map("strategies: {}\n")).await?;
    create(&maps, json!({"metadata": {"name": "of-others"}, "data": {"strategies.yaml": "nonsense"}})).await?;
    let daemon = Daemon::start(&servers, &proxy).await?;
    daemon.live(&[Feed::Strategies]).await?;
    let good = daemon.mirror.strategies().context("no strategies")?;
    ensure!(daemon.mirror.frozen().is_empty(), "{:?}", daemon.mirror.frozen());
    let patch = |text: &str| Patch::Merge(json!({"data": {"strategies.yaml": text}}));
    maps.patch("nicety-strategies", &PatchParams::default(), &patch("strategies: [1, 2]\n")).await?;
    until("the broken version is found out", secs(10), async || Ok(daemon.mirror.frozen().len() == 1)).await?;
    let kept = daemon.mirror.strategies().context("no strategies")?;
    ensure!(kept.version == good.version, "{} is in force, not {}", kept.version, good.version);
    maps.patch("nicety-strategies", &PatchParams::default(), &patch("strategies: {}\n# mended\n")).await?;
    until("the mended version is in force", secs(10), async || {
        Ok(daemon.mirror.frozen().is_empty()
            && daemon.mirror.strategies().is_some_and(|kept| kept.version != good.version))
    })
    .await?;
    Ok(())
}

async fn sinks() -> anyhow::Result<()> {
    let servers = Servers::start().await?;
    let proxy = Proxy::start(&servers).await?;
    rights(&servers).await?;
    kinds(&servers).await?;
    let client = servers.client().await?;
    let uid = pod(&client, "web", NODE).await?;
    let daemon = Daemon::start(&servers, &proxy).await?;
    daemon.mirror.wait_for(&wanted("web", &uid), secs(20)).await?;
    let key =
        |name: &str, uid: &str| PodKey { namespace: "shop".to_owned(), name: name.to_owned(), uid: uid.to_owned() };

    let annotations = Annotations::new(daemon.mirror.clone(), Annotate::Both);
    let writing = tokio::spawn(annotations.clone().write(daemon.client.clone()));
    let status =
        NetworkStatus { name: "shop/rails".to_owned(), interface: "net1".to_owned(), ..NetworkStatus::default() };
    annotations.put(key("web", &uid), text(std::slice::from_ref(&status)).context("no text")?);
    // Of one that was replaced by another of its name, and of one that never was.
    annotations.put(key("web", "older"), "[]".to_owned());
    annotations.put(key("gone", ""), "[]".to_owned());
    let pods: Api<Pod> = Api::namespaced(client.clone(), "shop");
    until("the annotation is there", secs(20), async || {
        let annotations = pods.get("web").await?.metadata.annotations.unwrap_or_default();
        let text = annotations.get(NETWORK_STATUS).context("no annotation")?;
        let read: Vec<NetworkStatus> = serde_json::from_str(text)?;
        Ok(read == [status.clone()] && annotations.get(NETWORKS_STATUS) == Some(text))
    })
    .await?;

    let events = Events::new(daemon.mirror.clone());
    let telling = tokio::spawn(events.clone().write(daemon.client.clone()));
    let happened = Happened { reason: "NetworkPolicyDenied", message: "`rails` has no NIC left".to_owned() };
    for _ in 0..3 {
        events.put(key("web", &uid), happened.clone());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let all: Api<Event> = Api::namespaced(client.clone(), "shop");
    until("there is one event, and it counts", secs(20), async || {
        let listed = all.list(&ListParams::default()).await?.items;
        ensure!(listed.len() == 1, "{listed:?}");
        let event = listed.first().context("no event")?;
        ensure!(event.involved_object.uid.as_deref() == Some(uid.as_str()), "{event:?}");
        Ok(event.count == Some(2) && event.message.as_deref() == Some("`rails` has no NIC left"))
    })
    .await?;

    let target =
        Target { resource: ours("HostInterface", "hostinterfaces"), name: NODE.to_owned(), manager: "nicety-daemon" };
    let publisher = Publisher::new(target);
    let publishing = tokio::spawn(publisher.clone().write(daemon.client.clone(), Duration::from_millis(10)));
    let says = |address: &str| Says {
        spec: Some(json!({"interfaces": [{"name": "eth1", "netAddresses": ["10.0.1.0/24"], "addresses": [address]}]})),
        status: Some(json!({"daemon": "0.1.0"})),
    };
    let hosts: Api<DynamicObject> = Api::all_with(client, &ours("HostInterface", "hostinterfaces"));
    let there = async |address: &str| {
        until("the HostInterface says so", secs(20), async || {
            let host = hosts.get(NODE).await?;
            let says = host.data.pointer("/spec/interfaces/0/addresses/0").and_then(Value::as_str) == Some(address);
            Ok(says && host.data.pointer("/status/daemon").is_some())
        })
        .await
    };
    publisher.say(says("10.0.1.11/24"));
    there("10.0.1.11/24").await?;
    let written = proxy.count(|seen| seen.resource == "hostinterfaces" && seen.writes());
    publisher.say(says("10.0.1.11/24"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let again = proxy.count(|seen| seen.resource == "hostinterfaces" && seen.writes());
    ensure!(written == again, "the same is not written twice: {written} and {again}");
    publisher.say(says("10.0.1.12/24"));
    there("10.0.1.12/24").await?;
    hosts.delete(NODE, &DeleteParams::default()).await?;
    publisher.repeat();
    there("10.0.1.12/24").await?;
    [writing, telling, publishing].into_iter().for_each(|task| task.abort());
    Ok(())
}
