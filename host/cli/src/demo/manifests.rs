//! The manifests folder of the demo's nodes.

use std::{fs, io, path::Path};

use super::node::NICS;

pub const STRATEGIES: &str = include_str!("manifests/strategies.yaml");
pub const SWAPPED: &str = include_str!("manifests/strategies-swapped.yaml");
const NETWORKS: &str = include_str!("manifests/networks.yaml");
const OVERLAY: &str = include_str!("manifests/overlay.yaml");

/// Nodes in the order of their host index.
pub const NODES: [&str; 2] = ["node-a", "node-b"];

/// The folder as people see it, once; and each node's own copy, so that one node's strategies can be swapped.
pub fn write(shown: &Path, own: &Path) -> io::Result<()> {
    for folder in [shown, own] {
        fs::create_dir_all(folder.join("overlay"))?;
        for (name, text) in files() {
            fs::write(folder.join(name), text)?;
        }
    }
    Ok(())
}

pub fn files() -> Vec<(&'static str, String)> {
    vec![
        ("networks.yaml", NETWORKS.to_owned()),
        ("blocks.yaml", blocks()),
        ("strategies.yaml", STRATEGIES.to_owned()),
        ("overlay/inventory.yaml", OVERLAY.to_owned()),
    ]
}

/// One IPBlock for each NIC of each node: `front` on eth0, `rails` on the others. One of each node for `hills`, with the address by
/// which the other node reaches it.
fn blocks() -> String {
    let mut text = "# Which block of a network belongs to which NIC of which node.\n".to_owned();
    for (host, node) in NODES.iter().enumerate() {
        text += &format!(
            "---\napiVersion: nicety.dev/v1alpha1\nkind: IPBlock\nmetadata: {{name: hills-{node}}}\n\
             spec: {{network: hills, node: {node}, interfaceIndex: 0, hostIndex: {host}, via: [10.0.0.{}]}}\n",
            host + 1
        );
        for nic in 0..NICS {
            let (network, interface) = if nic == 0 { ("front", 0) } else { ("rails", nic - 1) };
            text += &format!(
                "---\napiVersion: nicety.dev/v1alpha1\nkind: IPBlock\nmetadata: {{name: {network}-{node}-eth{nic}}}\n\
                 spec: {{network: {network}, node: {node}, interface: eth{nic}, interfaceIndex: {interface}, hostIndex: {host}}}\n"
            );
        }
    }
    text
}
