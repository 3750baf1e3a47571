//! A whole cluster: API server, controller, and daemons in network namespaces of their own on shared fabrics; pods are attached by
//! the plugin binary as a kubelet's runtime calls it. `ip` and `ping` judge.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Event, Node, Pod};
use kube::{
    Client,
    api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use nicety_tests_k8s::{
    CONTROL, Fabrics, IMAGE, Kubelet, Lab, Machine, Process, Programs, Proxy, Relay, Sandbox, Test, apply, documents,
    ip_json, lacking, lay_fabrics, objects, reaches, required, run, secs, until,
};
use serde_json::{Value, json};

use crate::storms::ATTACHMENTS;

/// So long daemons are listened to that have nothing to say.
const REST: Duration = Duration::from_secs(20);

pub fn tests() -> Vec<Test> {
    vec![
        Test::new("pods_of_two_nodes_reach_each_other_by_objects_alone", reach),
        Test::new("a_bad_module_in_the_config_map_leaves_the_good_strategies_in_force", strategies),
        Test::new("a_kubelet_starts_pods_with_three_interfaces_and_leaves_no_record_of_them", kubelet),
        Test::new("without_the_api_for_a_minute_pods_come_and_go_and_a_daemon_restarts", away)
            .within(secs(240) + outage()),
    ]
}

const NETWORKS: &str = "k8s.v1.cni.cncf.io/networks";
const NETWORK_STATUS: &str = "k8s.v1.cni.cncf.io/network-status";

pub struct Cluster {
    pub lab: Lab,
    /// Between the daemons and the server.
    pub api: Proxy,
    pub machines: Vec<Machine>,
    pub controller: Process,
    /// Last, so that nobody is left on them when they go.
    _fabrics: Fabrics,
}

impl Cluster {
    /// `pods` is the pods' own network, a bridge on each node with routes between them; `rails` are NICs of two fabrics.
    pub async fn start(nodes: u8) -> anyhow::Result<Cluster> {
        Cluster::start_with(nodes, &[]).await
    }

    /// With so many more arguments for each daemon.
    pub async fn start_with(nodes: u8, more: &[&str]) -> anyhow::Result<Cluster> {
        let programs = Programs::named()?;
        let fabrics = lay_fabrics()?;
        let lab = Lab::start(2).await?;
        lab.servers.install(&["deploy/base/daemon-rbac.yaml"]).await?;
        let api = Proxy::start_at(&lab.servers, &format!("{CONTROL}:0")).await?;
        let identity = lab.servers.service_account("nicety-system", "nicety-daemon").await?;
        let kubeconfig = lab.servers.path("daemon.kubeconfig");
        identity.via(&api).kubeconfig(&kubeconfig)?;
        let network = |name: &str, spec: Value| json!({"apiVersion": "nicety.dev/v1alpha1", "kind": "Network", "metadata": {"name": name}, "spec": spec});
        let networks = [
            network(
                "pods",
                json!({
                    "subnets": ["10.244.0.0/16"], "link": {"kind": "bridge"}, "routing": "l3",
                    "ipam": {"type": "blocks", "hostBlock": 8},
                }),
            ),
            network(
                "rails",
                json!({
                    "subnets": ["192.168.0.0/16"], "link": {"kind": "macvlan"}, "masterNets": ["10.1.0.0/16", "10.2.0.0/16"],
                    "ipam": {"type": "blocks", "interfaceBlock": 2, "hostBlock": 6},
                }),
            ),
        ];
        apply(&lab.client(), &networks).await?;
        let controller = lab.controller().await?;
        let mut machines = Vec::new();
        for number in 0..nodes {
            let folder = lab.servers.path("machines");
            let mut machine = Machine::new(&lab.client(), &folder, &kubeconfig, &programs, number + 11).await?;
            machine.with(more);
            machine.start().await?;
            machines.push(machine);
        }
        for machine in &machines {
            if let Err(error) = machine.says("both networks are ready", both_ready(usize::from(nodes) - 1)).await {
                let networks = objects(&lab.client(), "Network").list(&ListParams::default()).await?;
                let statuses: Vec<_> = networks.items.iter().map(|network| &network.data["status"]).collect();
                return Err(error.context(format!("{statuses:#?}\n{}", controller.tail(20))));
            }
        }
        Ok(Cluster { lab, api, machines, controller, _fabrics: fabrics })
    }

    pub fn client(&self) -> Client {
        self.lab.client()
    }

    pub fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client(), "default")
    }

    /// Its object in the API, as the scheduler and the kubelet leave it.
    async fn pod(&self, name: &str, machine: &Machine) -> anyhow::Result<Sandbox> {
        self.pod_on(name, machine, "rails").await
    }

    async fn pod_on(&self, name: &str, machine: &Machine, networks: &str) -> anyhow::Result<Sandbox> {
        let object = json!({
            "metadata": {"name": name, "labels": {"app": name}, "annotations": {NETWORKS: networks}},
            "spec": {"nodeName": machine.name, "containers": [{"name": "c", "image": "none"}]},
        });
        let made = self.pods().create(&PostParams::default(), &serde_json::from_value(object)?).await?;
        Ok(Sandbox { pod: name.to_owned(), uid: made.metadata.uid.context("no uid")? })
    }

    async fn delete(&self, sandbox: &Sandbox) -> anyhow::Result<()> {
        self.pods().delete(&sandbox.pod, &DeleteParams::default().grace_period(0)).await?;
        Ok(())
    }

    async fn annotated(&self, sandbox: &Sandbox) -> anyhow::Result<()> {
        until(&format!("`{}` has its network-status", sandbox.pod), secs(30), async || {
            let annotations = self.pods().get(&sandbox.pod).await?.metadata.annotations.unwrap_or_default();
            let Some(text) = annotations.get(NETWORK_STATUS) else { return Ok(false) };
            let statuses: Vec<Value> = serde_json::from_str(text)?;
            let interfaces: Vec<&str> = statuses.iter().filter_map(|status| status["interface"].as_str()).collect();
            Ok(interfaces == ["eth0", "net1-0", "net1-1"])
        })
        .await
        .map(drop)
    }
}

