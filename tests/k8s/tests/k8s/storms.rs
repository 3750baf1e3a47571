//! What a cluster does to those who live in it: answers that fail or are lost, watches that end, history that is gone, rights and kinds
//! that are not there yet. In the end everything is as it should be, and nobody was hammered.

use k8s_openapi::api::core::v1::{Namespace, Node};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use nicety_tests_k8s::MANIFESTS;
use nicety_tests_k8s::{Fault, Lab, Servers, Test, Verb, apply, documents, manifests, objects, secs, until};
use serde_json::{Value, json};

use crate::blocks::{quiet, told};

pub fn tests() -> Vec<Test> {
    vec![
        Test::new("storms_of_errors_delay_blocks_and_change_nothing", storms),
        Test::new("a_watch_that_ends_and_history_that_is_gone_lose_no_node", interrupted),
        Test::new("a_controller_older_than_its_crds_waits_for_them", before_crds),
        Test::new("a_controller_without_rights_waits_for_them_and_asks_seldom", denied),
        Test::new("attachment_definitions_follow_namespaces_that_come_and_go", churn),
        Test::new("a_network_that_cannot_be_read_holds_up_no_other", broken),
        Test::new("nodes_are_tainted_until_their_blocks_are_there", taints),
    ]
}

const SUBNET: &str = "172.16.0.0/12";

async fn storms() -> anyhow::Result<()> {
    let lab = Lab::start(4).await?;
    // Blocks wait for the lease and for their Network's finalizer: either would take all the faults alone.
    let ours = |seen: &nicety_tests_k8s::Seen| !["leases", "networks"].contains(&seen.resource.as_str());
    lab.proxy.fault(Fault::answer(500).on(move |seen| seen.writes() && ours(seen)).times(25));
    lab.proxy.fault(Fault::lost().on(move |seen| seen.writes() && ours(seen)).times(10));
    lab.proxy.fault(Fault::cut().on(move |seen| seen.writes() && ours(seen)).times(10));
    lab.proxy.fault(Fault::busy(secs(1)).on(move |seen| seen.writes() && ours(seen)).times(25));
    lab.proxy.fault(Fault::expired().on(ours).times(10));
    lab.proxy.fault(Fault::answer(410).on(|seen| seen.verb == Verb::Watch).times(5));
    lab.proxy.fault(Fault::answer(429).on(|seen| seen.verb == Verb::List).times(5));
    lab.fleet.join(0..20).await?;
    lab.network("rails", SUBNET, 8).await?;
    let _controller = lab.controller().await?;
    lab.settled(1, 20, secs(90)).await?;
    quiet(&lab).await?;
    lab.settled(1, 20, secs(5)).await?;
    let all = lab.proxy.seen().len();
    anyhow::ensure!(all < 1_000, "{all} requests for 80 blocks: {:?}", told(&lab));
    Ok(())
}

async fn interrupted() -> anyhow::Result<()> {
    let mut lab = Lab::start(2).await?;
    lab.network("rails", SUBNET, 8).await?;
    lab.fleet.join(0..3).await?;
    let _controller = lab.controller().await?;
    lab.settled(1, 3, secs(40)).await?;
    lab.proxy.cut();
    lab.fleet.join([3]).await?;
    lab.settled(1, 4, secs(20)).await?;

    // While nobody is told, a node comes and another goes, and then what happened is forgotten.
    lab.proxy.down();
    lab.fleet.join([4]).await?;
    lab.fleet.leave([0]).await?;
    lab.servers.forget().await?;
    lab.proxy.up();
    until("the new node has blocks and the old one none", secs(60), async || {
        let blocks = lab.blocks().await?;
        let of = |node: &str| blocks.iter().filter(|block| block.node == node).count();
        Ok(of("node-00004") == 2 && of("node-00000") == 0 && blocks.len() == 8)
    })
    .await?;
    Ok(())
}

