//! What of a cluster must be known before anything is done about egress: what was never listed is not nothing. A node without a cluster
//! knows all that there is.

use nicety_core::egress::program::Wanted;
use nicety_k8s::mirror::Feed;

use crate::node::Node;

const NEEDED: [Feed; 2] = [Feed::EgressPolicies, Feed::EgressSlices];

/// Why no pod can be attached yet: one that a policy captures would be let go. None: one can be.
pub fn unready(node: &Node) -> Option<String> {
    node.config.egress.as_ref()?;
    let untold = node.source.cluster()?.mirror.health().untold(&[Feed::EgressPolicies]);
    let feed = untold.first()?;
    Some(format!("the Kubernetes API has not told yet what there is of: {}", feed.name()))
}

/// Whether it is known whom policies capture and where they leave, from the API or as it was written down. Before, whatever the kernel
/// does stays as it is: an earlier daemon's captured pods would be let go.
pub fn is_told(node: &Node) -> bool {
    node.source.cluster().is_none_or(|cluster| cluster.mirror.health().unknown(&NEEDED).is_empty())
}

/// Written down before the kernel captures pods of which nothing else on this node tells: a daemon that is killed now and starts
/// without the API would let them go.
pub fn remember(node: &Node, before: &Wanted, wanted: &Wanted) {
    if let Some(cluster) = node.source.cluster()
        && wanted.captures_more_than(before)
    {
        cluster.mirror.save_now(&NEEDED);
    }
}
