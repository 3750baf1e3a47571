//! The cluster as it was at one moment, as far as the watches had told.

use std::{collections::BTreeMap, sync::Arc};

use ipnet::IpNet;
use nicety_core::{
    cluster::{self, Interfaces},
    ids::NodeName,
};

use crate::items::{BlockItem, HostItem, MadeItem, NamespaceItem, NetworkItem, NodeItem};

/// Objects by name; what has a namespace by `namespace/name`. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    pub networks: BTreeMap<String, Arc<NetworkItem>>,
    pub hosts: BTreeMap<String, Arc<HostItem>>,
    pub blocks: BTreeMap<String, Arc<BlockItem>>,
    pub nodes: BTreeMap<String, Arc<NodeItem>>,
    pub namespaces: BTreeMap<String, Arc<NamespaceItem>>,
    /// None: the server does not serve the kind.
    pub attachments: Option<BTreeMap<String, Arc<MadeItem>>>,
    pub sriov_policies: Option<BTreeMap<String, Arc<MadeItem>>>,
    pub sriov_networks: Option<BTreeMap<String, Arc<MadeItem>>>,
}

/// A node that exists, with what it says.
#[derive(Debug, Clone)]
pub struct Member {
    pub node: Arc<NodeItem>,
    pub host: Option<Arc<HostItem>>,
}

impl Snapshot {
    /// Nodes that are there and not out of service.
    pub fn members(&self) -> BTreeMap<NodeName, Member> {
        let there = self.nodes.iter().filter(|(_, node)| !node.out_of_service);
        let member = |(name, node): (&String, &Arc<NodeItem>)| {
            let host = self.hosts.get(name).filter(|host| !host.head.deleting).cloned();
            Some((name.parse().ok()?, Member { node: node.clone(), host }))
        };
        there.filter_map(member).collect()
    }
}

impl Member {
    pub fn for_assignment(&self) -> cluster::Node {
        let Some(host) = &self.host else { return cluster::Node::default() };
        let interfaces = match &host.nics {
            Some(nics) if !nics.is_empty() => Interfaces::Named,
            Some(_) | None => Interfaces::Empty,
        };
        cluster::Node { interfaces, released: host.released.clone() }
    }

    /// How other nodes reach this one where no NIC is named.
    pub fn reach(&self) -> Vec<IpNet> {
        self.node.addresses.iter().copied().map(IpNet::from).collect()
    }
}
