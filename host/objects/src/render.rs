//! Objects of other systems, made from ours: pure functions to the documents that the API takes.

pub mod attachment;
pub mod sriov;

use nicety_core::{hash, ids::NodeName};
use serde_json::{Value, json};

use crate::{API_VERSION, Network};

/// The label by which everything that was made for a Network is found again.
pub const NETWORK_LABEL: &str = "nicety.dev/network";

/// The Network that an object is made for: the object goes when it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner<'a> {
    pub network: &'a Network,
    pub uid: &'a str,
}

impl Owner<'_> {
    fn references(&self) -> Value {
        json!([{
            "apiVersion": API_VERSION, "kind": "Network", "name": self.network.name, "uid": self.uid, "controller": true,
        }])
    }

    fn labels(&self) -> Value {
        json!({ NETWORK_LABEL: self.network.name })
    }
}

/// The label by which a node finds what is its own.
pub const NODE_LABEL: &str = "nicety.dev/node";

/// The label of the blocks that all nodes look at: `l3` where routes lead to them.
pub const ROUTING_LABEL: &str = "nicety.dev/routing";

/// A node's name as the value of a label: itself, and where it is longer than a label's 63 bytes its beginning and a hash.
pub fn label_value(node: &NodeName) -> String {
    let name = node.as_str();
    if name.len() <= 63 {
        return name.to_owned();
    }
    let start = name.get(..46).unwrap_or_default();
    format!("{start}-{}", hash::hex(&[name]).get(..16).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_node_name_is_still_a_labels_value_of_its_own() {
        let long = |end: &str| label_value(&format!("{}{end}", "node.".repeat(20)).parse().unwrap());
        assert_eq!(label_value(&"node-1".parse().unwrap()), "node-1");
        assert!(long("a").len() <= 63 && long("a") != long("b"));
    }
}
