//! What is not as it should be freezes itself alone.

use super::*;

pub async fn restart() -> anyhow::Result<()> {
    let egress = Egress::start(2, 3).await?;
    egress.policy(json!({})).await?;
    egress.join(0..20, 2).await?;
    let mut controller = egress.lab.controller().await?;
    let before = egress.settled(20).await?;
    controller.kill();
    // Two gateways of one address: the server lets it through, and no controller takes it.
    let twice = json!({"nodeSelector": {"matchLabels": {"egress": "yes"}}, "egressIPs": ["192.0.2.1"]});
    egress.policy(json!({"egressGateways": [twice, twice]})).await?;
    let versions = egress.slice_versions().await?;
    let mut second = egress.lab.controller().await?;
    let failed = async || Ok(egress.condition("Degraded").await? == ("True".to_owned(), "PolicyFailed".to_owned()));
    until("the policy says so", secs(60), failed).await?;
    quiet(&egress.lab).await?;
    anyhow::ensure!(egress.slice_versions().await? == versions, "slices were written: {:?}", told(&egress.lab));
    anyhow::ensure!(egress.status().await?["endpoints"] == 20, "{}", egress.status().await?);
    // Pods that go are taken out, those that come wait; and so it is for the next one.
    egress.pods().delete("web-7", &DeleteParams::default().grace_period(0)).await?;
    egress.join(20..22, 2).await?;
    let mut expected = before.clone();
    expected.remove("web-7");
    until("it is taken out", secs(30), async || Ok(egress.exits().await? == expected)).await?;
    second.kill();
    let _third = egress.lab.controller().await?;
    egress.lab.proxy.forget();
    let leads = || egress.lab.proxy.count(|seen| seen.is(Verb::Update, "leases") && seen.status == Some(200));
    until("another leads", secs(40), async || Ok(leads() > 2)).await?;
    quiet(&egress.lab).await?;
    anyhow::ensure!(egress.exits().await? == expected, "{:?}", told(&egress.lab));
    // Once it can be read again it goes on from where pods are.
    egress.policy(json!({})).await?;
    let after = egress.settled(21).await?;
    for (pod, (primary, _)) in &expected {
        let now = &after.get(pod).context("it is gone")?.0;
        anyhow::ensure!(primary == now, "`{pod}` moved from {primary} to {now}");
    }
    until("all is well", secs(30), async || Ok(egress.condition("Degraded").await?.0 == "False")).await?;
    let ranges = egress.condition("ClusterRanges").await?;
    anyhow::ensure!(ranges == ("True".to_owned(), "FromNodes".to_owned()), "{ranges:?}");
    Ok(())
}

pub async fn builtin() -> anyhow::Result<()> {
    let egress = Egress::start(2, 3).await?;
    egress.policy(json!({"strategy": "sticky-identity"})).await?;
    egress.join(0..10, 2).await?;
    let _controller = egress.lab.controller().await?;
    egress.settled(10).await?;
    until("it decides", secs(20), async || Ok(egress.status().await?["strategy"] == "sticky-identity")).await?;
    let maps: Api<ConfigMap> = Api::namespaced(egress.client.clone(), "nicety-system");
    let named = strategies("gatewayDistribution:\n  default: least-loaded\n")?;
    maps.replace("nicety-strategies", &PostParams::default(), &named).await?;
    // Not named any longer: applied without it.
    objects(&egress.client, "EgressPolicy").delete("out", &DeleteParams::default()).await?;
    egress.policy(json!({"strategy": null})).await?;
    until("the other one decides", secs(30), async || Ok(egress.status().await?["strategy"] == "least-loaded")).await?;
    Ok(())
}
