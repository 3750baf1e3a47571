//! Which policies capture a pod, by what this node knows of it.

use std::{collections::BTreeSet, net::IpAddr};

use nicety_cni::{Attachment, Mode, netconf::PrevResult};
use nicety_core::record::{PodRef, Record};
use nicety_objects::{EgressPolicy, selector::Labels};

use crate::{delegate, node::Node};

/// Labels of a pod, of its namespace and of this node. One that is not known has none.
#[derive(Debug, Clone, Default)]
pub struct Known {
    pub pod: Labels,
    pub namespace: Labels,
    pub node: Labels,
}

impl Known {
    /// The same of a pod that has been there for a while. None: nothing is known of it.
    pub fn now(node: &Node, pod: &PodRef) -> Option<Known> {
        let cluster = node.source.cluster();
        let is_known = |known: nicety_k8s::mirror::Pod| known.is(&pod.uid);
        let there = cluster.is_none_or(|cluster| cluster.mirror.pod(&pod.namespace, &pod.name).is_some_and(is_known));
        there.then(|| Known::of(node, pod))
    }

    /// Asks the mirror or the listing, never the server.
    pub fn of(node: &Node, pod: &PodRef) -> Known {
        match node.source.cluster() {
            Some(cluster) => {
                let mirror = &cluster.mirror;
                let of_pod = mirror.pod(&pod.namespace, &pod.name).filter(|known| known.is(&pod.uid));
                Known {
                    pod: of_pod.map(|pod| pod.labels).unwrap_or_default(),
                    namespace: mirror.namespace(&pod.namespace).map(|labels| labels.0).unwrap_or_default(),
                    node: mirror.node_labels().map(|labels| labels.0).unwrap_or_default(),
                }
            }
            None => {
                let set = &node.world().objects;
                let listed = set.pods.get(&(pod.namespace.clone(), pod.name.clone()));
                Known {
                    pod: listed.map(|pod| pod.labels.clone()).unwrap_or_default(),
                    namespace: namespace(set, &pod.namespace),
                    node: set.nodes.get(&node.config.node).map(|one| one.labels.clone()).unwrap_or_default(),
                }
            }
        }
    }

    /// By name.
    pub fn captured<'a>(&self, policies: impl IntoIterator<Item = &'a EgressPolicy>) -> BTreeSet<String> {
        let captures = |policy: &&EgressPolicy| policy.selectors.iter().any(|selector| self.fits(selector));
        policies.into_iter().filter(captures).map(|policy| policy.name.clone()).collect()
    }

    fn fits(&self, selector: &nicety_objects::egress_policy::EgressSelector) -> bool {
        let parts = [
            (&selector.pod_selector, &self.pod),
            (&selector.namespace_selector, &self.namespace),
            (&selector.node_selector, &self.node),
        ];
        parts.into_iter().all(|(selector, labels)| selector.as_ref().is_none_or(|selector| selector.matches(labels)))
    }
}

/// Every namespace of a cluster has its name as a label; one that is only listed, or not even that, has it here.
fn namespace(set: &nicety_objects::Set, name: &str) -> Labels {
    let name = if name.is_empty() { nicety_objects::listed::NAMESPACE } else { name };
    let mut labels = set.namespaces.get(name).map(|one| one.labels.clone()).unwrap_or_default();
    labels.entry("kubernetes.io/metadata.name".to_owned()).or_insert_with(|| name.to_owned());
    labels
}

/// All that the packets of an attachment may come from: its own addresses, and those that other plugins made before it.
pub fn sources(attachment: &Attachment, record: &Record) -> BTreeSet<IpAddr> {
    let own = record.interfaces.iter().flat_map(|interface| &interface.addresses).map(ipnet::IpNet::addr);
    let made =
        |previous: &PrevResult| -> Vec<IpAddr> { previous.result.ips.iter().map(|ip| ip.address.addr()).collect() };
    let before = match attachment.mode() {
        Mode::Chained => attachment.netconf.prev_result.as_ref().map(made),
        Mode::Delegated | Mode::OwnNetwork => delegate::result(record).as_ref().map(made),
    };
    own.chain(before.into_iter().flatten()).collect()
}
