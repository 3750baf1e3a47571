//! The watches: one cache per kind, all of which wake the same sleeper.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::api::core::v1::{Namespace, Node};
use kube::{
    Api, Client,
    api::DynamicObject,
    core::{ApiResource, PartialObjectMeta},
    runtime::watcher::{self, watcher},
};
use nicety_k8s::{
    kinds,
    watch::{Cache, Phase},
};
use nicety_objects::render::NETWORK_LABEL;
use tokio::{sync::Notify, task::JoinSet};

use crate::{
    items::{self, BlockItem, HostItem, MadeItem, NamespaceItem, NetworkItem, NodeItem},
    snapshot::Snapshot,
};

/// Cheap to clone; all clones are one world.
#[derive(Debug, Clone)]
pub struct World(Arc<Caches>);

#[derive(Debug)]
struct Caches {
    changed: Arc<Notify>,
    /// Who looks at nodes and namespaces for another purpose.
    also: Arc<Notify>,
    networks: Cache<Arc<NetworkItem>>,
    hosts: Cache<Arc<HostItem>>,
    blocks: Cache<Arc<BlockItem>>,
    nodes: Cache<Arc<NodeItem>>,
    namespaces: Cache<Arc<NamespaceItem>>,
    attachments: Cache<Arc<MadeItem>>,
    sriov_policies: Cache<Arc<MadeItem>>,
    sriov_networks: Cache<Arc<MadeItem>>,
}

impl World {
    pub fn new() -> World {
        let (changed, also) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let at = || [changed.clone()];
        let both = || [changed.clone(), also.clone()];
        World(Arc::new(Caches {
            networks: Cache::new("Network", at()),
            hosts: Cache::new("HostInterface", both()),
            blocks: Cache::new("IPBlock", at()),
            nodes: Cache::new("Node", both()),
            namespaces: Cache::new("Namespace", both()),
            attachments: Cache::new("NetworkAttachmentDefinition", at()),
            sriov_policies: Cache::new("SriovNetworkNodePolicy", at()),
            sriov_networks: Cache::new("SriovNetwork", at()),
            changed,
            also,
        }))
    }

