//! The servers themselves, and the proxy: what the other tests take for granted.

use anyhow::Context;
use futures_util::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use nicety_tests_k8s::{CrdServer, Fault, Proxy, Servers, Test, Verb, apply, documents, secs, until};
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    vec![
        Test::new("a_service_account_may_do_what_rbac_gives_it_and_no_more", rights),
        Test::new("a_proxy_counts_cuts_and_refuses_as_told", faults),
        Test::new("a_watch_from_before_forgotten_history_is_told_410", forgotten),
        Test::new("a_namespace_that_is_deleted_takes_its_objects_along", namespaces),
        Test::new("the_crd_server_holds_cel_rules_and_the_old_one_drops_them", cel),
    ]
}

async fn rights() -> anyhow::Result<()> {
    let servers = Servers::start().await?;
    let rules = json!([{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list"]}]);
    let client = servers.service_account_with("nicety-system", "reader", rules).await?.client().await?;
    let nodes: Api<Node> = Api::all(client.clone());
    until("the rights arrive", secs(5), async || Ok(nodes.list(&ListParams::default()).await.is_ok())).await?;
    let refused = nodes.delete("a", &DeleteParams::default()).await.err().context("deleted a node")?;
    anyhow::ensure!(matches!(&refused, kube::Error::Api(status) if status.code == 403), "{refused}");
    let user = servers.user("system:node:a", &["system:nodes"])?.client().await?;
    let pods: Api<Pod> = Api::all(user);
    anyhow::ensure!(pods.list(&ListParams::default()).await.is_err(), "a bare user lists pods");
    Ok(())
}

async fn faults() -> anyhow::Result<()> {
    let servers = Servers::start().await?;
    let proxy = Proxy::start(&servers).await?;
    let client = servers.admin().via(&proxy).client().await?;
    let maps: Api<ConfigMap> = Api::namespaced(client, "default");
    let map =
        |name: &str| -> anyhow::Result<ConfigMap> { Ok(serde_json::from_value(json!({"metadata": {"name": name}}))?) };

    maps.create(&PostParams::default(), &map("a")?).await?;
    anyhow::ensure!(
        proxy.count(|seen| seen.is(Verb::Create, "configmaps") && seen.status == Some(201)) == 1,
        "{:?}",
        proxy.seen()
    );

    proxy.fault(Fault::busy(secs(1)).on(|seen| seen.writes()).times(1));
    let busy = maps.create(&PostParams::default(), &map("b")?).await.err().context("no 429")?;
    anyhow::ensure!(matches!(&busy, kube::Error::Api(status) if status.code == 429), "{busy}");
    maps.create(&PostParams::default(), &map("b")?).await?;

    // Done, and not heard of: the next try finds it there.
    proxy.fault(Fault::lost().on(|seen| seen.writes()).times(1));
    anyhow::ensure!(maps.create(&PostParams::default(), &map("c")?).await.is_err(), "a lost answer arrived");
    let again = maps.create(&PostParams::default(), &map("c")?).await.err().context("it was not done")?;
    anyhow::ensure!(matches!(&again, kube::Error::Api(status) if status.code == 409), "{again}");

    let mut watch = maps.watch(&WatchParams::default(), "0").await?.boxed();
    anyhow::ensure!(matches!(watch.next().await, Some(Ok(WatchEvent::Added(_)))), "no event");
    proxy.down();
    while let Some(Ok(_event)) = watch.next().await {}
    anyhow::ensure!(maps.get("a").await.is_err(), "it answers while it is down");
    proxy.up();
    maps.get("a").await?;
    anyhow::ensure!(proxy.peak() >= 2 && proxy.peak() <= proxy.seen().len(), "peak {}", proxy.peak());
    Ok(())
}

async fn forgotten() -> anyhow::Result<()> {
    let mut servers = Servers::start().await?;
    let maps: Api<ConfigMap> = Api::namespaced(servers.client().await?, "default");
    let map: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "a"}}))?;
    let old = maps.create(&PostParams::default(), &map).await?.metadata.resource_version.context("no version")?;
    for round in 0..3 {
        let change = json!({"data": {"round": round.to_string()}});
        maps.patch("a", &PatchParams::default(), &Patch::Merge(change)).await?;
    }
    servers.forget().await?;
    let gone = match maps.watch(&WatchParams::default(), &old).await {
        Ok(stream) => stream.boxed().next().await.context("the watch ended without a word")?,
        Err(error) => Err(error),
    };
    let code = match &gone {
        Ok(WatchEvent::Error(status)) => status.code,
        Err(kube::Error::Api(status)) => status.code,
        other => anyhow::bail!("not told 410: {other:?}"),
    };
    anyhow::ensure!(code == 410, "told {code}");
    anyhow::ensure!(maps.get("a").await?.data.is_some(), "the object itself is gone");
    Ok(())
}

async fn namespaces() -> anyhow::Result<()> {
    let servers = Servers::with_controllers().await?;
    let client = servers.client().await?;
    let objects = documents(
        "{apiVersion: v1, kind: Namespace, metadata: {name: short}}\n---\n\
         {apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: short}}\n",
    )?;
    anyhow::ensure!(apply(&client, &objects).await?.is_empty(), "unknown kinds");
    let all: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client);
    all.delete("short", &DeleteParams::default()).await?;
    until("it is gone", secs(30), async || Ok(all.get_opt("short").await?.is_none())).await?;
    Ok(())
}

const DEFINITION: &str = r"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.tests.nicety.dev}
spec:
  group: tests.nicety.dev
  scope: Cluster
  names: {plural: things, singular: thing, kind: Thing}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              x-kubernetes-validations:
                - {rule: 'self.low <= self.high', message: 'low is above high'}
              properties: {low: {type: integer}, high: {type: integer}}
";

async fn cel() -> anyhow::Result<()> {
    let bad = json!({"apiVersion": "tests.nicety.dev/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": {"low": 2, "high": 1}});
    let modern = CrdServer::start().await?;
    let client = modern.client().await?;
    apply(&client, &documents(DEFINITION)?).await?;
    let refused = apply(&client, std::slice::from_ref(&bad)).await.err().context("the rule was not held")?;
    anyhow::ensure!(format!("{refused:#}").contains("low is above high"), "{refused:#}");

    let old = Servers::start().await?;
    let client = old.client().await?;
    apply(&client, &documents(DEFINITION)?).await?;
    let version: Value = client.request(http::Request::get("/version").body(Vec::new())?).await?;
    let minor: u32 = version["minor"].as_str().context("no version")?.trim_end_matches('+').parse()?;
    let held = apply(&client, &[bad]).await.is_err();
    anyhow::ensure!(held == (minor >= 25), "1.{minor} holds rules: {held}");
    Ok(())
}
