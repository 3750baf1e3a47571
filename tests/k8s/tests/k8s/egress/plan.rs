//! `kubectl nicety egress plan` and `picture`, by somebody who may read and nothing else.

use nicety_tests_k8s::Plugin;

use super::*;

/// Pods by name, with the gateways that they would leave and take.
type Moves = BTreeMap<String, (String, String)>;

/// Everything that says who leaves where.
fn rights() -> Value {
    let ours = ["egresspolicies", "egressslices", "egresshealths", "hostinterfaces"];
    json!([
        {"apiGroups": [""], "resources": ["nodes", "namespaces", "pods", "configmaps"], "verbs": ["get", "list"]},
        {"apiGroups": ["nicety.dev"], "resources": ours, "verbs": ["get", "list"]},
    ])
}

/// What a plan says, and whether all of it is well.
async fn planned(plugin: &Plugin, words: &[&str]) -> anyhow::Result<(Moves, bool)> {
    let words: Vec<&str> = ["--json", "egress", "plan"].iter().chain(words).copied().collect();
    let output = plugin.run(&words).await?;
    let said = String::from_utf8_lossy(&output.stderr);
    let plan: Value = serde_json::from_slice(&output.stdout).with_context(|| format!("{}: {said}", output.status))?;
    let moves = plan["moves"].as_array().cloned().unwrap_or_default();
    let text = |one: &Value, field: &str| one[field].as_str().unwrap_or_default().to_owned();
    let moves = moves.iter().map(|one| (text(one, "name"), (text(one, "from"), text(one, "to"))));
    Ok((moves.collect(), output.status.success()))
}

fn differ(before: &Exits, after: &Exits) -> Moves {
    let primary = |exits: &Exits, pod: &str| exits.get(pod).map(|(primary, _)| primary.clone()).unwrap_or_default();
    let all = before.keys().map(|pod| (pod.clone(), (primary(before, pod), primary(after, pod))));
    all.filter(|(_, (from, to))| from != to).collect()
}

pub async fn plan() -> anyhow::Result<()> {
    let egress = Egress::start(2, 3).await?;
    egress.policy(json!({})).await?;
    egress.join(0..40, 2).await?;
    let _controller = egress.lab.controller().await?;
    let before = egress.settled(40).await?;
    // A gateway that came later: a computation from nothing would put pods elsewhere.
    egress.node("gw-4", "10.0.1.4", json!({"egress": "yes"})).await?;
    until("it has pods", secs(30), async || {
        Ok(egress.exits().await?.values().any(|(primary, _)| primary.starts_with("gw-4/")))
    })
    .await?;
    let now = egress.settled(40).await?;
    anyhow::ensure!(now != before, "nobody went to the new gateway");
    let versions = egress.versions().await?;
    let identity = egress.lab.servers.service_account_with("default", "reader", rights()).await?;
    let plugin = Plugin::of(&identity, &egress.lab.servers, "plugin")?;

    let (nothing, well) = planned(&plugin, &[]).await?;
    anyhow::ensure!(nothing.is_empty() && well, "without a change {nothing:?}");
    let (without, well) = planned(&plugin, &["--without", "gw-2"]).await?;
    let own = now.values().filter(|(primary, _)| primary.starts_with("gw-2/")).count();
    anyhow::ensure!(well && without.len() == own && own > 0, "{own} pods leave by it, {without:?}");
    let (hashed, _) = planned(&plugin, &["--strategy", "hash-mod"]).await?;
    anyhow::ensure!(hashed.len() > 10, "{hashed:?}");
    let mut policy = serde_json::to_value(objects(&egress.client, "EgressPolicy").get("out").await?)?;
    policy["spec"]["egressGateways"] = json!([{"nodeSelector": {"matchLabels": {"no": "such"}}}]);
    let file = plugin.file("change.yaml", &policy)?;
    let (lost, well) = planned(&plugin, &["-f", &file.to_string_lossy()]).await?;
    anyhow::ensure!(!well && lost.len() == 40 && lost.values().all(|(_, to)| to.is_empty()), "{lost:?}");
    let drawn = plugin.run(&["egress", "picture", "out"]).await?;
    let svg = String::from_utf8_lossy(&drawn.stdout);
    anyhow::ensure!(drawn.status.success() && svg.starts_with("<svg") && svg.contains("gw-4"), "{drawn:?}");
    let wrong = plugin.run(&["egress", "plan", "--without", "nobody"]).await?;
    let said = String::from_utf8_lossy(&wrong.stderr);
    anyhow::ensure!(!wrong.status.success() && said.contains("there is no node `nobody`"), "{wrong:?}");
    anyhow::ensure!(egress.versions().await? == versions, "a plan has written");

    // And now it happens.
    egress.nodes().delete("gw-2", &DeleteParams::default()).await?;
    until("nobody leaves by it", secs(30), async || {
        Ok(egress.exits().await?.values().all(|(primary, _)| !primary.starts_with("gw-2/") && !primary.is_empty()))
    })
    .await?;
    let after = egress.settled(40).await?;
    anyhow::ensure!(differ(&now, &after) == without, "planned {without:?}, done {:?}", differ(&now, &after));
    Ok(())
}
