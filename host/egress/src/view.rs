//! What is known of the cluster, as it matters to egress.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use nicety_core::{
    egress::{health::Standing, share::PodKey},
    ids::NodeName,
};
use nicety_objects::{
    EgressPolicy, HostInterface,
    listed::{Node, Pod},
    selector::Labels,
};

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
    /// Addresses on the NICs of nodes, NIC by NIC.
    pub nics: BTreeMap<NodeName, Vec<Vec<IpAddr>>>,
    pub namespaces: BTreeMap<String, Arc<Labels>>,
    pub pods: BTreeMap<Name, Arc<Pod>>,
    /// What the observers of gateways say, by the gateway's node. Nobody: unknown.
    pub health: BTreeMap<NodeName, Standing>,
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

/// NIC by NIC; addresses of links alone are no way out.
pub(crate) fn nics(host: &HostInterface) -> Vec<Vec<IpAddr>> {
    let of = |one: &nicety_objects::host_interface::Interface| one.addresses.iter().map(|net| net.addr()).collect();
    host.interfaces.iter().map(of).collect()
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
        let nics = self.nics.get(&node.name).into_iter().flatten().flatten();
        node.addresses.iter().chain(nics).copied().collect()
    }

    pub(crate) fn standing(&self, node: &NodeName) -> Standing {
        self.health.get(node).copied().unwrap_or_default()
    }
}
