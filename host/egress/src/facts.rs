//! What a strategy is told: gateways and endpoints as flat lists, in an order that nothing but their names makes.

#![expect(
    clippy::disallowed_types,
    reason = "looked up or sorted, never walked as they lie: no order of theirs is seen"
)]

mod allowed;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    net::IpAddr,
    sync::Arc,
};

use nicety_core::{
    address::Family,
    egress::{
        health,
        share::{GatewayId, Way},
    },
    facts::gateways::{Endpoints, Facts, Gateway, Health, NONE},
    ids::NodeName,
    millis::Millis,
};
use nicety_objects::listed::{Node, Pod};

use crate::{
    gateways::{Member, Role},
    view::{Name, REGION_LABEL, View, ZONE_LABEL, identity},
};

/// `previous`: the gateway that a pod has now, asked of each in their order. The gateways of the facts are the members that are shown, in their order.
pub fn of<'a>(
    policy: &str,
    view: &View,
    members: &[Member],
    endpoints: impl Iterator<Item = (&'a Name, &'a Arc<Pod>)> + Clone,
    mut previous: impl FnMut(&Name, &Pod) -> Option<&'a GatewayId>,
) -> Facts {
    let shown: Vec<&Member> = members.iter().filter(|member| member.is_shown()).collect();
    let tables = Tables::of(view, &shown, endpoints.clone().map(|(_, pod)| &**pod));
    let newest = shown.iter().filter_map(|member| changed(member)).max();
    let gateways: Vec<Gateway> = shown.iter().map(|member| gateway(member, &tables, newest)).collect();
    let places: HashMap<&str, u32> = (0..).zip(&gateways).map(|(place, one)| (one.id.as_str(), place)).collect();
    let destinations = view.policies.get(policy).into_iter().flat_map(|policy| &policy.destinations);
    let wanted = destinations.map(|net| Family::of(net.addr())).collect();
    let allowed = allowed::allowed(&wanted, &shown, endpoints.clone().map(|(_, pod)| &pod.addresses));
    let mut lists = Endpoints::default();
    for (name, pod) in endpoints {
        lists.identity.push(identity(pod));
        lists.uid.push(pod.uid.clone());
        lists.namespace.push(tables.namespaces.get(pod.namespace.as_str()).copied().unwrap_or_default());
        lists.addresses.push(pod.addresses.iter().copied().collect());
        let on = pod.node.as_ref().and_then(|node| tables.nodes.get(node));
        lists.node.push(on.map_or(NONE, |on| on.index));
        lists.zone.push(on.map_or(NONE, |on| on.zone));
        let before = previous(name, pod).and_then(|id| places.get(id.as_str()).copied());
        lists.previous.push(before.unwrap_or(NONE));
    }
    let names = |table: &BTreeMap<&str, u32>| table.keys().map(|name| (*name).to_owned()).collect();
    let region = |name: &Option<&str>| name.and_then(|name| tables.regions.get(name).copied()).unwrap_or(NONE);
    Facts {
        policy: policy.to_owned(),
        nodes: tables.node_names.iter().map(|node| node.to_string()).collect(),
        namespaces: names(&tables.namespaces),
        zones: names(&tables.zones),
        zone_region: tables.region_of.values().map(region).collect(),
        regions: names(&tables.regions),
        gateways,
        endpoints: lists,
        allowed,
        ..Facts::default()
    }
}

/// When its health changed last. Of one that drains nobody knows since when.
fn changed(member: &Member) -> Option<Millis> {
    member.health.since.filter(|_| member.role != Role::Draining)
}