async fn before_crds() -> anyhow::Result<()> {
    let lab = Lab::bare(Servers::start().await?, 2).await?;
    let [crds, rest @ ..] = MANIFESTS;
    lab.servers.install(&rest).await?;
    let mut controller = lab.controller().await?;
    until("it has asked", secs(20), async || Ok(lab.proxy.count(|seen| seen.status == Some(404)) > 0)).await?;
    lab.proxy.forget();
    tokio::time::sleep(secs(3)).await; // so that what it asks in a while can be counted
    let asked = lab.proxy.seen().len();
    anyhow::ensure!(asked < 60, "{asked} requests in 3 s");
    controller.still_runs()?;
    lab.servers.install(&[crds]).await?;
    lab.fleet.join(0..2).await?;
    lab.network("rails", SUBNET, 8).await?;
    lab.settled(1, 2, secs(60)).await?;
    Ok(())
}

async fn denied() -> anyhow::Result<()> {
    let lab = Lab::bare(Servers::start().await?, 2).await?;
    let [crds, namespace, rights] = MANIFESTS;
    lab.servers.install(&[crds, namespace]).await?;
    lab.fleet.join(0..2).await?;
    lab.network("rails", SUBNET, 8).await?;
    let mut controller = lab.controller().await?;
    until("it is refused", secs(20), async || Ok(lab.proxy.count(|seen| seen.status == Some(403)) > 5)).await?;
    lab.proxy.forget();
    tokio::time::sleep(secs(3)).await; // so that what it asks in a while can be counted
    let asked = lab.proxy.seen().len();
    anyhow::ensure!(asked < 60, "{asked} requests in 3 s");
    controller.still_runs()?;
    // All but the claims: others' work goes on, and the reason is told where people look.
    let mut most = manifests(&[rights])?;
    for role in &mut most {
        let rules = role.get_mut("rules").and_then(Value::as_array_mut);
        rules.into_iter().flatten().for_each(without_blocks);
    }
    apply(&lab.client(), &most).await?;
    until("the network says why it has no blocks", secs(60), async || {
        let network = objects(&lab.client(), "Network").get("rails").await?;
        Ok(network.data.get("status").is_some_and(|status| status.to_string().to_lowercase().contains("forbidden")))
    })
    .await?;
    anyhow::ensure!(lab.blocks().await?.is_empty(), "it claimed without a right to");
    lab.servers.install(&[rights]).await?;
    lab.settled(1, 2, secs(60)).await?;
    Ok(())
}

/// Takes from a rule of RBAC the right to write IPBlocks.
fn without_blocks(rule: &mut Value) {
    let has = |field: &str, word: &str| {
        rule.get(field).and_then(Value::as_array).is_some_and(|list| list.iter().any(|one| one == word))
    };
    if has("resources", "ipblocks") && has("verbs", "create") {
        rule["verbs"] = json!(["get"]);
    }
}

pub const ATTACHMENTS: &str = r"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: network-attachment-definitions.k8s.cni.cncf.io}
spec:
  group: k8s.cni.cncf.io
  scope: Namespaced
  names: {plural: network-attachment-definitions, singular: network-attachment-definition, kind: NetworkAttachmentDefinition}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {config: {type: string}}}}}
";

