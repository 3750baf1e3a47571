//! Blocks come and go with nodes, by one controller or by several, whatever ends in the middle.

use std::collections::BTreeMap;

use anyhow::Context;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use nicety_tests_k8s::{Lab, Test, objects, secs, sound, until};
use serde_json::json;

pub fn tests() -> Vec<Test> {
    vec![
        Test::new("a_node_that_joins_gets_its_blocks_and_nothing_else_is_touched", joins),
        Test::new("blocks_of_a_node_that_leaves_go_with_it", leaves),
        Test::new("a_controller_killed_among_its_writes_is_continued_by_the_next", killed),
        Test::new("two_controllers_that_both_lead_give_no_nic_two_blocks", both_lead),
        Test::new("a_controller_that_starts_anew_writes_nothing", starts_anew),
        Test::new("what_others_write_over_blocks_is_put_right_and_their_claims_are_left", others_write),
    ]
}

const NETWORK: &str = "rails";
const SUBNET: &str = "172.16.0.0/12";

async fn settled(nodes: u16, nics: u8) -> anyhow::Result<(Lab, nicety_tests_k8s::Process)> {
    let lab = Lab::start(nics).await?;
    lab.fleet.join(0..nodes).await?;
    lab.network(NETWORK, SUBNET, 8).await?;
    let controller = lab.controller().await?;
    lab.settled(1, usize::from(nodes), secs(40)).await?;
    Ok((lab, controller))
}

async fn joins() -> anyhow::Result<()> {
    let (lab, _controller) = settled(3, 2).await?;
    quiet(&lab).await?;
    let before = lab.blocks().await?;
    lab.proxy.forget();
    lab.fleet.join([3]).await?;
    let took = until("its blocks", secs(5), async || Ok(lab.blocks().await?.len() == 8)).await?;
    anyhow::ensure!(took < secs(2), "after {took:?}");
    quiet(&lab).await?;
    let after = lab.blocks().await?;
    for block in &before {
        anyhow::ensure!(after.contains(block), "`{}` was touched", block.name);
    }
    let writes = lab.proxy.count(|seen| seen.writes() && seen.resource != "leases");
    anyhow::ensure!(writes <= 10, "{writes} writes: {:?}", told(&lab));
    Ok(())
}

async fn leaves() -> anyhow::Result<()> {
    let (lab, _controller) = settled(3, 2).await?;
    let before = lab.blocks().await?;
    lab.fleet.leave([1]).await?;
    until("its blocks are gone", secs(20), async || {
        Ok(lab.blocks().await?.iter().all(|block| block.node != "node-00001"))
    })
    .await?;
    let after = lab.settled(1, 2, secs(5)).await?;
    let kept = |block: &&nicety_tests_k8s::Block| before.iter().any(|old| old.uid == block.uid);
    anyhow::ensure!(after.iter().filter(kept).count() == 4, "others' blocks were made anew");
    Ok(())
}

async fn killed() -> anyhow::Result<()> {
    let lab = Lab::start(4).await?;
    lab.fleet.join(0..50).await?;
    lab.network(NETWORK, SUBNET, 8).await?;
    let mut first = lab.controller().await?;
    until("some blocks", secs(40), async || Ok(lab.blocks().await?.len() >= 20)).await?;
    first.kill();
    let left = lab.blocks().await?;
    sound(&left)?;
    let _second = lab.controller().await?;
    // The lease of the one that was killed must first run out.
    let all = lab.settled(1, 50, secs(60)).await?;
    for block in &left {
        anyhow::ensure!(all.iter().any(|now| now.uid == block.uid), "`{}` was made anew", block.name);
    }
    Ok(())
}

async fn both_lead() -> anyhow::Result<()> {
    let lab = Lab::start(4).await?;
    let _controllers = [lab.controller_of("nicety-controller").await?, lab.controller_of("another").await?];
    lab.network(NETWORK, SUBNET, 8).await?;
    lab.fleet.join(0..30).await?;
    lab.settled(1, 30, secs(60)).await?;
    quiet(&lab).await?;
    lab.settled(1, 30, secs(5)).await?;
    Ok(())
}