/// And has routes to so many other nodes.
fn both_ready(others: usize) -> impl Fn(&Value) -> bool {
    move |status| {
        let networks = status["networks"].as_array().cloned().unwrap_or_default();
        let routed = networks.iter().any(|network| network["routes"]["inPlace"] == others);
        networks.len() == 2 && networks.iter().all(|network| network["unready"].is_null()) && routed
    }
}

fn asks_for_rails() -> Value {
    json!({NETWORKS: "rails"})
}

/// The pod's address on an interface, as the kernel has it.
fn address(sandbox: &Sandbox, ifname: &str) -> anyhow::Result<String> {
    let links = ip_json(&format!("-n {} -4 address show dev {ifname}", sandbox.pod))?;
    links[0]["addr_info"][0]["local"].as_str().map(str::to_owned).with_context(|| format!("{}: {links}", sandbox.pod))
}

async fn reach() -> anyhow::Result<()> {
    let cluster = Cluster::start(2).await?;
    let [a, b] = cluster.machines.as_slice() else { anyhow::bail!("two machines were asked for") };
    let before = [a.holdings()?, b.holdings()?];
    until("both nodes are free of our taint", secs(30), async || {
        let nodes = Api::<Node>::all(cluster.client()).list(&ListParams::default()).await?.items;
        let taints = nodes.into_iter().filter_map(|node| node.spec?.taints).flatten();
        Ok(taints.filter(|taint| taint.key == "nicety.dev/not-ready").count() == 0)
    })
    .await?;

    let (one, two) = (cluster.pod("one", a).await?, cluster.pod("two", b).await?);
    for (machine, sandbox) in [(a, &one), (b, &two)] {
        machine.add(sandbox, &asks_for_rails())?;
    }
    // Each from its own node's block, and over each network to the other node's pod.
    for (subnet, ifname) in [("10.244.", "eth0"), ("192.168.", "net1-0"), ("192.168.", "net1-1")] {
        let (from, to) = (address(&one, ifname)?, address(&two, ifname)?);
        ensure!(from.starts_with(subnet) && to.starts_with(subnet) && from != to, "{from} and {to} on {ifname}");
        reaches(&one, ifname, &to).with_context(|| format!("{} to {to} on {ifname}", a.tail(30)))?;
        reaches(&two, ifname, &from)?;
    }
    cluster.annotated(&one).await?;
    cluster.annotated(&two).await?;
    let story = a.nicety(&["explain", "default/one"])?;
    ensure!(story.contains("rails"), "{story}");

    // By another name: a definition of the pod's namespace stands for the network.
    apply(&cluster.client(), &documents(ATTACHMENTS)?).await?;
    let definition = json!({
        "apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
        "metadata": {"name": "fast", "namespace": "default"},
        "spec": {"config": json!({"cniVersion": "1.0.0", "type": "nicety", "network": "rails"}).to_string()},
    });
    until("the definition is there", secs(20), async || {
        Ok(apply(&cluster.client(), std::slice::from_ref(&definition)).await?.is_empty())
    })
    .await?;
    a.says("it has heard of the definition", |status| {
        let feeds = status["source"]["feeds"].as_array().cloned().unwrap_or_default();
        feeds.iter().any(|feed| feed["name"] == "attachments" && feed["objects"] == 1)
    })
    .await?;
    let named = cluster.pod_on("named", a, "fast").await?;
    a.add(&named, &json!({NETWORKS: "fast"}))?;
    ensure!(address(&named, "net1-0")?.starts_with("192.168."), "not of `rails`");
    a.remove(&named)?;

    // What a pod asks for and does not get it hears in an event, with the reason.
    let greedy = cluster.pod_on("greedy", a, "nowhere").await?;
    nicety_tests_k8s::ip(&format!("netns add {}", greedy.pod))?;
    let refused = a.call("ADD", &greedy, &json!({NETWORKS: "nowhere"}))?;
    ensure!(refused.as_ref().is_err_and(|error| error.to_string().contains("nowhere")), "{refused:?}");
    let events: Api<Event> = Api::namespaced(cluster.client(), "default");
    until("the pod's event says why", secs(20), async || {
        let all = events.list(&ListParams::default()).await?.items;
        Ok(all.iter().any(|event| {
            event.involved_object.name.as_deref() == Some("greedy")
                && event.message.as_deref().is_some_and(|message| message.contains("nowhere"))
        }))
    })
    .await?;
    a.remove(&greedy)?;

    // Twenty more at once on one node; none asks the server for anything.
    let mut crowd = Vec::new();
    for number in 0..20 {
        crowd.push(cluster.pod(&format!("crowd-{number}"), b).await?);
    }
    b.says("it has heard of the pods", knows_pods(21)).await?;
    cluster.api.forget();
    let begun = Instant::now();
    for sandbox in &crowd {
        b.add(sandbox, &asks_for_rails())?;
    }
    let took = begun.elapsed();
    let reads =
        cluster.api.seen().into_iter().filter(|seen| !seen.writes() && seen.at >= begun && seen.at <= begun + took);
    let reads: Vec<_> = reads.filter(|seen| seen.verb != nicety_tests_k8s::Verb::Watch).collect();
    ensure!(reads.is_empty(), "ADD asked the server: {reads:?}");
    let mut given: Vec<String> = crowd.iter().map(|sandbox| address(sandbox, "eth0")).collect::<Result<_, _>>()?;
    given.sort();
    given.dedup();
    ensure!(given.len() == crowd.len(), "an address was given twice: {given:?}");

    for sandbox in &crowd {
        b.remove(sandbox)?;
    }
    a.remove(&one)?;
    b.remove(&two)?;
    for (machine, before) in [(a, &before[0]), (b, &before[1])] {
        let status = machine.status()?;
        ensure!(status["leases"] == 0 && status["records"] == 0, "{status:#}");
        let mut after = machine.holdings()?;
        // The bridge is made with the first pod and stays.
        forget_bridge(&mut after);
        let mut before = before.clone();
        forget_bridge(&mut before);
        ensure!(after == before, "{}: {before:?} became {after:?}", machine.name);
    }
    Ok(())
}

