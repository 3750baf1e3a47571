//! Policies of which this controller has never seen a version that it can read: what slices say of them stays as it is for as long as the
//! policy is there. A bad edit, or one of a later release, freezes that policy alone, also when the controller is another by now. Pods that
//! go are taken out; pods that come have no gateway.

use std::collections::{BTreeMap, BTreeSet};

use nicety_core::{
    egress::{
        leaving::{By, Leaving, egress_ips},
        share::{Endpoint, Exit, Gateway, GatewayId, PodKey, Share, Way},
    },
    ids::NodeName,
};

/// What stays, by node.
#[derive(Debug, Default)]
pub struct Frozen {
    shares: BTreeMap<NodeName, Share>,
}

impl Frozen {
    /// `shares`: of all, as slices say. Kept is what concerns these policies.
    pub fn of(shares: &BTreeMap<NodeName, Share>, policies: &BTreeSet<String>) -> Frozen {
        let mut frozen = Frozen { shares: shares.clone() };
        frozen.only(|policy| policies.contains(policy));
        frozen
    }

    pub fn is_empty(&self) -> bool {
        self.shares.is_empty()
    }

    pub fn has(&self, node: &NodeName) -> bool {
        self.shares.contains_key(node)
    }

    /// What is kept for a node, beside the rest of its part.
    pub fn beside(&self, node: &NodeName, mut share: Share) -> Share {
        let Some(kept) = self.shares.get(node) else { return share };
        for (pod, endpoint) in &kept.endpoints {
            let fresh = || Endpoint { addresses: endpoint.addresses.clone(), exits: BTreeMap::new() };
            let exits = endpoint.exits.iter().map(|(policy, exit)| (policy.clone(), exit.clone()));
            share.endpoints.entry(pod.clone()).or_insert_with(fresh).exits.extend(exits);
        }
        for (id, gateway) in &kept.gateways {
            share.gateways.entry(id.clone()).or_insert_with(|| gateway.clone());
        }
        for (sender, addresses) in &kept.senders {
            share.senders.entry(sender.clone()).or_insert_with(|| addresses.clone());
        }
        for (watched, address) in &kept.watches {
            share.watches.entry(watched.clone()).or_insert(*address);
        }
        share
    }

    /// Policies that are read now, or are gone, are no longer kept here. What was kept of them, as slices would say it, and the nodes
    /// that have another part now.
    pub fn release(&mut self, policies: &BTreeSet<String>) -> (BTreeMap<NodeName, Share>, BTreeSet<NodeName>) {
        let mut released = Frozen { shares: self.shares.clone() };
        released.only(|policy| !policies.contains(policy));
        (released.shares, self.changed(|kept| kept.only(|policy| policies.contains(policy))))
    }

    /// Takes out what is not there any longer; returns the nodes that have another part now. `pods`: whether the pod is on this node still.
    pub fn keep(
        &mut self,
        nodes: impl Fn(&NodeName) -> bool,
        pods: impl Fn(&NodeName, &PodKey) -> bool,
    ) -> BTreeSet<NodeName> {
        self.changed(|kept| {
            kept.shares.retain(|node, share| {
                share.endpoints.retain(|pod, _| pods(node, pod));
                nodes(node)
            });
            kept.only(|_| true);
        })
    }

    /// Gives way to gateways that are decided on: of two tunnels of one number into one node, or one floating address on two nodes, the one
    /// that is kept here goes, and its pods' packets are dropped. Returns the nodes that have another part now.
    pub fn give_way(&mut self, decided: &BTreeMap<GatewayId, Gateway>) -> BTreeSet<NodeName> {
        let clashes = |id: &GatewayId, gateway: &Gateway| {
            decided.iter().any(|(other, one)| {
                let number = one.node == gateway.node && one.vni == gateway.vni && other != id;
                number || (one.node != gateway.node && floating(one).any(|address| has(gateway, address)))
            })
        };
        let all = self.shares.values().flat_map(|share| &share.gateways);
        let gone: BTreeSet<GatewayId> = all.filter(|(id, one)| clashes(id, one)).map(|(id, _)| id.clone()).collect();
        if gone.is_empty() {
            return BTreeSet::new();
        }
        self.changed(|kept| {
            let endpoints = kept.shares.values_mut().flat_map(|share| share.endpoints.values_mut());
            for exit in endpoints.flat_map(|endpoint| endpoint.exits.values_mut()) {
                exit.primary.take_if(|id| gone.contains(id));
                exit.standby.take_if(|id| gone.contains(id));
            }
            kept.only(|_| true);
        })
    }

