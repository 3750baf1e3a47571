//! Objects for the SR-IOV network operator, where its kinds are served.

use std::collections::{BTreeMap, BTreeSet};

use kube::core::ApiResource;
use nicety_core::ids::IfName;
use nicety_k8s::{Place, kinds};
use nicety_objects::{
    Network,
    render::{Owner, sriov::Sriov},
};
use serde_json::Value;

use super::{Look, attachments::is};
use crate::{
    force::Standing,
    items::MadeItem,
    write::{Act, Write},
};

type There = Option<BTreeMap<String, std::sync::Arc<MadeItem>>>;

impl Look<'_> {
    pub(super) fn operator(&self, standings: &BTreeMap<String, Standing>, writes: &mut Vec<Write>) {
        let (mut policies, mut networks) = (BTreeMap::new(), BTreeMap::new());
        let mut frozen = BTreeSet::new();
        for (name, standing) in standings {
            let Some(item) = self.snapshot.networks.get(name).filter(|item| !item.head.deleting) else { continue };
            let Some(force) = &standing.force else {
                frozen.insert(name.as_str());
                continue;
            };
            let owner = Owner { network: &force.network, uid: &item.head.uid };
            let Some(sriov) = Sriov::of(owner, &self.settings.sriov_namespace) else { continue };
            networks.insert(sriov.name(), (name.as_str(), sriov.network()));
            match sriov.node_policy(&self.functions(&force.network)) {
                Some(policy) => drop(policies.insert(sriov.name(), (name.as_str(), policy))),
                // Of which NICs is not known at the moment: a policy that is there stays.
                None => drop(frozen.insert(name.as_str())),
            }
        }
        self.kept(&self.snapshot.sriov_policies, &kinds::sriov_node_policy(), &policies, &frozen, writes);
        self.kept(&self.snapshot.sriov_networks, &kinds::sriov_network(), &networks, &frozen, writes);
    }

    /// The NICs that carry the network, by name, on whichever node.
    fn functions(&self, network: &Network) -> BTreeSet<IfName> {
        let hosts = self.members.values().filter_map(|member| member.host.as_ref()?.nics.as_ref());
        hosts.flat_map(|nics| nics.pool(network)).filter_map(|nic| nic.name.parse().ok()).collect()
    }

    fn kept(
        &self,
        there: &There,
        kind: &ApiResource,
        wanted: &BTreeMap<String, (&str, Value)>,
        frozen: &BTreeSet<&str>,
        writes: &mut Vec<Write>,
    ) {
        let Some(there) = there else { return };
        let namespace = self.settings.sriov_namespace.as_str();
        let at = |name: &str| {
            (format!("{} {namespace}/{name}", kind.kind), Place::in_namespace(kind.clone(), namespace, name))
        };
        for (name, (network, object)) in wanted {
            let (key, place) = at(name);
            match there.get(&format!("{namespace}/{name}")) {
                None => writes.push(Write::new(key, Act::Make(place, object.clone())).of(network)),
                Some(made) if !is(made, object) => {
                    writes.push(Write::new(key, Act::Apply(place, object.clone())).of(network));
                }
                Some(_) => (),
            }
        }
        for (key, made) in
            there.iter().filter(|(_, made)| !made.head.deleting && !frozen.contains(made.network.as_str()))
        {
            let Some((place_namespace, name)) = key.split_once('/') else { continue };
            if place_namespace == namespace && !wanted.contains_key(name) {
                let (key, place) = at(name);
                writes.push(Write::new(key, Act::Delete(place, made.head.uid.clone())).of(&made.network));
            }
        }
    }
}