/// Takes out the pods' bridge with its addresses and routes.
fn forget_bridge(holdings: &mut [Value]) {
    let bridge = |item: &Value| {
        let of = item.as_str().or_else(|| item["dev"].as_str()).unwrap_or_default();
        of.starts_with("nct") || of.starts_with("nicety") || of.starts_with("br-") || of == "pods"
    };
    for list in holdings {
        if let Value::Array(items) = list {
            items.retain(|item| !bridge(item));
        }
    }
}

async fn strategies() -> anyhow::Result<()> {
    let cluster = Cluster::start(1).await?;
    let machine = &cluster.machines[0];
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client(), "nicety-system");
    let good = "attach: {default: networks-annotation}\nnicSelection: {default: last}\nstrategies:\n  last: {policy: 'builtin:spread'}\n  networks-annotation: {policy: 'builtin:networks-annotation'}\n";
    let map = json!({"metadata": {"name": "nicety-strategies"}, "data": {"strategies.yaml": good}});
    maps.create(&PostParams::default(), &serde_json::from_value(map)?).await?;
    let named = |wanted: &'static str| {
        move |status: &Value| {
            let strategies = status["strategies"].as_array().cloned().unwrap_or_default();
            strategies.iter().any(|strategy| strategy["name"] == wanted)
        }
    };
    machine.says("the ConfigMap is in force", named("last")).await?;
    let told = async |status: &str| {
        let what = format!("its StrategyStatus says {status}");
        until(&what, secs(30), async || {
            let object = objects(&cluster.client(), "StrategyStatus").get(&machine.name).await?;
            let conditions = object.data.pointer("/status/conditions").and_then(Value::as_array).cloned();
            Ok(conditions.into_iter().flatten().any(|one| one["type"] == "Ready" && one["status"] == status))
        })
        .await
    };
    told("True").await?;

    // A module that is none, beside a strategy that names it.
    let bad = "nicSelection: {default: ours}\nstrategies:\n  ours: {policy: 'configmap:ours.wasm'}\n";
    let patch = json!({"data": {"strategies.yaml": bad}, "binaryData": {"ours.wasm": "bm90IGEgbW9kdWxl"}});
    maps.patch("nicety-strategies", &PatchParams::default(), &Patch::Merge(patch)).await?;
    told("False").await?;
    let sandbox = cluster.pod("meanwhile", machine).await?;
    machine.add(&sandbox, &asks_for_rails())?;
    let story = machine.nicety(&["explain", "default/meanwhile"])?;
    ensure!(story.contains("last"), "the strategy before is not in force: {story}");
    machine.remove(&sandbox)?;

    let mended = good.replace("last", "again");
    let patch = json!({"data": {"strategies.yaml": mended}, "binaryData": null});
    maps.patch("nicety-strategies", &PatchParams::default(), &Patch::Merge(patch)).await?;
    machine.says("the mended one is in force", named("again")).await?;
    told("True").await?;
    Ok(())
}

