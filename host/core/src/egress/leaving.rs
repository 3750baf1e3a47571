//! Who leaves the cluster by which gateway now, as a whole. Of two such moments the difference is written down as lines of `held`.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{
    held::{Event, Line},
    share::{Gateway, GatewayId, PodKey, Way},
};
use crate::{ids::NodeName, millis::Millis};

/// One gateway for a pod under a policy.
pub type Leaving = BTreeMap<(PodKey, String), By>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    pub addresses: BTreeSet<IpAddr>,
    pub node: NodeName,
    pub gateway: GatewayId,
    pub egress_ips: BTreeSet<IpAddr>,
}

/// The addresses that packets leave with by this gateway, where its way says so.
pub fn egress_ips(gateway: &Gateway) -> BTreeSet<IpAddr> {
    match &gateway.way {
        Way::Addresses { addresses, floats: _ } => addresses.clone(),
        Way::Default | Way::Interface(_) => BTreeSet::new(),
    }
}

/// What to write down: releases first. One that is the same in both is no change.
pub fn changes(before: &Leaving, now: &Leaving, at: Millis) -> Vec<Line> {
    let differs = |key: &(PodKey, String), other: &Leaving, by: &By| other.get(key) != Some(by);
    let gone = before.iter().filter(|(key, by)| differs(key, now, by));
    let come = now.iter().filter(|(key, by)| differs(key, before, by));
    let released = gone.map(|(key, by)| line(key, by, at, Event::Released));
    released.chain(come.map(|(key, by)| line(key, by, at, Event::Held))).collect()
}

/// All of it, for the beginning of a file that is to be whole in itself.
pub fn all(now: &Leaving, at: Millis) -> Vec<Line> {
    now.iter().map(|(key, by)| line(key, by, at, Event::Held)).collect()
}

/// What still holds after these lines, which are in order: where whoever wrote them goes on after a restart.
pub fn open(lines: impl IntoIterator<Item = Line>) -> Leaving {
    let mut open = Leaving::new();
    for one in lines {
        let Line { at: _, policy, namespace, name, uid, addresses, node, gateway, egress_ips, event } = one;
        let key = (PodKey { namespace, name, uid }, policy);
        match event {
            Event::Held => drop(open.insert(key, By { addresses, node, gateway, egress_ips })),
            Event::Released => drop(open.remove(&key)),
        }
    }
    open
}

fn line((pod, policy): &(PodKey, String), by: &By, at: Millis, event: Event) -> Line {
    let PodKey { namespace, name, uid } = pod.clone();
    let By { addresses, node, gateway, egress_ips } = by.clone();
    Line { at, policy: policy.clone(), namespace, name, uid, addresses, node, gateway, egress_ips, event }
}
