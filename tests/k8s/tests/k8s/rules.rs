//! Definitions of our kinds on real servers: one that holds rules refuses what the code refuses, one that holds none takes the same
//! definitions, and what people write comes back as they wrote it.

mod rows;

use anyhow::{Context, ensure};
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use nicety_k8s::crd::{KINDS, Kind, RULES, Scope};
use nicety_objects::{
    live,
    transition::{IMMUTABLE, transition},
};
use nicety_tests_k8s::{CrdServer, Servers, Test, documents};
use rows::{Row, good};
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    vec![
        Test::new("every_rule_is_held_by_the_server_and_by_the_code", held),
        Test::new("what_must_not_change_does_not_change_in_either", kept),
        Test::new("a_server_without_rules_takes_the_same_definitions_and_the_code_refuses_all_the_same", without),
        Test::new("examples_come_back_as_they_were_written", examples),
    ]
}

const EXAMPLES: &[&str] = &[
    "deploy/examples/standalone/networks.yaml",
    "deploy/examples/standalone/blocks.yaml",
    "deploy/examples/standalone/classes.yaml",
    "deploy/examples/minimal/network.yaml",
    "deploy/examples/multus/network.yaml",
];

fn kind(name: &str) -> anyhow::Result<&'static Kind> {
    KINDS.iter().find(|kind| kind.kind == name).with_context(|| format!("no kind `{name}`"))
}

fn api(client: &Client, name: &str) -> anyhow::Result<Api<DynamicObject>> {
    let kind = kind(name)?;
    let resource =
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("nicety.dev", "v1alpha1", name), kind.plural);
    Ok(match kind.scope {
        Scope::Cluster => Api::all_with(client.clone(), &resource),
        Scope::Namespaced => Api::namespaced_with(client.clone(), "default", &resource),
    })
}

