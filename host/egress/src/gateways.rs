//! Which gateways a policy has: its groups, the nodes that match them, and the ways out that those have.

mod ways;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use nicety_core::{
    address::Family,
    egress::{
        health::{Health, Standing},
        share::{GatewayId, Way},
    },
    ids::NodeName,
};
use nicety_objects::{EgressPolicy, egress_policy::GatewayGroup, listed::Node};

use crate::view::{EGRESS_LABEL, REGION_LABEL, View, ZONE_LABEL};

/// A gateway of one policy: a node, and its way if it has one. All that strategies are told of it is here: where two are the same, nothing is
/// to be decided anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub node: NodeName,
    /// None: the node matches and has no way out for this policy.
    pub gateway: Option<(Arc<GatewayId>, Way)>,
    pub role: Role,
    pub health: Standing,
    pub weight: u32,
    /// The group's own, else the node's.
    pub zone: Option<String>,
    /// The node's own, by the first of which gateways are ordered where a strategy orders them.
    pub addresses: Vec<IpAddr>,
    /// Of the node.
    pub region: Option<String>,
    /// Families of the addresses that it leaves with; both where that is not known.
    pub carries: BTreeSet<Family>,
    /// Place of the group in the policy.
    pub group: usize,
    /// Why it is not active.
    pub why: Option<Why>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Takes endpoints.
    Active,
    /// Keeps those that it has.
    Draining,
    /// Takes none.
    Standby,
}

/// Why a gateway takes no endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    Unhealthy,
    Cordoned,
    Deleting,
    Labelled,
    /// `maxGateways` others are.
    Enough,
    /// None of the group's addresses is on the node.
    AddressMissing,
    /// What the node's HostInterface says of the group's interface.
    InterfaceMissing,
    InterfaceDown,
    /// It has no address that packets could leave with.
    InterfaceBare,
    /// All of the group's floating addresses are on others.
    NoneLeft,
    /// Another policy has the floating address on another node.
    AddressTaken,
}

impl Why {
    pub fn words(self) -> &'static str {
        match self {
            Why::Unhealthy => "its observers say that it is dead",
            Why::Cordoned => "draining: the node is cordoned",
            Why::Deleting => "draining: the node is being deleted",
            Why::Labelled => "draining: the node's label says so",
            Why::Enough => "stands by: as many others are active as `maxGateways` says",
            Why::AddressMissing => "none of the group's egress addresses is on the node",
            Why::InterfaceMissing => "the node has no such interface",
            Why::InterfaceDown => "the node's interface is down",
            Why::InterfaceBare => "the node's interface has no address to leave with",
            Why::NoneLeft => "stands by: all floating addresses of the group are on other nodes",
            Why::AddressTaken => "the floating address is on another node for another policy",
        }
    }
}

/// What was before, which gateways keep where they can.
#[derive(Debug, Clone, Default)]
pub struct Before {
    /// Where floating addresses are.
    pub homes: BTreeMap<IpAddr, NodeName>,
    /// Active gateways of the policy.
    pub active: BTreeSet<Arc<GatewayId>>,
    /// Floating addresses on nodes that drain, with which pods leave still.
    pub needed: BTreeSet<IpAddr>,
}

impl Member {
    pub fn id(&self) -> Option<&Arc<GatewayId>> {
        self.gateway.as_ref().map(|(id, _)| id)
    }

    /// Whether strategies see it: those that stand by are none of their business.
    pub fn is_shown(&self) -> bool {
        self.gateway.is_some() && (self.role != Role::Standby || self.why == Some(Why::Unhealthy))
    }

    pub fn is_usable(&self) -> bool {
        self.gateway.is_some() && self.health.health != Health::Unhealthy
    }
}

/// The policy's gateways: by group, then by node and way. `taken`: floating addresses that policies before have placed in this turn.
pub fn resolve(
    policy: &EgressPolicy,
    view: &View,
    before: &Before,
    taken: &mut BTreeMap<IpAddr, NodeName>,
) -> Vec<Member> {
    let mut seen = BTreeSet::new();
    let mut members = Vec::new();
    for (place, group) in policy.gateways.iter().enumerate() {
        let mut of_group = ways::of_group(place, group, policy, view, before, taken);
        // A node that two groups match is a gateway of the first, as far as it leaves the same way.
        of_group.retain(|member| match member.id() {
            Some(id) => seen.insert(id.clone()),
            None => true,
        });
        active(&mut of_group, group, view, before);
        members.extend(of_group);
    }
    members
}

/// Of those that could be, `maxGateways` are active: those that are not known to be not ready, those that were, the first by name.
fn active(members: &mut [Member], group: &GatewayGroup, view: &View, before: &Before) {
    let Some(most) = group.active else { return };
    let not_ready = |member: &Member| {
        let ready = view.nodes.get(&member.node).and_then(|node| node.ready);
        member.health.health == Health::Unknown && ready == Some(false)
    };
    let could = members.iter().enumerate().filter(|(_, member)| member.role == Role::Active);
    let mut order: Vec<(bool, bool, Arc<GatewayId>, usize)> = could
        .filter_map(|(place, member)| {
            let id = member.id()?;
            Some((not_ready(member), !before.active.contains(id), id.clone(), place))
        })
        .collect();
    order.sort();
    for (.., place) in order.into_iter().skip(most as usize) {
        if let Some(member) = members.get_mut(place) {
            (member.role, member.why) = (Role::Standby, Some(Why::Enough));
        }
    }
}

/// A node's own part of a member: what it does whatever its way is.
fn member(place: usize, group: &GatewayGroup, node: &Node, view: &View) -> Member {
    let health = view.standing(&node.name);
    let (role, why) = match (health.health, draining(node)) {
        (Health::Unhealthy, _) => (Role::Standby, Some(Why::Unhealthy)),
        (_, Some(why)) => (Role::Draining, Some(why)),
        (_, None) => (Role::Active, None),
    };
    let zone = group.zone.clone().or_else(|| node.labels.get(ZONE_LABEL).cloned());
    Member {
        node: node.name.clone(),
        gateway: None,
        role,
        health,
        weight: group.weight,
        zone,
        addresses: node.addresses.clone(),
        region: node.labels.get(REGION_LABEL).cloned(),
        carries: BTreeSet::new(),
        group: place,
        why,
    }
}

pub fn draining(node: &Node) -> Option<Why> {
    if node.deleting {
        Some(Why::Deleting)
    } else if node.labels.get(EGRESS_LABEL).is_some_and(|value| value == "draining") {
        Some(Why::Labelled)
    } else if node.unschedulable {
        Some(Why::Cordoned)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