    /// Pods of a policy that keep a gateway.
    pub fn count(&self, policy: &str) -> u32 {
        let endpoints = self.shares.values().flat_map(|share| share.endpoints.values());
        let exits = endpoints.filter_map(|endpoint| endpoint.exits.get(policy));
        u32::try_from(exits.filter(|exit| exit.primary.is_some()).count()).unwrap_or(u32::MAX)
    }

    /// Who leaves by what is kept here.
    pub fn leaving(&self) -> Leaving {
        let mut leaving = Leaving::new();
        for (node, share) in &self.shares {
            for (pod, Endpoint { addresses, exits }) in &share.endpoints {
                for (policy, exit) in exits {
                    let Some((id, gateway)) = exit.primary.as_ref().and_then(|id| share.gateways.get_key_value(id))
                    else {
                        continue;
                    };
                    let (addresses, node, gateway_id) = (addresses.clone(), node.clone(), id.clone());
                    let by = By { addresses, node, gateway: gateway_id, egress_ips: egress_ips(gateway) };
                    leaving.insert((pod.clone(), policy.clone()), by);
                }
            }
        }
        leaving
    }

    /// Keeps the exits of these policies, and of gateways, ways back and watches those that they need.
    fn only(&mut self, policies: impl Fn(&str) -> bool) {
        for share in self.shares.values_mut() {
            share.endpoints.retain(|_, endpoint| {
                endpoint.exits.retain(|policy, _| policies(policy));
                !endpoint.exits.is_empty()
            });
        }
        // By gateway's node, the nodes that send to it.
        let mut sends: BTreeMap<NodeName, BTreeSet<NodeName>> = BTreeMap::new();
        let mut used = BTreeSet::new();
        for (node, share) in &self.shares {
            let exits = share.endpoints.values().flat_map(|endpoint| endpoint.exits.values());
            for id in exits.flat_map(Exit::candidates) {
                let Some(gateway) = share.gateways.get(id) else { continue };
                if used.insert((node.clone(), id.clone())) {
                    sends.entry(gateway.node.clone()).or_default().insert(node.clone());
                    used.insert((gateway.node.clone(), id.clone()));
                }
            }
        }
        let nobody = BTreeSet::new();
        self.shares.retain(|node, share| {
            share.gateways.retain(|id, _| used.contains(&(node.clone(), id.clone())));
            let senders = sends.get(node).unwrap_or(&nobody);
            share.senders.retain(|sender, _| senders.contains(sender));
            share.watches.retain(|watched, _| sends.contains_key(watched));
            !share.is_empty()
        });
    }

    fn changed(&mut self, change: impl FnOnce(&mut Frozen)) -> BTreeSet<NodeName> {
        let before = self.shares.clone();
        change(self);
        let all = before.keys().chain(self.shares.keys());
        all.filter(|node| before.get(*node) != self.shares.get(*node)).cloned().collect()
    }
}

fn floating(gateway: &Gateway) -> impl Iterator<Item = std::net::IpAddr> + '_ {
    let addresses = match &gateway.way {
        Way::Addresses { addresses, floats: true } => Some(addresses),
        Way::Addresses { .. } | Way::Default | Way::Interface(_) => None,
    };
    addresses.into_iter().flatten().copied()
}

fn has(gateway: &Gateway, address: std::net::IpAddr) -> bool {
    matches!(&gateway.way, Way::Addresses { addresses, floats: true } if addresses.contains(&address))
}

#[cfg(test)]
mod tests;