    /// Keeps all caches up to date until the set of tasks is dropped.
    pub fn follow(&self, client: &Client) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let all = watcher::Config::default;
        let made = || watcher::Config::default().labels(NETWORK_LABEL);
        let of = |kind: ApiResource| -> Api<DynamicObject> { Api::all_with(client.clone(), &kind) };
        macro_rules! follow {
            ($cache:ident, $stream:expr, $trim:expr) => {
                let (world, stream) = (self.0.clone(), $stream);
                tasks.spawn(async move { world.$cache.follow(stream, $trim).await });
            };
        }
        follow!(networks, watcher(of(kinds::network()), all()), items::network);
        follow!(hosts, watcher(of(kinds::host_interface()), all()), items::host);
        follow!(blocks, watcher(of(kinds::ip_block()), all()), items::block);
        follow!(nodes, watcher(Api::<Node>::all(client.clone()), all()), items::node);
        follow!(namespaces, watcher(Api::<PartialObjectMeta<Namespace>>::all(client.clone()), all()), items::namespace);
        follow!(attachments, watcher(of(kinds::attachment_definition()), made()), items::made);
        follow!(sriov_policies, watcher(of(kinds::sriov_node_policy()), made()), items::made);
        follow!(sriov_networks, watcher(of(kinds::sriov_network()), made()), items::made);
        tasks
    }

    pub async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// Notified when nodes, their NICs or namespaces change; one waiter.
    pub fn also(&self) -> Arc<Notify> {
        self.0.also.clone()
    }

    /// Of what nodes are and of namespaces: kinds that have not been listed.
    pub fn unlisted(&self) -> Vec<&'static str> {
        let Caches { hosts, nodes, namespaces, .. } = &*self.0;
        let all =
            [(nodes.kind(), nodes.phase()), (hosts.kind(), hosts.phase()), (namespaces.kind(), namespaces.phase())];
        all.into_iter().filter(|(_, phase)| *phase != Phase::Listed).map(|(kind, _)| kind).collect()
    }

    /// How often nodes, their NICs and namespaces have changed.
    pub fn member_changes(&self) -> [u64; 3] {
        let Caches { hosts, nodes, namespaces, .. } = &*self.0;
        [nodes.changes(), hosts.changes(), namespaces.changes()]
    }

    pub fn members(&self) -> Members {
        let Caches { hosts, nodes, namespaces, .. } = &*self.0;
        Members { nodes: copy(nodes), hosts: copy(hosts), namespaces: copy(namespaces) }
    }

    /// What a write was answered with.
    pub fn put(&self, object: DynamicObject) {
        let kind = object.types.as_ref().map(|types| types.kind.clone()).unwrap_or_default();
        let caches = &self.0;
        macro_rules! put {
            ($cache:ident, $trim:expr) => {
                if let Some((name, seen)) = $trim(object) {
                    caches.$cache.put(name, seen);
                }
            };
        }
        match kind.as_str() {
            "Network" => put!(networks, items::network),
            "IPBlock" => put!(blocks, items::block),
            "NetworkAttachmentDefinition" => put!(attachments, items::made),
            "SriovNetworkNodePolicy" => put!(sriov_policies, items::made),
            "SriovNetwork" => put!(sriov_networks, items::made),
            "Node" => {
                if let Ok(node) = serde_json::to_value(object).and_then(serde_json::from_value) {
                    if let Some((name, seen)) = items::node(node) {
                        caches.nodes.put(name, seen);
                    }
                }
            }
            _ => (),
        }
    }

    /// None: not all kinds have been listed yet, so that what is missing from the caches may be on the server. With why not.
    pub fn snapshot(&self) -> Result<Snapshot, Vec<&'static str>> {
        let missing = self.missing();
        if !missing.is_empty() {
            return Err(missing);
        }
        let Caches { networks, hosts, blocks, nodes, namespaces, attachments, sriov_policies, sriov_networks, .. } =
            &*self.0;
        Ok(Snapshot {
            networks: copy(networks),
            hosts: copy(hosts),
            blocks: copy(blocks),
            nodes: copy(nodes),
            namespaces: copy(namespaces),
            attachments: served(attachments),
            sriov_policies: served(sriov_policies),
            sriov_networks: served(sriov_networks),
        })
    }

    /// Kinds of which nothing can be said yet. Others' kinds may be absent; ours and Kubernetes' own may not.
    pub fn missing(&self) -> Vec<&'static str> {
        let Caches { networks, hosts, blocks, nodes, namespaces, attachments, sriov_policies, sriov_networks, .. } =
            &*self.0;
        let needed = [
            (networks.kind(), networks.phase()),
            (hosts.kind(), hosts.phase()),
            (blocks.kind(), blocks.phase()),
            (nodes.kind(), nodes.phase()),
            (namespaces.kind(), namespaces.phase()),
        ];
        let others = [
            (attachments.kind(), attachments.phase()),
            (sriov_policies.kind(), sriov_policies.phase()),
            (sriov_networks.kind(), sriov_networks.phase()),
        ];
        let needed = needed.into_iter().filter(|(_, phase)| *phase != Phase::Listed);
        // One that cannot be listed for another reason than that it is not served holds nothing else back.
        let others = others.into_iter().filter(|(_, phase)| *phase == Phase::Unknown);
        let failing = self.failing_others();
        needed.chain(others.filter(|(kind, _)| !failing.contains(kind))).map(|(kind, _)| kind).collect()
    }

    fn failing_others(&self) -> Vec<&'static str> {
        let caches = &self.0;
        let others = [&caches.attachments, &caches.sriov_policies, &caches.sriov_networks];
        others.into_iter().filter(|cache| cache.failure().is_some()).map(Cache::kind).collect()
    }
}

/// What nodes are, and namespaces: by name.
#[derive(Debug, Clone, Default)]
pub struct Members {
    pub nodes: BTreeMap<String, Arc<NodeItem>>,
    pub hosts: BTreeMap<String, Arc<HostItem>>,
    pub namespaces: BTreeMap<String, Arc<NamespaceItem>>,
}

impl Default for World {
    fn default() -> World {
        World::new()
    }
}

pub(crate) fn copy<T: Clone + PartialEq>(cache: &Cache<T>) -> BTreeMap<String, T> {
    cache.with(|objects| objects.iter().map(|(name, seen)| (name.clone(), seen.value.clone())).collect())
}

fn served<T: Clone + PartialEq>(cache: &Cache<T>) -> Option<BTreeMap<String, T>> {
    (cache.phase() == Phase::Listed).then(|| copy(cache))
}
