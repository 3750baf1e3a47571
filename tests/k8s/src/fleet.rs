//! Nodes that are objects alone: what kubelets and daemons would publish of them, without either. Every one has the same number of NICs;
//! NIC `K` of all nodes is in `10.K.0.0/16`.

use anyhow::Context;
use k8s_openapi::api::core::v1::Node;
use kube::Client;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Requests under way at once.
const AT_ONCE: usize = 16;

#[derive(Clone)]
pub struct Fleet {
    nodes: Api<Node>,
    interfaces: Api<DynamicObject>,
    nics: u8,
}

impl std::fmt::Debug for Fleet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fleet").field("nics", &self.nics).finish_non_exhaustive()
    }
}

impl Fleet {
    /// Written by `client`, which may do so.
    pub fn new(client: &Client, nics: u8) -> Self {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("nicety.dev", "v1alpha1", "HostInterface"));
        Self { nodes: Api::all(client.clone()), interfaces: Api::all_with(client.clone(), &kind), nics }
    }

    pub fn name(index: u16) -> String {
        format!("node-{index:05}")
    }

    /// These nodes are there, with their NICs, when this returns.
    pub async fn join(&self, indexes: impl IntoIterator<Item = u16>) -> anyhow::Result<()> {
        self.each(indexes, |fleet, index| async move { fleet.join_one(index).await }).await
    }

    /// These nodes are deleted, and what their daemons had published with them.
    pub async fn leave(&self, indexes: impl IntoIterator<Item = u16>) -> anyhow::Result<()> {
        self.each(indexes, |fleet, index| async move {
            let name = Self::name(index);
            fleet.interfaces.delete(&name, &DeleteParams::default()).await?;
            fleet.nodes.delete(&name, &DeleteParams::default()).await?;
            Ok(())
        })
        .await
    }

    /// What the daemon of a node would publish.
    pub fn host_interface(&self, index: u16) -> Value {
        let [high, low] = index.to_be_bytes();
        let nic = |nic: u8| {
            json!({
                "name": format!("eth{nic}"),
                "netAddresses": [format!("10.{nic}.0.0/16")],
                "addresses": [format!("10.{nic}.{high}.{low}/16")],
                "mac": format!("02:00:00:{nic:02x}:{high:02x}:{low:02x}"),
                "mtu": 1500,
            })
        };
        json!({
            "apiVersion": "nicety.dev/v1alpha1",
            "kind": "HostInterface",
            "metadata": {"name": Self::name(index)},
            "spec": {"interfaces": (0..self.nics).map(nic).collect::<Vec<_>>()},
        })
    }

    async fn join_one(&self, index: u16) -> anyhow::Result<()> {
        let node = json!({"metadata": {"name": Self::name(index)}});
        self.nodes.create(&PostParams::default(), &serde_json::from_value(node)?).await.context("Node")?;
        let interfaces = serde_json::from_value(self.host_interface(index))?;
        self.interfaces.create(&PostParams::default(), &interfaces).await.context("HostInterface")?;
        Ok(())
    }

    async fn each<F: Future<Output = anyhow::Result<()>> + Send + 'static>(
        &self,
        indexes: impl IntoIterator<Item = u16>,
        act: impl Fn(Self, u16) -> F,
    ) -> anyhow::Result<()> {
        let mut running = JoinSet::new();
        for index in indexes {
            if running.len() >= AT_ONCE {
                running.join_next().await.transpose()?.transpose()?;
            }
            running.spawn(act(self.clone(), index));
        }
        while let Some(outcome) = running.join_next().await {
            outcome??;
        }
        Ok(())
    }
}
