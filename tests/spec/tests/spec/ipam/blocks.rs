//! Rows C (blocks) and the worked example of two NICs on two nodes.

use ipnet::IpNet;
use nicety_core::ipam::{BlockError, Blocks, block};

use super::net;

/// Row, base, index, bits, block.
const BLOCKS: &[(&str, &str, u128, u8, &str)] = &[
    ("C01", "192.168.0.0/16", 0, 2, "192.168.0.0/18"),
    ("C04", "192.168.0.0/16", 1, 2, "192.168.64.0/18"),
    ("C04", "192.168.0.0/16", 2, 2, "192.168.128.0/18"),
    ("C04", "192.168.0.0/16", 3, 2, "192.168.192.0/18"),
    ("C05", "192.168.0.0/18", 0, 6, "192.168.0.0/24"),
    ("C05", "192.168.0.0/18", 1, 6, "192.168.1.0/24"),
    ("C06", "192.168.64.0/18", 0, 6, "192.168.64.0/24"),
    ("C06", "192.168.64.0/18", 1, 6, "192.168.65.0/24"),
    ("C07", "192.168.0.0/18", 63, 6, "192.168.63.0/24"),
    ("C08", "192.168.0.0/18", 1, 8, "192.168.0.64/26"),
    ("C08", "192.168.0.0/18", 2, 8, "192.168.0.128/26"),
    ("C08", "192.168.0.0/18", 4, 8, "192.168.1.0/26"),
    ("C08", "192.168.0.0/18", 255, 8, "192.168.63.192/26"),
    ("C09", "192.168.192.0/18", 255, 8, "192.168.255.192/26"),
    ("C14", "172.30.0.0/16", 3, 2, "172.30.192.0/18"),
    ("C15", "192.168.0.0/16", 0, 0, "192.168.0.0/16"),
    ("C16", "192.168.1.0/24", 3, 8, "192.168.1.3/32"),
    // The reference panics on IPv6.
    ("C19", "fd00::/48", 1, 2, "fd00:0:0:4000::/50"),
    ("C19", "fd00::/64", 3, 64, "fd00::3/128"),
    ("C19", "fd00::/48", 65_535, 16, "fd00:0:0:ffff::/64"),
];

#[test]
fn a_block_is_cut_where_the_reference_cuts_it() {
    for (row, base, index, bits, expected) in BLOCKS {
        assert_eq!(block(net(base), *index, *bits), Ok(net(expected)), "{row}: {base}, {index}, {bits}");
    }
}

#[test]
fn an_index_past_the_last_is_refused() {
    for (row, base, index, bits) in
        [("C03", "192.168.0.0/16", 4, 2), ("C07", "192.168.0.0/18", 64, 6), ("C15", "192.168.0.0/16", 1, 0)]
    {
        let refused = block(net(base), index, bits);
        assert!(matches!(refused, Err(BlockError::NoSuchIndex { .. })), "{row}: {refused:?}");
    }
}

#[test]
fn c02_a_base_without_a_mask_is_no_subnet() {
    assert!("192.168.0.0".parse::<IpNet>().is_err());
}

#[test]
fn c17_a_block_past_the_address_width_is_refused_with_the_lengths() {
    let refused = block(net("192.168.1.0/24"), 3, 9).unwrap_err();
    assert!(matches!(refused, BlockError::PastWidth { bits: 9, .. }));
    assert!(refused.to_string().contains("its prefix would be /33, longer than 32 bits"), "{refused}");
    assert!(matches!(block(net("fd00::/120"), 0, 9), Err(BlockError::PastWidth { .. })));
}

#[test]
fn c18_a_base_with_host_bits_is_refused_with_what_to_write() {
    let refused = block(net("192.168.77.0/16"), 1, 2).unwrap_err();
    assert!(matches!(refused, BlockError::NotCanonical { .. }));
    assert!(refused.to_string().ends_with("hint: write `192.168.0.0/16`"), "{refused}");
}

#[test]
fn two_nics_on_two_nodes_get_the_blocks_of_the_worked_example() {
    let blocks = Blocks { subnet: net("192.168.0.0/16"), interface_bits: 2, host_bits: 6 };
    assert_eq!(blocks.validate(), []);
    assert_eq!(blocks.interface_block(1), Ok(net("192.168.64.0/18")));
    for (interface, host, expected) in
        [(0, 0, "192.168.0.0/24"), (1, 0, "192.168.64.0/24"), (0, 1, "192.168.1.0/24"), (1, 1, "192.168.65.0/24")]
    {
        assert_eq!(blocks.host_block(interface, host), Ok(net(expected)));
    }
}

#[test]
fn more_host_bits_are_more_nodes_with_fewer_addresses() {
    // Sizing table of the reference for a /16 with two interface bits: host bits, nodes, addresses of a node.
    for (host_bits, nodes, addresses) in [(6, 64, 256), (8, 256, 64), (9, 512, 32), (10, 1024, 16)] {
        let blocks = Blocks { subnet: net("192.168.0.0/16"), interface_bits: 2, host_bits };
        let last = blocks.host_block(0, nodes - 1).unwrap();
        assert_eq!(1_u32 << (32 - last.prefix_len()), addresses);
        assert!(blocks.host_block(0, nodes).is_err());
    }
}
