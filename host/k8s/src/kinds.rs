//! The kinds that this system reads and writes without having them as types of kube: ours, and those of its neighbours.

use kube::core::{ApiResource, GroupVersionKind};

fn kind(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}

pub fn network() -> ApiResource {
    kind("nicety.dev", "v1alpha1", "Network", "networks")
}

pub fn host_interface() -> ApiResource {
    kind("nicety.dev", "v1alpha1", "HostInterface", "hostinterfaces")
}

pub fn ip_block() -> ApiResource {
    kind("nicety.dev", "v1alpha1", "IPBlock", "ipblocks")
}

pub fn egress_policy() -> ApiResource {
    kind("nicety.dev", "v1alpha1", "EgressPolicy", "egresspolicies")
}

pub fn egress_slice() -> ApiResource {
    kind("nicety.dev", "v1alpha1", "EgressSlice", "egressslices")
}

pub fn egress_health() -> ApiResource {
    kind("nicety.dev", "v1alpha1", "EgressHealth", "egresshealths")
}

/// Of the network plumbing working group: what Multus reads.
pub fn attachment_definition() -> ApiResource {
    kind("k8s.cni.cncf.io", "v1", "NetworkAttachmentDefinition", "network-attachment-definitions")
}

/// Of the SR-IOV network operator.
pub fn sriov_node_policy() -> ApiResource {
    kind("sriovnetwork.openshift.io", "v1", "SriovNetworkNodePolicy", "sriovnetworknodepolicies")
}

/// Of the SR-IOV network operator.
pub fn sriov_network() -> ApiResource {
    kind("sriovnetwork.openshift.io", "v1", "SriovNetwork", "sriovnetworks")
}

pub fn strategy_status() -> ApiResource {
    kind("nicety.dev", "v1alpha1", "StrategyStatus", "strategystatuses")
}