fn object(kind: &str, spec: &Value) -> Value {
    let name = if kind == "IPBlock" { "good-0-1" } else { "good" };
    json!({"apiVersion": "nicety.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

fn merge(into: &mut Value, change: &Value) {
    match (into, change) {
        (Value::Object(into), Value::Object(change)) => {
            for (field, value) in change {
                match value {
                    Value::Null => drop(into.remove(field)),
                    value => merge(into.entry(field.clone()).or_insert(Value::Null), value),
                }
            }
        }
        (into, change) => *into = change.clone(),
    }
}

fn broken(row: &Row) -> Value {
    let mut spec = good(row.kind);
    merge(&mut spec, &row.change);
    object(row.kind, &spec)
}

async fn create(client: &Client, document: &Value) -> anyhow::Result<Result<DynamicObject, kube::Error>> {
    let kind = document["kind"].as_str().context("no kind")?;
    let object = serde_json::from_value(document.clone())?;
    Ok(api(client, kind)?.create(&PostParams { dry_run: true, field_manager: None }, &object).await)
}

fn found(row: &Row) -> anyhow::Result<()> {
    let findings = live::read(broken(row)).object.err().unwrap_or_default();
    let paths: Vec<&str> = findings.iter().map(|finding| finding.path.as_str()).collect();
    ensure!(paths.contains(&row.path), "{} {}: `{}`: the code finds {findings:?}", row.kind, row.at, row.says);
    Ok(())
}

async fn held() -> anyhow::Result<()> {
    let server = CrdServer::start().await?;
    server.install(&["deploy/crds"]).await?;
    let client = server.client().await?;
    let mut wrong = Vec::new();
    for kind in KINDS.iter().filter(|kind| kind.spec.is_some()) {
        let document = object(kind.kind, &good(kind.kind));
        if let Err(error) = create(&client, &document).await? {
            wrong.push(format!("a good {}: {error}", kind.kind));
        }
        if let Err(findings) = live::read(document).object {
            wrong.push(format!("a good {}: {findings:?}", kind.kind));
        }
    }
    let rows = rows::bad();
    for row in &rows {
        match create(&client, &broken(row)).await? {
            Err(kube::Error::Api(status)) if status.code == 422 && status.message.contains(row.says) => (),
            answer => wrong.push(format!("{} {}: `{}`: {answer:?}", row.kind, row.at, row.says)),
        }
        wrong.extend(found(row).err().map(|error| error.to_string()));
    }
    for rule in RULES {
        // A name longer than 63 characters is no change of a spec; it is tried below.
        let tried =
            rows.iter().any(|row| (row.kind, row.at) == (rule.kind, rule.at) && rule.message.starts_with(row.says));
        if !tried && !(rule.kind == "Network" && rule.at.is_empty()) {
            wrong.push(format!("{} {}: `{}` has no row", rule.kind, rule.at, rule.message));
        }
    }
    let mut long = object("Network", &good("Network"));
    long["metadata"]["name"] = "n".repeat(64).into();
    if create(&client, &long).await?.is_ok() || live::read(long).object.is_ok() {
        wrong.push("a name of 64 characters is taken".to_owned());
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Another good value of a field that must not change.
fn other(kind: &str, path: &str) -> Value {
    match (kind, path) {
        ("Network", "spec.subnets") => json!({"subnets": ["192.168.0.0/16"]}),
        ("Network", "spec.link.kind") => json!({"link": {"kind": "host-device", "mode": null}}),
        ("Network", "spec.link.mode") => json!({"link": {"mode": "private"}}),
        ("Network", "spec.link.bridge") => json!({"link": {"bridge": {"hairpin": true}}}),
        ("Network", "spec.ipam.type") => {
            json!({"ipam": {"type": "none", "interfaceBlock": null, "hostBlock": null, "excludeCIDRs": null}})
        }
        ("Network", "spec.ipam.interfaceBlock") => json!({"ipam": {"interfaceBlock": 1}}),
        ("Network", "spec.ipam.hostBlock") => json!({"ipam": {"hostBlock": 7}}),
        ("IPBlock", "spec.network") => json!({"network": "other"}),
        ("IPBlock", "spec.node") => json!({"node": "node-2"}),
        ("IPBlock", "spec.interface") => json!({"interface": "eth2"}),
        ("IPBlock", "spec.interfaceIndex") => json!({"interfaceIndex": 3}),
        ("IPBlock", "spec.hostIndex") => json!({"hostIndex": 3}),
        ("IPBlock", "spec.segment") => json!({"segment": "10.0.2.0/24"}),
        ("EgressGateway", "spec.namespace") => json!({"namespace": "other"}),
        ("PodNetwork", "spec.provider") => json!({"provider": "nicety.dev"}),
        ("PodNetwork", "spec.parametersRefs") => json!({"parametersRefs": null}),
        ("PodNetworkAttachment", "spec.podNetworkName") => json!({"podNetworkName": "other"}),
        ("PodNetworkAttachment", "spec.parametersRefs") => {
            json!({"parametersRefs": [{"group": "example.com", "kind": "Net", "name": "x"}]})
        }
        _ => Value::Null,
    }
}

async fn kept() -> anyhow::Result<()> {
    let server = CrdServer::start().await?;
    server.install(&["deploy/crds"]).await?;
    let client = server.client().await?;
    let mut wrong = Vec::new();
    for kind in KINDS.iter().filter(|kind| kind.spec.is_some()) {
        let object: DynamicObject = serde_json::from_value(object(kind.kind, &good(kind.kind)))?;
        api(&client, kind.kind)?.create(&PostParams::default(), &object).await?;
    }
    let try_out = PatchParams { dry_run: true, ..PatchParams::default() };
    for field in IMMUTABLE {
        let path = format!("{}.{}", field.parent, field.field);
        let change = other(field.kind, &path);
        ensure!(!change.is_null(), "{} {path} has no row", field.kind);
        let name = if field.kind == "IPBlock" { "good-0-1" } else { "good" };
        let patch = json!({ "spec": change });
        match api(&client, field.kind)?.patch(name, &try_out, &Patch::Merge(&patch)).await {
            Err(kube::Error::Api(status))
                if status.code == 422
                    && status.message.contains(&field.message())
                    && status.message.contains(&path) =>
            {
                ()
            }
            answer => wrong.push(format!("{} {path}: {answer:?}", field.kind)),
        }
        let old = object(field.kind, &good(field.kind));
        let mut new = good(field.kind);
        merge(&mut new, &change);
        let found = transition(field.kind, &old, &object(field.kind, &new));
        if !found.iter().any(|finding| finding.path == path) {
            wrong.push(format!("{} {path}: the code finds {found:?}", field.kind));
        }
    }
    // What may change does.
    let edits = [
        (
            "Network",
            json!({"routes": [], "namespaces": ["a"], "link": {"mtu": 1500}, "ipam": {"excludeCIDRs": []}, "masterNets": ["10.0.2.0/24"]}),
        ),
        ("IPBlock", json!({"via": ["10.0.1.12"]})),
        ("PodNetwork", json!({"enabled": false})),
    ];
    for (kind, change) in edits {
        let name = if kind == "IPBlock" { "good-0-1" } else { "good" };
        api(&client, kind)?.patch(name, &PatchParams::default(), &Patch::Merge(&json!({ "spec": change }))).await?;
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

async fn without() -> anyhow::Result<()> {
    let server = Servers::start().await?;
    server.install(&["deploy/crds"]).await?;
    let client = server.client().await?;
    for kind in KINDS.iter().filter(|kind| kind.spec.is_some()) {
        create(&client, &object(kind.kind, &good(kind.kind))).await?.with_context(|| kind.kind)?;
    }
    for row in rows::bad() {
        found(&row)?;
    }
    Ok(())
}

async fn examples() -> anyhow::Result<()> {
    let (modern, old) = (CrdServer::start().await?, Servers::start().await?);
    modern.install(&["deploy/crds"]).await?;
    old.install(&["deploy/crds"]).await?;
    let clients = [modern.client().await?, old.client().await?];
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let ours = |document: &Value| document["apiVersion"] == "nicety.dev/v1alpha1";
    for file in EXAMPLES {
        let text = std::fs::read_to_string(root.join(file)).with_context(|| (*file).to_owned())?;
        for document in documents(&text)?.into_iter().filter(ours) {
            let before = live::read(document.clone());
            for client in &clients {
                let stored = create(client, &document).await?.with_context(|| format!("{file}: {document}"))?;
                let after = live::read(serde_json::to_value(stored)?);
                ensure!(before.object == after.object, "{file}: {:?} became {:?}", before.object, after.object);
            }
        }
    }
    // A field that nobody knows is left out by the server, and refused in a file.
    let mut typo = object("Network", &good("Network"));
    typo["spec"]["mastrNets"] = json!([]);
    ensure!(live::read(typo.clone()).object.is_err(), "a file's typing error is not found");
    for client in &clients {
        let stored = serde_json::to_value(create(client, &typo).await??)?;
        ensure!(stored["spec"].get("mastrNets").is_none(), "{stored}");
        ensure!(stored["spec"]["routing"] == "none", "the default is not filled in: {stored}");
    }
    Ok(())
}
