//! The watches that egress needs beside those of the cluster itself. Pods, verdicts and strategies are watched once there is an
//! EgressPolicy, and from then on: a cluster without any pays nothing for them.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::{
    Api, Client,
    api::DynamicObject,
    core::ApiResource,
    runtime::watcher::{self, watcher},
};
use nicety_egress::view::Name;
use nicety_k8s::{
    kinds,
    watch::{Cache, Phase},
};
use nicety_objects::{listed, strategies::CONFIG_MAP};
use tokio::{sync::Notify, task::JoinSet};

use super::items::{self, HealthItem, PodItem, PolicyItem, SliceItem, StrategiesItem};
use crate::world::{Members, World, copy};

/// Cheap to clone; all clones are one world.
#[derive(Debug, Clone)]
pub struct EgressWorld {
    cluster: World,
    caches: Arc<Caches>,
}

#[derive(Debug)]
struct Caches {
    /// Waited for by those watches alone that start with the first policy.
    first: Arc<Notify>,
    policies: Cache<Arc<PolicyItem>>,
    slices: Cache<Arc<SliceItem>>,
    healths: Cache<Arc<HealthItem>>,
    pods: Cache<PodItem>,
    strategies: Cache<Arc<StrategiesItem>>,
}

/// What the watches had told at one moment.
#[derive(Debug, Clone, Default)]
pub struct EgressSnapshot {
    pub policies: BTreeMap<String, Arc<PolicyItem>>,
    pub slices: BTreeMap<String, Arc<SliceItem>>,
    pub healths: BTreeMap<String, Arc<HealthItem>>,
    pub pods: BTreeMap<Name, Arc<listed::Pod>>,
    pub strategies: Option<Arc<StrategiesItem>>,
    pub members: Members,
    /// Of what a distribution depends on: equal ones have the same objects.
    pub inputs: [u64; 7],
    /// Of all.
    pub changes: [u64; 2],
}

impl EgressWorld {
    pub fn new(cluster: World) -> EgressWorld {
        let (changed, first) = (cluster.also(), Arc::new(Notify::new()));
        let at = || [changed.clone()];
        let caches = Caches {
            policies: Cache::new("EgressPolicy", [changed.clone(), first.clone()]),
            slices: Cache::new("EgressSlice", at()),
            healths: Cache::new("EgressHealth", at()),
            pods: Cache::new("Pod", at()),
            strategies: Cache::new("ConfigMap", at()),
            first,
        };
        EgressWorld { cluster, caches: Arc::new(caches) }
    }

    /// Keeps all caches up to date until the set of tasks is dropped. `namespace` has the strategies.
    pub fn follow(&self, client: &Client, namespace: &str, tasks: &mut JoinSet<()>) {
        let all = watcher::Config::default;
        let of = |kind: ApiResource| -> Api<DynamicObject> { Api::all_with(client.clone(), &kind) };
        macro_rules! follow {
            ($cache:ident, $stream:expr, $trim:expr) => {{
                let (caches, stream) = (self.caches.clone(), $stream);
                async move { caches.$cache.follow(stream, $trim).await }
            }};
        }
        tasks.spawn(follow!(policies, watcher(of(kinds::egress_policy()), all()), items::policy));
        tasks.spawn(follow!(slices, watcher(of(kinds::egress_slice()), all()), items::slice));
        let pods = of(ApiResource::erase::<Pod>(&()));
        let maps = ApiResource::erase::<ConfigMap>(&());
        let maps: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &maps);
        let one = watcher::Config::default().fields(&format!("metadata.name={CONFIG_MAP}"));
        let healths = follow!(healths, watcher(of(kinds::egress_health()), all()), items::health);
        let pods = follow!(pods, watcher(pods, all()), items::pod);
        let strategies = follow!(strategies, watcher(maps, one), items::strategies);
        let caches = self.caches.clone();
        tasks.spawn(async move {
            while caches.policies.with(BTreeMap::is_empty) {
                caches.first.notified().await;
            }
            tokio::join!(healths, pods, strategies);
        });
    }

    pub async fn changed(&self) {
        self.cluster.also().notified().await;
    }

    /// What a write was answered with.
    pub fn put(&self, object: DynamicObject) {
        let kind = object.types.as_ref().map(|types| types.kind.clone()).unwrap_or_default();
        match kind.as_str() {
            "EgressPolicy" => {
                if let Some((name, seen)) = items::policy(object) {
                    self.caches.policies.put(name, seen);
                }
            }
            "EgressSlice" => {
                if let Some((name, seen)) = items::slice(object) {
                    self.caches.slices.put(name, seen);
                }
            }
            _ => (),
        }
    }

    /// Kinds of which nothing can be said yet. None of them is asked for where there is no policy.
    pub fn missing(&self) -> Vec<&'static str> {
        let Caches { first: _, policies, slices, healths, pods, strategies } = &*self.caches;
        let mut needed = self.cluster.unlisted();
        let own = [(policies.kind(), policies.phase()), (slices.kind(), slices.phase())];
        needed.extend(own.into_iter().filter(|(_, phase)| *phase != Phase::Listed).map(|(kind, _)| kind));
        if !policies.with(BTreeMap::is_empty) {
            let later = [
                (healths.kind(), healths.phase()),
                (pods.kind(), pods.phase()),
                (strategies.kind(), strategies.phase()),
            ];
            needed.extend(later.into_iter().filter(|(_, phase)| *phase != Phase::Listed).map(|(kind, _)| kind));
        }
        needed
    }

    /// Whether anything may have changed since: cheap.
    pub fn changes(&self) -> [u64; 2] {
        let inputs = self.inputs();
        [inputs.iter().sum(), self.caches.slices.changes()]
    }

    fn inputs(&self) -> [u64; 7] {
        let Caches { first: _, policies, slices: _, healths, pods, strategies } = &*self.caches;
        let [nodes, hosts, namespaces] = self.cluster.member_changes();
        [policies.changes(), healths.changes(), pods.changes(), strategies.changes(), nodes, hosts, namespaces]
    }

    /// With a large cluster it takes some tens of milliseconds.
    pub fn snapshot(&self) -> EgressSnapshot {
        // Counted before it is copied: what changes meanwhile is looked at again.
        let (inputs, changes) = (self.inputs(), self.changes());
        let Caches { first: _, policies, slices, healths, pods, strategies } = &*self.caches;
        EgressSnapshot {
            policies: copy(policies),
            slices: copy(slices),
            healths: copy(healths),
            pods: pods.with(|pods| pods.values().map(|seen| seen.value.clone()).collect()),
            strategies: copy(strategies).into_values().next(),
            members: self.cluster.members(),
            inputs,
            changes,
        }
    }
}
