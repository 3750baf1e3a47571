//! After a start: what was decided before is in the slices that were written. Without it every pod would be a new one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use nicety_core::{
    egress::share::{Exit, GatewayId, Share, Way},
    ids::NodeName,
};

use super::{Assembly, Given};
use crate::{
    gateways::{Member, Role},
    view::Name,
};

impl Assembly {
    /// `shares`: every node's, as its slices say. After the pods, nodes and policies that are known, before the first recomputation of these
    /// policies: one that has been decided on is left alone. Pods that are not there any longer, or are others by now, are left out.
    pub fn recall(&mut self, shares: &BTreeMap<NodeName, Share>) {
        let mut ids = BTreeMap::new();
        for (node, share) in shares {
            for (id, gateway) in &share.gateways {
                let id = ids.entry(id.clone()).or_insert_with(|| Arc::new(id.clone()));
                // Where it is none of a policy now, it may linger.
                self.gateways.entry(id.clone()).or_insert_with(|| gateway.clone());
                let Way::Addresses { addresses, floats: true } = &gateway.way else { continue };
                if gateway.node == *node {
                    self.homes.extend(addresses.iter().map(|address| (*address, node.clone())));
                }
            }
        }
        for (node, share) in shares {
            let exits = share.endpoints.values().flat_map(|endpoint| endpoint.exits.values());
            let named: BTreeSet<&GatewayId> = exits.flat_map(Exit::candidates).collect();
            for id in share.gateways.keys().filter(|id| !named.contains(id)) {
                ids.get(id).into_iter().for_each(|id| self.lingering.found(node, id.clone()));
            }
        }
        let decided: BTreeSet<String> =
            self.policies.iter().filter(|(_, of)| !of.decided_by.is_empty()).map(|(name, _)| name.clone()).collect();
        let mut counted = Vec::new();
        let mut reasons: BTreeMap<String, Arc<str>> = BTreeMap::new();
        for (key, endpoint) in shares.values().flat_map(|share| &share.endpoints) {
            let name: Name = Arc::new((key.namespace.clone(), key.name.clone()));
            for (policy, exit) in endpoint.exits.iter().filter(|(policy, _)| !decided.contains(*policy)) {
                let pod = self.view.pods.get(&name).filter(|pod| pod.uid == key.uid);
                let id = |id: &Option<_>| id.as_ref().and_then(|id| ids.get(id).cloned());
                let reason = reasons.entry(exit.reason.clone()).or_insert_with(|| exit.reason.as_str().into());
                let Some(pod) = pod.cloned() else { continue };
                let given =
                    Given { pod, primary: id(&exit.primary), standby: id(&exit.standby), reason: reason.clone() };
                let of = self.policies.get_mut(policy).filter(|of| of.captured.contains_key(&name));
                let Some(of) = of else {
                    // The policy went while nobody looked, or is not for this pod any longer.
                    self.lingering.leaves(&name, &given, |_| false);
                    continue;
                };
                counted.push((name.clone(), policy.clone(), given.clone()));
                of.given.insert(name.clone(), given);
            }
        }
        // Those that have pods were active, which is what `maxGateways` asks of the past.
        for of in self.policies.values_mut().filter(|of| of.decided_by.is_empty()) {
            let used: BTreeSet<_> = of.given.values().filter_map(|given| given.primary.clone()).collect();
            of.members = used.into_iter().filter_map(|id| recalled(id, shares)).collect();
        }
        for (name, policy, given) in counted {
            self.count(&name, &policy.as_str().into(), &given, true);
        }
        self.machines = true;
    }
}

fn recalled(id: Arc<GatewayId>, shares: &BTreeMap<NodeName, Share>) -> Option<Member> {
    let gateway = shares.values().find_map(|share| share.gateways.get(&*id))?;
    Some(Member {
        node: gateway.node.clone(),
        gateway: Some((id, gateway.way.clone())),
        role: Role::Active,
        health: Default::default(),
        weight: 1,
        zone: None,
        addresses: Vec::new(),
        region: None,
        carries: Default::default(),
        group: 0,
        why: None,
    })
}