async fn churn() -> anyhow::Result<()> {
    let lab = Lab::with(Servers::with_controllers().await?, 2).await?;
    let client = lab.client();
    apply(&client, &documents(ATTACHMENTS)?).await?;
    let mut network = lab.network_object("rails", SUBNET, 8);
    network["spec"]["namespaceSelector"] = json!({"matchLabels": {"rails": "yes"}});
    apply(&client, &[network]).await?;
    let _controller = lab.controller().await?;
    let namespace = |index: usize| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("team-{index}"), "labels": {"rails": if index % 2 == 0 { "yes" } else { "no" }}}});
    apply(&client, &(0..20).map(namespace).collect::<Vec<_>>()).await?;
    let attachments = kube::core::ApiResource::from_gvk_with_plural(
        &kube::core::GroupVersionKind::gvk("k8s.cni.cncf.io", "v1", "NetworkAttachmentDefinition"),
        "network-attachment-definitions",
    );
    let all: Api<kube::api::DynamicObject> = Api::all_with(client.clone(), &attachments);
    let there = async || -> anyhow::Result<Vec<String>> {
        let mut found: Vec<String> = all
            .list(&ListParams::default())
            .await?
            .items
            .into_iter()
            .filter(|one| one.metadata.deletion_timestamp.is_none())
            .filter_map(|one| one.metadata.namespace)
            .collect();
        found.sort();
        Ok(found)
    };
    until("each selected namespace has one", secs(40), async || Ok(there().await?.len() == 10)).await?;

    let namespaces: Api<Namespace> = Api::all(client);
    for index in 0..20 {
        let name = format!("team-{index}");
        match index % 4 {
            0 => drop(namespaces.delete(&name, &DeleteParams::default()).await?),
            1 => drop(
                namespaces
                    .patch(
                        &name,
                        &PatchParams::default(),
                        &Patch::Merge(json!({"metadata": {"labels": {"rails": "yes"}}})),
                    )
                    .await?,
            ),
            2 => drop(
                namespaces
                    .patch(&name, &PatchParams::default(), &Patch::Merge(json!({"metadata": {"labels": null}})))
                    .await?,
            ),
            _ => (),
        }
    }
    let mut wanted: Vec<String> = (0..20).filter(|index| index % 4 == 1).map(|index| format!("team-{index}")).collect();
    wanted.sort();
    until("only those that are selected now have one", secs(60), async || Ok(there().await? == wanted)).await?;
    until("deleted namespaces are gone", secs(40), async || Ok(namespaces.get_opt("team-0").await?.is_none())).await?;
    Ok(())
}

async fn broken() -> anyhow::Result<()> {
    let lab = Lab::start(2).await?;
    lab.fleet.join(0..2).await?;
    // A server of 1.20 drops the rules of the CRD, so what they forbid is there to be read.
    let mut impossible = lab.network_object("impossible", "10.200.0.0/30", 8);
    impossible["spec"]["nics"] = json!([{"driver": "mlx5_core"}]);
    if apply(&lab.client(), &[impossible]).await.is_err() {
        return Ok(()); // a later server holds them
    }
    let _controller = lab.controller().await?;
    lab.network("rails", SUBNET, 8).await?;
    until("the sound one has its blocks", secs(40), async || Ok(lab.blocks().await?.len() == 4)).await?;
    until("the other says what is wrong with it", secs(20), async || {
        let network = objects(&lab.client(), "Network").get("impossible").await?;
        let conditions = network.data.pointer("/status/conditions").and_then(Value::as_array).cloned();
        Ok(conditions.into_iter().flatten().any(|one| one["type"] == "Valid" && one["status"] == "False"))
    })
    .await?;
    anyhow::ensure!(lab.blocks().await?.iter().all(|block| block.network == "rails"), "it has blocks");
    Ok(())
}

async fn taints() -> anyhow::Result<()> {
    let lab = Lab::start(2).await?;
    let nodes: Api<Node> = Api::all(lab.client());
    let tainted = async |name: &str| -> anyhow::Result<bool> {
        let taints = nodes.get(name).await?.spec.and_then(|spec| spec.taints).unwrap_or_default();
        Ok(taints.iter().any(|taint| taint.key == "nicety.dev/not-ready"))
    };
    lab.network("rails", SUBNET, 8).await?;
    // A node whose daemon has not said anything.
    let silent: Node = serde_json::from_value(
        json!({"metadata": {"name": "silent"}, "spec": {"taints": [{"key": "a", "effect": "NoExecute"}]}}),
    )?;
    let made = nodes.create(&kube::api::PostParams::default(), &silent).await?;
    let _controller = lab.controller().await?;
    until("a node without a daemon is tainted", secs(40), async || tainted("silent").await).await?;
    let mut object = lab.fleet.host_interface(1);
    object["metadata"]["name"] = json!("silent");
    apply(&lab.client(), &[object]).await?;
    until("and no more with its blocks", secs(40), async || Ok(!tainted("silent").await?)).await?;
    // The server adds one of its own to a node that is new.
    let of = |node: Node| node.spec.and_then(|spec| spec.taints).unwrap_or_default();
    let (before, after) = (of(made), of(nodes.get("silent").await?));
    anyhow::ensure!(before == after && after.iter().any(|taint| taint.key == "a"), "{before:?} became {after:?}");
    Ok(())
}
