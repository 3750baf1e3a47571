//! What is wanted of this node: from the mirror where there is a cluster, computed here where there is none.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;
use nicety_core::{
    egress::{
        hold::Hold,
        program::{Policy, Wanted},
        share::{PodKey, Share},
    },
    ids::ContainerId,
    plan::Link,
    record::PodRef,
};
use nicety_health::Observed;
use nicety_objects::{EgressPolicy, Set, manifest::Object};

use super::{alone::Alone, capture::Known};
use crate::{cluster::Cluster, node::Node};

/// What runtimes call the one interface whose addresses they tell the cluster.
const TOLD: &str = "eth0";

/// Policies by name.
pub type Policies = BTreeMap<String, EgressPolicy>;

/// Those in force.
pub fn policies(node: &Node) -> Policies {
    match node.source.cluster() {
        // A broken one is as it was before, and so is one that excludes another: they are judged one by one.
        Some(cluster) => {
            let policies = cluster.mirror.egress_policies().into_iter().filter_map(|known| match &*known.object {
                Object::EgressPolicy(policy) => Some((policy.name.clone(), policy.clone())),
                _ => None,
            });
            policies.collect()
        }
        None => node.world().objects.egress_policies.clone(),
    }
}

/// All but who is dead.
pub fn wanted(node: &Node, cluster_cidrs: &[IpNet], alone: &mut Alone, observed: &Observed) -> Wanted {
    let policies = policies(node);
    let share = match node.source.cluster() {
        Some(cluster) => of_slices(cluster),
        None => alone.share(node, observed),
    };
    let held = held(node);
    Wanted {
        share,
        policies: policies.into_iter().map(|(name, policy)| (name, claims(policy))).collect(),
        captured: BTreeMap::new(),
        held,
        cluster: cluster(node, cluster_cidrs),
        dead: BTreeSet::new(),
    }
}

/// Ranges to which no policy applies: as configured, as the controller or the folder knows them from nodes, and the subnets of networks of
/// ours that are on no fabric.
pub fn cluster(node: &Node, configured: &[IpNet]) -> Vec<IpNet> {
    let mut all = configured.to_vec();
    let mut networks = |objects: &Set| {
        let virtual_ones = objects.networks.values().filter(|one| matches!(one.link, Link::VethRouted | Link::Bridge));
        all.extend(virtual_ones.flat_map(|one| one.subnets.iter().copied()));
    };
    let world = node.world();
    networks(&world.objects);
    match node.source.cluster() {
        Some(cluster) => {
            for known in cluster.mirror.egress_slices() {
                if let Object::EgressSlice(slice) = &*known.object {
                    all.extend(&slice.cluster);
                }
            }
            all.extend(cluster.mirror.node_addresses().into_iter().map(IpNet::from));
        }
        None => all.extend(world.objects.nodes.values().flat_map(|node| node.ranges())),
    }
    IpNet::aggregate(&all.iter().map(IpNet::trunc).collect())
}

fn claims(policy: EgressPolicy) -> Policy {
    let EgressPolicy { priority, destinations, excluded, .. } = policy;
    Policy { priority, destinations, excluded }
}

/// Who is held, with the policies by which they are: those may be newer than what the kernel was last told.
pub fn waiting(node: &Node) -> (Vec<Hold>, BTreeMap<String, Policy>) {
    let held = held(node);
    let of = |name: &String| held.iter().any(|held| held.policies.contains(name));
    let policies = policies(node).into_iter().filter(|(name, _)| of(name));
    let policies = policies.map(|(name, policy)| (name, claims(policy))).collect();
    (held, policies)
}

/// One entry for a sandbox, however many attachments it has, by those policies that captured its pod at its ADD and still do: one whose
/// labels no policy wants any more has no assignment that could lift its hold. A pod that is made again has two until the first is gone.
pub fn held(node: &Node) -> Vec<Hold> {
    let policies = policies(node);
    let mut held = begun(node);
    for hold in &mut held {
        let PodKey { namespace, name, uid } = hold.pod.clone();
        if let Some(known) = Known::now(node, &PodRef { namespace, name, uid }) {
            let now = known.captured(hold.policies.iter().filter_map(|name| policies.get(name)));
            hold.policies.retain(|name| now.contains(name));
        }
    }
    held
}

/// As their ADDs were answered.
fn begun(node: &Node) -> Vec<Hold> {
    let mut held: BTreeMap<(PodKey, ContainerId), Hold> = BTreeMap::new();
    for (key, hold) in node.store.holds() {
        let one = held.entry((hold.pod.clone(), key.container)).or_insert_with(|| Hold {
            pod: hold.pod.clone(),
            addresses: BTreeSet::new(),
            beside: BTreeSet::new(),
            policies: BTreeSet::new(),
        });
        let told = if key.ifname.as_str() == TOLD { &mut one.addresses } else { &mut one.beside };
        told.extend(hold.addresses.iter().copied());
        one.policies.extend(hold.policies.iter().cloned());
    }
    held.into_values().collect()
}

/// The node's slices, together.
fn of_slices(cluster: &Cluster) -> Share {
    let slices = cluster.mirror.egress_slices();
    let parts = slices.iter().filter_map(|known| match &*known.object {
        // Two nodes' labels may be alike; the name is not.
        Object::EgressSlice(slice) if slice.node.as_ref() == Some(cluster.mirror.node()) => Some(slice),
        _ => None,
    });
    nicety_egress::slices::unpack(parts)
}

/// This node's own addresses, at most one per family, best first: as it was told, as its Node object says.
pub fn addresses(node: &Node, told: &[IpAddr]) -> Vec<IpAddr> {
    let found = match node.source.cluster() {
        _ if !told.is_empty() => told.to_vec(),
        Some(cluster) => cluster.mirror.node_addresses(),
        None => {
            let world = node.world();
            world.objects.nodes.get(&node.config.node).map(|one| one.addresses.clone()).unwrap_or_default()
        }
    };
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in found {
        if !addresses.iter().any(|known| known.is_ipv4() == address.is_ipv4()) {
            addresses.push(address);
        }
    }
    addresses
}
