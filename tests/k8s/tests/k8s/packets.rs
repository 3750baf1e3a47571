//! Egress in a whole cluster: API server, controller and a daemon on each machine, pods that the plugin attaches, and a server outside
//! that is the judge. Whatever is killed and whenever, no packet comes with a source that is no egress address.

mod scene;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use kube::api::ListParams;
use nicety_tests_k8s::{Sandbox, Test, ip, objects, secs, until};
use serde_json::{Value, json};

use self::scene::{Scene, WORKERS, address};

pub fn tests() -> Vec<Test> {
    vec![
        Test::new("packets_leave_by_their_gateways_whoever_is_killed", killed).within(secs(420)),
        Test::new("a_gateway_that_dies_is_left_without_the_controller_and_observers_tell_it", dies),
        Test::new("a_pod_s_packets_leave_soon_after_the_api_knows_its_address", soon),
    ]
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