/// The first address is the node's own: by it gateways are ordered where a strategy orders them. `newest`: the last change of any of
/// them, which is the present of these facts. There is no clock in them: the same gateways are the same facts at any time.
fn gateway(member: &Member, tables: &Tables<'_>, newest: Option<Millis>) -> Gateway {
    let own = member.addresses.iter().copied();
    let ways = member.gateway.iter().flat_map(|(_, way)| addresses(way));
    let mut all: Vec<IpAddr> = Vec::new();
    for address in own.chain(ways) {
        if !all.contains(&address) {
            all.push(address);
        }
    }
    Gateway {
        id: member.id().map(|id| id.to_string()).unwrap_or_default(),
        node: tables.nodes.get(&member.node).map_or(NONE, |on| on.index),
        zone: member.zone.as_deref().map_or(NONE, |zone| tables.zone(zone)),
        addresses: all,
        weight: member.weight,
        health: match member.health.health {
            health::Health::Healthy => Health::Healthy,
            health::Health::Unhealthy => Health::Unhealthy,
            health::Health::Unknown => Health::Unknown,
        },
        draining: member.role == Role::Draining,
        since: newest.zip(changed(member)).map(|(newest, changed)| newest.0.saturating_sub(changed.0)),
        attributes: Vec::new(),
    }
}

/// Those that are known beforehand.
pub(crate) fn addresses(way: &Way) -> impl Iterator<Item = IpAddr> + '_ {
    let addresses = match way {
        Way::Addresses { addresses, .. } => Some(addresses),
        Way::Default | Way::Interface(_) => None,
    };
    addresses.into_iter().flatten().copied()
}

fn zone_of(node: &Node) -> Option<&str> {
    node.labels.get(ZONE_LABEL).map(String::as_str)
}

/// Names and their places.
struct Tables<'a> {
    /// In order.
    node_names: Vec<&'a NodeName>,
    /// Each endpoint asks for its node: what is sorted would be compared ten times for that.
    nodes: HashMap<&'a NodeName, On>,
    namespaces: BTreeMap<&'a str, u32>,
    zones: BTreeMap<&'a str, u32>,
    regions: BTreeMap<&'a str, u32>,
    /// Of each zone, as the first node by name says that is in it.
    region_of: BTreeMap<&'a str, Option<&'a str>>,
}

/// Places of a node and of its zone.
struct On {
    index: u32,
    zone: u32,
}

impl<'a> Tables<'a> {
    fn of(view: &'a View, members: &[&'a Member], pods: impl Iterator<Item = &'a Pod>) -> Tables<'a> {
        let (mut nodes, mut namespaces) = (HashSet::new(), HashSet::new());
        for pod in pods {
            nodes.extend(&pod.node);
            namespaces.insert(pod.namespace.as_str());
        }
        nodes.extend(members.iter().map(|member| &member.node));
        let mut nodes: Vec<&NodeName> = nodes.into_iter().collect();
        nodes.sort_unstable();
        let namespaces: BTreeSet<&str> = namespaces.into_iter().collect();
        let mut region_of: BTreeMap<&str, Option<&str>> = BTreeMap::new();
        for node in nodes.iter().filter_map(|name| view.nodes.get(*name)) {
            if let Some(zone) = zone_of(node) {
                let region = node.labels.get(REGION_LABEL).map(String::as_str);
                let known = region_of.entry(zone).or_insert(region);
                *known = known.or(region);
            }
        }
        for zone in members.iter().filter_map(|member| member.zone.as_deref()) {
            region_of.entry(zone).or_insert(None);
        }
        let zones: BTreeMap<&str, u32> = region_of.keys().copied().zip(0..).collect();
        let on = |(index, name): (u32, &&'a NodeName)| {
            let zone = view.nodes.get(*name).and_then(|node| zone_of(node)).and_then(|zone| zones.get(zone));
            (*name, On { index, zone: zone.copied().unwrap_or(NONE) })
        };
        Tables {
            nodes: (0..).zip(&nodes).map(on).collect(),
            node_names: nodes,
            namespaces: namespaces.into_iter().zip(0..).collect(),
            zones,
            regions: {
                let names: BTreeSet<&str> = region_of.values().flatten().copied().collect();
                names.into_iter().zip(0..).collect()
            },
            region_of,
        }
    }

    fn zone(&self, zone: &str) -> u32 {
        self.zones.get(zone).copied().unwrap_or(NONE)
    }
}