async fn starts_anew() -> anyhow::Result<()> {
    let (lab, mut first) = settled(5, 2).await?;
    quiet(&lab).await?;
    first.stop();
    let before = lab.blocks().await?;
    lab.proxy.forget();
    let _second = lab.controller().await?;
    until("it watches", secs(30), async || Ok(lab.proxy.count(|seen| seen.writes() && seen.resource == "leases") > 1))
        .await?;
    quiet(&lab).await?;
    anyhow::ensure!(lab.blocks().await? == before, "blocks were touched");
    let writes = lab.proxy.count(|seen| seen.writes() && seen.resource != "leases");
    anyhow::ensure!(writes == 0, "{:?}", told(&lab));
    Ok(())
}

async fn others_write() -> anyhow::Result<()> {
    let lab = Lab::start(2).await?;
    lab.network(NETWORK, SUBNET, 8).await?;
    // Somebody's claim, made by hand before there is a controller: it is not for us to take away while its node is there.
    lab.fleet.join([7]).await?;
    let api = objects(&lab.client(), "IPBlock");
    let claim = json!({
        "apiVersion": "nicety.dev/v1alpha1", "kind": "IPBlock",
        "metadata": {"name": format!("{NETWORK}-0-0"), "labels": {"nicety.dev/network": NETWORK, "nicety.dev/node": "node-00007"}},
        "spec": {"network": NETWORK, "node": "node-00007", "interface": "eth0", "interfaceIndex": 0, "hostIndex": 0, "segment": "10.0.0.0/16"},
    });
    let claimed = api.create(&PostParams::default(), &serde_json::from_value(claim)?).await?;
    lab.fleet.join(0..2).await?;
    let _controller = lab.controller().await?;
    let blocks = lab.settled(1, 3, secs(40)).await?;
    let kept =
        blocks.iter().find(|block| Some(&block.uid) == claimed.metadata.uid.as_ref()).context("the claim is gone")?;
    anyhow::ensure!(kept.node == "node-00007", "{kept:?}");

    // Deleted behind our back, finalizer and all; labels taken away.
    let victim = blocks.iter().find(|block| block.node == "node-00000").context("no block")?;
    let none = Patch::Merge(json!({"metadata": {"finalizers": null, "labels": null}}));
    api.patch(&victim.name, &PatchParams::default(), &none).await?;
    api.delete(&victim.name, &DeleteParams::default()).await?;
    until("it is claimed anew", secs(20), async || {
        let now = lab.blocks().await?;
        let again = |block: &&nicety_tests_k8s::Block| block.node == victim.node && block.interface == victim.interface;
        Ok(now.iter().find(again).is_some_and(|block| block.uid != victim.uid && !block.deleting))
    })
    .await?;
    let other = blocks.iter().find(|block| block.node == "node-00001").context("no block")?;
    api.patch(&other.name, &PatchParams::default(), &Patch::Merge(json!({"metadata": {"labels": null}}))).await?;
    until("its labels are back", secs(20), async || {
        Ok(api.get(&other.name).await?.metadata.labels.is_some_and(|labels| labels.contains_key("nicety.dev/node")))
    })
    .await?;
    Ok(())
}

/// Waits until no controller writes any more but its lease: none in two seconds.
pub async fn quiet(lab: &Lab) -> anyhow::Result<()> {
    let written = || lab.proxy.count(|seen| seen.writes() && seen.resource != "leases");
    let mut last = (written(), tokio::time::Instant::now());
    until("the controllers are quiet", secs(30), async || {
        if written() != last.0 {
            last = (written(), tokio::time::Instant::now());
        }
        Ok(last.1.elapsed() > secs(2))
    })
    .await?;
    Ok(())
}

/// What was written, counted.
pub fn told(lab: &Lab) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for seen in lab.proxy.seen().iter().filter(|seen| seen.writes()) {
        *counts.entry(seen.what()).or_default() += 1;
    }
    counts
}