async fn away() -> anyhow::Result<()> {
    let mut cluster = Cluster::start(2).await?;
    let mut sandboxes = Vec::new();
    for number in 0..6 {
        let machine = &cluster.machines[number % 2];
        sandboxes.push(cluster.pod(&format!("pod-{number}"), machine).await?);
    }
    for (machine, number) in cluster.machines.iter().zip(0..) {
        machine.says("it has heard of its pods", knows_pods(3)).await?;
        machine.add(&sandboxes[number], &asks_for_rails())?;
    }
    cluster.annotated(&sandboxes[0]).await?;
    cluster.annotated(&sandboxes[1]).await?;

    tokio::time::sleep(secs(6)).await; // what is known is on disk after five seconds at most
    // Watches alone, which last half an hour and longer: nodes at rest ask for nothing.
    cluster.api.forget();
    tokio::time::sleep(REST).await;
    let asked = cluster.api.seen();
    ensure!(asked.len() <= 1, "two daemons at rest asked {} times in {REST:?}: {asked:?}", asked.len());
    cluster.api.down();
    let begun = Instant::now();
    // Those that were heard of before come, and go.
    cluster.machines[0].add(&sandboxes[2], &asks_for_rails())?;
    cluster.machines[0].remove(&sandboxes[0])?;
    // Killed, and started while there is nobody to ask.
    cluster.machines[0].kill();
    cluster.machines[0].start().await?;
    let [a, b] = cluster.machines.as_slice() else { anyhow::bail!("two machines were asked for") };
    a.add(&sandboxes[4], &asks_for_rails())?;
    reaches(&sandboxes[4], "eth0", &address(&sandboxes[1], "eth0")?)?;
    b.add(&sandboxes[3], &asks_for_rails())?;
    b.remove(&sandboxes[1])?;
    // One that nobody has told of: not "a pod without labels", but "try again later".
    let stranger = cluster.pod("stranger", a).await?;
    nicety_tests_k8s::ip("netns add stranger")?;
    let refused = a.call("ADD", &stranger, &asks_for_rails())?;
    ensure!(refused.as_ref().is_err_and(|error| error["code"] == 11), "{refused:?}");
    tokio::time::sleep(outage().saturating_sub(begun.elapsed())).await; // the outage that is promised
    cluster.api.forget();
    cluster.api.up();

    // What was missed is told, and those who waited get in.
    for sandbox in [&sandboxes[2], &sandboxes[3], &sandboxes[4]] {
        cluster.annotated(sandbox).await?;
    }
    until("the stranger is known", secs(40), async || Ok(a.call("ADD", &stranger, &asks_for_rails())?.is_ok())).await?;
    let (peak, requests) = (cluster.api.peak(), cluster.api.seen().len());
    ensure!(peak <= 60, "{peak} requests in one second of the recovery of two daemons, {requests} in all");
    for (sandbox, machine) in [(&sandboxes[2], a), (&sandboxes[4], a), (&stranger, a), (&sandboxes[3], b)] {
        machine.remove(sandbox)?;
        cluster.delete(sandbox).await?;
    }
    for machine in [a, b] {
        let status = machine.status()?;
        ensure!(status["leases"] == 0 && status["records"] == 0, "{status:#}");
    }
    Ok(())
}

