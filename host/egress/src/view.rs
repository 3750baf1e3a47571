//! What is known of the cluster, as it matters to egress.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use nicety_core::{
    address::Family,
    egress::{health::Standing, share::PodKey},
    ids::{IfName, NodeName},
};
use nicety_objects::{
    EgressPolicy, HostInterface,
    host_interface::Author,
    listed::{Node, Pod},
    selector::Labels,
};

use crate::gateways::Why;

/// Namespace and name of a pod. Shared, since every policy that captures the pod has it.
pub type Name = Arc<(String, String)>;

/// The label that says what a node does as a gateway; `draining`: it keeps what it has.
pub const EGRESS_LABEL: &str = "nicety.dev/egress";
pub const ZONE_LABEL: &str = "topology.kubernetes.io/zone";
pub const REGION_LABEL: &str = "topology.kubernetes.io/region";
/// Every namespace has it in a cluster; one that is only listed has it here.
const NAMESPACE_LABEL: &str = "kubernetes.io/metadata.name";

#[derive(Debug, Clone, Default)]
pub struct View {
    pub policies: BTreeMap<String, Arc<EgressPolicy>>,
    pub nodes: BTreeMap<NodeName, Arc<Node>>,
    /// NICs of nodes, as they are published.
    pub nics: BTreeMap<NodeName, Nics>,
    pub namespaces: BTreeMap<String, Arc<Labels>>,
    pub pods: BTreeMap<Name, Arc<Pod>>,
    /// What the observers of gateways say, by the gateway's node. Nobody: unknown.
    pub health: BTreeMap<NodeName, Standing>,
}

/// NICs of one node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nics {
    pub list: Vec<Nic>,
    /// Another of the node's NICs there is not.
    pub all: bool,
}

/// One that is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nic {
    pub name: IfName,
    pub addresses: Vec<IpAddr>,
    /// It is known to be down, or to have no signal.
    pub down: bool,
}

/// Whether the policy is for this pod. Each rule's `nodeSelector` binds that rule alone; pods of the node's own network namespace never fit.
/// `node`: labels of the pod's node, where it has one that is known.
pub fn captures(policy: &EgressPolicy, pod: &Pod, namespace: &Labels, node: Option<&Labels>) -> bool {
    if pod.host_network || pod.terminal {
        return false;
    }
    policy.selectors.iter().any(|rule| {
        rule.pod_selector.as_ref().is_none_or(|selector| selector.matches(&pod.labels))
            && rule.namespace_selector.as_ref().is_none_or(|selector| selector.matches(namespace))
            && rule.node_selector.as_ref().is_none_or(|selector| node.is_some_and(|labels| selector.matches(labels)))
    })
}

/// What a strategy knows a pod by: namespace, owner and ordinal, so that a pod that is made again in the place of one before has the same.
pub fn identity(pod: &Pod) -> String {
    let Pod { namespace, name, owner, .. } = pod;
    match owner {
        Some(owner) => {
            let ordinal = name.strip_prefix(&owner.name).and_then(|rest| rest.strip_prefix('-')).unwrap_or(name);
            // Not by `format!`, which grows the text as it goes: there are 250,000 of them.
            [namespace, "/", &owner.name, "/", ordinal].concat()
        }
        None => [namespace, "/", name].concat(),
    }
}

pub fn key(pod: &Pod) -> PodKey {
    PodKey { namespace: pod.namespace.clone(), name: pod.name.clone(), uid: pod.uid.clone() }
}

/// Labels of a namespace, with its name, whether it is known or not.
pub(crate) fn labels_of(name: &str, mut labels: Labels) -> Labels {
    labels.entry(NAMESPACE_LABEL.to_owned()).or_insert_with(|| name.to_owned());
    labels
}

/// What people write beside the daemon's own says nothing of NICs that it does not name, and no NIC at all is no word either.
pub(crate) fn nics(host: &HostInterface) -> Nics {
    let of = |one: &nicety_objects::host_interface::Interface| Nic {
        name: one.name.clone(),
        addresses: one.addresses.iter().map(|net| net.addr()).collect(),
        down: one.up == Some(false) || one.carrier == Some(false),
    };
    let list: Vec<Nic> = host.interfaces.iter().map(of).collect();
    Nics { all: host.author == Author::Daemon && !list.is_empty(), list }
}

/// Addresses of links alone are no way out.
pub(crate) fn is_of_link(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_loopback(),
        IpAddr::V6(address) => address.is_unicast_link_local() || address.is_loopback(),
    }
}

impl View {
    /// Whether a policy is for this pod, as far as is known now.
    pub fn captured(&self, policy: &EgressPolicy, pod: &Pod) -> bool {
        // Without a node and addresses there is nothing to do for it yet.
        let (Some(node), false) = (&pod.node, pod.addresses.is_empty()) else { return false };
        let node = self.nodes.get(node).map(|node| &node.labels);
        match self.namespaces.get(&pod.namespace) {
            Some(labels) => captures(policy, pod, labels, node),
            None => captures(policy, pod, &labels_of(&pod.namespace, Labels::new()), node),
        }
    }

    /// All addresses of a node.
    pub(crate) fn addresses(&self, node: &Node) -> BTreeSet<IpAddr> {
        let nics = self.nics_of(&node.name).flat_map(|nic| &nic.addresses);
        node.addresses.iter().chain(nics).copied().collect()
    }

    pub(crate) fn nics_of(&self, node: &NodeName) -> impl Iterator<Item = &Nic> {
        self.nics.get(node).into_iter().flat_map(|nics| &nics.list)
    }

    /// Families of the addresses that packets could leave a node with by this interface; None: nothing is known of it, and it is believed.
    pub(crate) fn interface(&self, node: &NodeName, name: &IfName) -> Option<Result<BTreeSet<Family>, Why>> {
        // The one link that is never published.
        let known = self.nics.get(node).filter(|_| name.as_str() != "lo")?;
        let Some(nic) = known.list.iter().find(|nic| nic.name == *name) else {
            return known.all.then_some(Err(Why::InterfaceMissing));
        };
        let global = nic.addresses.iter().filter(|address| !is_of_link(**address));
        let families: BTreeSet<Family> = global.map(|address| Family::of(*address)).collect();
        Some(if nic.down {
            Err(Why::InterfaceDown)
        } else if families.is_empty() {
            Err(Why::InterfaceBare)
        } else {
            Ok(families)
        })
    }

    pub(crate) fn standing(&self, node: &NodeName) -> Standing {
        self.health.get(node).copied().unwrap_or_default()
    }
}
