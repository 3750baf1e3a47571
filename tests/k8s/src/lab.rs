//! A cluster with our CRDs, our rules of RBAC and nodes that are objects, and controllers as processes of their own, which call through
//! a proxy as the ServiceAccount that they have when deployed.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use crate::access::Identity;
use crate::apiserver::Servers;
use crate::fleet::Fleet;
use crate::install::apply;
use crate::native::Native;
use crate::process::Process;
use crate::proxy::Proxy;
use crate::wait::until;

/// What an operator applies for the cluster's side.
pub const MANIFESTS: [&str; 3] = ["deploy/crds", "deploy/base/namespace.yaml", "deploy/base/controller-rbac.yaml"];

/// Set for a copy of this program that is to be a controller.
const AS_CONTROLLER: &str = "NICETY_TESTS_CONTROLLER";
/// Where it writes which pods held which addresses.
const AUDIT: &str = "NICETY_TESTS_AUDIT";

pub struct Lab {
    pub servers: Servers,
    /// Between the controllers and the server.
    pub proxy: Proxy,
    pub fleet: Fleet,
    client: Client,
    nics: u8,
    controllers: AtomicU32,
}

impl std::fmt::Debug for Lab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lab").finish_non_exhaustive()
    }
}

/// An IPBlock, as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub name: String,
    pub uid: String,
    pub version: String,
    pub network: String,
    pub node: String,
    pub interface: String,
    pub interface_index: u64,
    pub host_index: u64,
    pub deleting: bool,
}

impl Lab {
    /// With everything applied, and no node.
    pub async fn start(nics: u8) -> anyhow::Result<Self> {
        Self::with(Servers::start().await?, nics).await
    }

    /// On servers of one's own choice.
    pub async fn with(servers: Servers, nics: u8) -> anyhow::Result<Self> {
        let lab = Self::bare(servers, nics).await?;
        let unknown = lab.servers.install(&MANIFESTS).await?;
        anyhow::ensure!(unknown.is_empty(), "the server does not know {unknown:?}");
        Ok(lab)
    }

    /// With nothing applied.
    pub async fn bare(servers: Servers, nics: u8) -> anyhow::Result<Self> {
        let client = servers.client().await?;
        let (proxy, fleet) = (Proxy::start(&servers).await?, Fleet::new(&client, nics));
        Ok(Self { servers, proxy, fleet, client, nics, controllers: AtomicU32::new(0) })
    }

    /// The administrator, who passes by the proxy.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Starts one more controller, which stands by while another holds the lease.
    pub async fn controller(&self) -> anyhow::Result<Process> {
        self.controller_of("nicety-controller").await
    }

    /// Starts one more controller with a lease of its own choice.
    pub async fn controller_of(&self, lease: &str) -> anyhow::Result<Process> {
        let identity = self.servers.service_account("nicety-system", "nicety-controller").await?;
        self.controller_as(&identity, lease)
    }

    /// Starts one more controller as somebody else.
    pub fn controller_as(&self, identity: &Identity, lease: &str) -> anyhow::Result<Process> {
        let name = format!("controller-{}", self.controllers.fetch_add(1, Ordering::Relaxed));
        let kubeconfig = self.servers.path(&format!("{name}.kubeconfig"));
        identity.via(&self.proxy).kubeconfig(&kubeconfig)?;
        let arguments: [OsString; 3] = [kubeconfig.into(), name.clone().into(), lease.into()];
        let log = self.servers.path(&format!("{name}.log"));
        let program = std::env::current_exe()?;
        let audit = self.audit().to_string_lossy().into_owned();
        Process::start(&program, arguments, [(AS_CONTROLLER, "1".to_owned()), (AUDIT, audit)], &log)
    }

    /// Where all controllers write which pods held which addresses.
    pub fn audit(&self) -> std::path::PathBuf {
        self.servers.path("audit")
    }

    /// Applies a Network over the first NICs of all nodes, with room for 4 NICs and `2^host_block` nodes.
    pub async fn network(&self, name: &str, subnet: &str, host_block: u8) -> anyhow::Result<()> {
        apply(&self.client, &[self.network_object(name, subnet, host_block)]).await?;
        Ok(())
    }

