//! Manifests of the repository, applied as an operator does it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use kube::api::{Api, ApiResource, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use kube::discovery::{self, Scope};
use kube::{Client, ResourceExt};
use serde_json::Value;

use crate::folder::repository;
use crate::wait::{secs, until};

/// The objects of YAML files, or of all files in folders, named from the repository's root. A `kustomization.yaml` is no object.
pub fn manifests(paths: &[&str]) -> anyhow::Result<Vec<Value>> {
    let mut all = Vec::new();
    for path in paths {
        let path = repository().join(path);
        for file in files(&path).with_context(|| format!("cannot read `{}`", path.display()))? {
            let text = std::fs::read_to_string(&file)?;
            all.extend(documents(&text).with_context(|| format!("`{}`", file.display()))?);
        }
    }
    Ok(all)
}

/// The objects of a YAML text.
pub fn documents(text: &str) -> anyhow::Result<Vec<Value>> {
    Ok(nicety_objects::yaml::documents(text)?)
}

fn files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if (name.ends_with(".yaml") || name.ends_with(".yml")) && name != "kustomization.yaml" {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Creates or replaces objects in order (a CRD is waited for); says which kinds this server does not know, and leaves those out.
///
/// Not by server-side apply: a server of 1.20 refuses there the fields of later CRDs that it merely drops otherwise.
pub async fn apply(client: &Client, objects: &[Value]) -> anyhow::Result<Vec<String>> {
    let mut unknown = Vec::new();
    for object in objects {
        let object: DynamicObject = serde_json::from_value(object.clone()).context("not an object of the API")?;
        let types = object.types.clone().context("an object without a kind")?;
        let gvk = GroupVersionKind::try_from(&types)?;
        match discovery::oneshot::pinned_kind(client, &gvk).await {
            Ok((resource, capabilities)) => put(client, &resource, &capabilities.scope, object).await?,
            Err(kube::Error::Api(status)) if status.code != 404 => return Err(kube::Error::Api(status).into()),
            Err(_) => unknown.push(format!("{}/{}", types.api_version, types.kind)),
        }
    }
    Ok(unknown)
}

async fn put(client: &Client, resource: &ApiResource, scope: &Scope, mut object: DynamicObject) -> anyhow::Result<()> {
    let name = object.name_any();
    let namespace = object.namespace().unwrap_or_else(|| "default".to_owned());
    let api: Api<DynamicObject> = match scope {
        Scope::Cluster => Api::all_with(client.clone(), resource),
        Scope::Namespaced => Api::namespaced_with(client.clone(), &namespace, resource),
    };
    let what = format!("{} `{name}`", resource.kind);
    match api.create(&PostParams::default(), &object).await {
        Err(kube::Error::Api(status)) if status.code == 409 => {
            object.metadata.resource_version = api.get(&name).await?.metadata.resource_version;
            api.replace(&name, &PostParams::default(), &object).await.with_context(|| what.clone())?;
        }
        other => drop(other.with_context(|| what.clone())?),
    }
    if resource.kind == "CustomResourceDefinition" {
        until(&format!("{what} is served"), secs(20), async || Ok(established(&api.get(&name).await?))).await?;
    }
    Ok(())
}

fn established(definition: &DynamicObject) -> bool {
    let conditions = definition.data.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|condition| {
        condition.get("type").is_some_and(|kind| kind == "Established")
            && condition.get("status").is_some_and(|status| status == "True")
    })
}