/// A minute, or the seconds of `NICETY_OUTAGE`: for once to try a longer one than a test run has time for.
fn outage() -> Duration {
    secs(std::env::var("NICETY_OUTAGE").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(60))
}

async fn kubelet() -> anyhow::Result<()> {
    if let Some(lacking) = lacking() {
        println!("k8s tests cannot run here: a kubelet with pods: {lacking}");
        ensure!(!required(), "required, but {lacking}");
        return Ok(());
    }
    let cluster = Cluster::start(1).await?;
    let machine = &cluster.machines[0];
    let kubeconfig = cluster.lab.servers.path("kubelet.kubeconfig");
    // Its client shows no token but over TLS, and the server's certificate is for loopback.
    let relay = Relay::start(&format!("{CONTROL}:0"), cluster.lab.servers.port()).await?;
    let mut document = cluster.lab.servers.admin().document();
    document["clusters"][0]["cluster"] =
        json!({"server": format!("https://{}", relay.address), "insecure-skip-tls-verify": true});
    std::fs::write(&kubeconfig, document.to_string())?;
    let mut kubelet = Kubelet::start(machine, &kubeconfig).await?;
    let nodes: Api<Node> = Api::all(cluster.client());
    let ready = until("the kubelet calls its node ready", secs(90), async || {
        kubelet.still_runs()?;
        let conditions =
            nodes.get(&machine.name).await?.status.and_then(|status| status.conditions).unwrap_or_default();
        Ok(conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True"))
    });
    ready.await.with_context(|| kubelet.tail(40))?;

    for (name, seconds) in [("one", "1000001"), ("two", "1000002")] {
        let object = json!({
            "metadata": {"name": name, "annotations": {NETWORKS: "rails"}},
            "spec": {
                "nodeName": machine.name, "restartPolicy": "Never", "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "c", "image": IMAGE, "imagePullPolicy": "Never", "command": ["sleep", seconds]}],
            },
        });
        cluster.pods().create(&PostParams::default(), &serde_json::from_value(object)?).await?;
    }
    let mut addresses = Vec::new();
    for (name, seconds) in [("one", "1000001"), ("two", "1000002")] {
        let mut last = None;
        let what = format!("`{name}` runs");
        let running = until(&what, secs(90), async || {
            last = cluster.pods().get(name).await?.status;
            Ok(last.as_ref().is_some_and(|status| status.phase.as_deref() == Some("Running")))
        });
        running.await.with_context(|| format!("{last:?}\n{}\n{}", kubelet.tail(30), machine.tail(20)))?;
        let told = last.and_then(|status| status.pod_ip).context("no address")?;
        let links = in_container(seconds, &["ip", "-j", "-4", "address"])?;
        let links: Vec<Value> = serde_json::from_str(&links)?;
        let has: Vec<(&str, &str)> = links
            .iter()
            .filter_map(|link| Some((link["ifname"].as_str()?, link["addr_info"][0]["local"].as_str()?)))
            .filter(|(ifname, _)| *ifname != "lo")
            .collect();
        let names: Vec<&str> = has.iter().map(|(ifname, _)| *ifname).collect();
        ensure!(names == ["eth0", "net1-0", "net1-1"] && has[0].1 == told, "{name}: {has:?}, and the API says {told}");
        addresses.push(
            has.iter().map(|(ifname, address)| ((*ifname).to_owned(), (*address).to_owned())).collect::<Vec<_>>(),
        );
    }
    for (ifname, address) in &addresses[1] {
        in_container("1000001", &["ping", "-c1", "-w5", "-I", ifname, address])?;
    }
    for pod in ["one", "two"] {
        cluster.annotated(&Sandbox { pod: pod.to_owned(), uid: String::new() }).await?;
        cluster.pods().delete(pod, &DeleteParams::default()).await?;
    }
    let gone = until("the kubelet has ended both", secs(60), async || {
        let status = machine.status()?;
        Ok(cluster.pods().list(&ListParams::default()).await?.items.is_empty() && status["records"] == 0)
    });
    gone.await.with_context(|| kubelet.tail(30))?;
    ensure!(machine.status()?["leases"] == 0, "leases are left");
    Ok(())
}

/// A program in the network namespace of the container that sleeps for so many seconds.
fn in_container(seconds: &str, words: &[&str]) -> anyhow::Result<String> {
    let sleeps = |pid: &str| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line == format!("sleep\0{seconds}\0").into_bytes()
    };
    let pids = std::fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let pid = pids.into_iter().find(|pid| sleeps(pid)).with_context(|| format!("nobody sleeps for {seconds} s"))?;
    run("nsenter", &["-t", &pid, "-n"].into_iter().chain(words.iter().copied()).collect::<Vec<_>>())
}

fn knows_pods(least: u64) -> impl Fn(&Value) -> bool {
    move |status| {
        let feeds = status["source"]["feeds"].as_array().cloned().unwrap_or_default();
        feeds.iter().any(|feed| feed["name"] == "pods" && feed["objects"].as_u64() >= Some(least))
    }
}