    pub fn network_object(&self, name: &str, subnet: &str, host_block: u8) -> Value {
        let masters: Vec<String> = (0..self.nics).map(|nic| format!("10.{nic}.0.0/16")).collect();
        json!({
            "apiVersion": "nicety.dev/v1alpha1",
            "kind": "Network",
            "metadata": {"name": name},
            "spec": {
                "subnets": [subnet],
                "masterNets": masters,
                "link": {"kind": "macvlan"},
                "ipam": {"type": "blocks", "interfaceBlock": 2, "hostBlock": host_block},
            },
        })
    }

    /// All IPBlocks there are.
    pub async fn blocks(&self) -> anyhow::Result<Vec<Block>> {
        let all = objects(&self.client, "IPBlock").list(&ListParams::default()).await?;
        all.items.iter().map(Block::of).collect()
    }

    /// Waits until each of so many nodes has a block for each NIC of so many networks, and none has more; the blocks.
    pub async fn settled(&self, networks: usize, nodes: usize, patience: Duration) -> anyhow::Result<Vec<Block>> {
        let wanted = networks * nodes * usize::from(self.nics);
        let mut last = Vec::new();
        let what = format!("{wanted} blocks");
        let waited = until(&what, patience, async || {
            last = self.blocks().await?;
            Ok(last.len() == wanted && last.iter().all(|block| !block.deleting))
        });
        waited.await.with_context(|| format!("{} blocks", last.len()))?;
        sound(&last)?;
        Ok(last)
    }
}

/// Objects of one of our kinds, in all the cluster.
pub fn objects(client: &Client, kind: &str) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("nicety.dev", "v1alpha1", kind));
    Api::all_with(client.clone(), &kind)
}

/// Every block is named by what it holds, no NIC has two of one network, and one segment has one interface index.
pub fn sound(blocks: &[Block]) -> anyhow::Result<()> {
    let mut owners = BTreeSet::new();
    let mut indexes: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for block in blocks {
        let name = format!("{}-{}-{}", block.network, block.interface_index, block.host_index);
        anyhow::ensure!(block.name == name, "`{}` holds what `{name}` should", block.name);
        let owner = (&block.network, &block.node, &block.interface);
        anyhow::ensure!(owners.insert(owner), "two blocks for {owner:?}");
        // Each NIC of the fleet is in the segment of its name.
        let index = *indexes.entry((&block.network, &block.interface)).or_insert(block.interface_index);
        anyhow::ensure!(index == block.interface_index, "`{}` has another index than its segment, {index}", block.name);
    }
    Ok(())
}

impl Block {
    fn of(object: &DynamicObject) -> anyhow::Result<Self> {
        let spec = object.data.get("spec").context("a block without a spec")?;
        let text = |field: &str| spec.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |field: &str| spec.get(field).and_then(Value::as_u64).with_context(|| format!("no `{field}`"));
        Ok(Self {
            name: object.name_any(),
            uid: object.uid().unwrap_or_default(),
            version: object.resource_version().unwrap_or_default(),
            network: text("network"),
            node: text("node"),
            interface: text("interface"),
            interface_index: number("interfaceIndex")?,
            host_index: number("hostIndex")?,
            deleting: object.metadata.deletion_timestamp.is_some(),
        })
    }
}

/// For the `main` of a program that uses [`Lab`]: when it is a copy that is to be a controller, it is one until it is ended.
pub fn controller_instead() -> Option<ExitCode> {
    std::env::var_os(AS_CONTROLLER)?;
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().unwrap_or_default();
    let mut egress = nicety_controller::egress::Config::new(Arc::new(Native));
    egress.audit = std::env::var_os(AUDIT).map(Into::into);
    let config = nicety_controller::Config {
        kubeconfig: Some(next().into()),
        identity: next(),
        lease: next(),
        egress: Some(egress),
        ..nicety_controller::Config::default()
    };
    let filter = tracing_subscriber::EnvFilter::new("info");
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().ok()?;
    let ended = runtime.block_on(nicety_controller::run(config));
    Some(ended.map_or_else(
        |error| {
            tracing::error!(error = format!("{error:#}"), "the controller ended");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    ))
}
