//! Rows G and F (gaps), H (host indexes), I and A (index and address).

use std::collections::BTreeSet;

use nicety_core::ipam::{
    IndexError, Ranges,
    index::{address_at, first_gap, first_interfaces, index_of, next_host, next_interface},
};

use super::{excludes, ip, net};

#[test]
fn the_first_gap_lies_below_the_last_used_index() {
    let rows: &[(&str, &[u128], u128, Option<u128>)] = &[
        ("G01", &[], 0, None),
        ("G02", &[0], 0, None),
        ("G03", &[1], 0, Some(0)),
        ("G04", &[0, 1, 2], 0, None),
        ("G05", &[0, 2, 3], 0, Some(1)),
        ("G06", &[0, 1, 3], 0, Some(2)),
        ("G07", &[0, 1, 3, 4], 0, Some(2)),
        ("G08", &[2, 3], 0, Some(0)),
        ("G11", &[0, 1, 1, 3], 0, Some(2)),
        ("G12", &[0, 0, 1], 0, None),
        ("F05", &[2], 1, Some(1)),
        ("F06", &[1], 1, None),
        ("F07", &[], 1, None),
        ("F09", &[0, 1, 2, 3], 1, None),
        ("F10", &[1, 1, 2, 4], 1, Some(3)),
    ];
    for (row, used, base, expected) in rows {
        assert_eq!(first_gap(&used.iter().copied().collect(), *base), *expected, "{row}: {used:?} from {base}");
    }
}

#[test]
fn excluded_indexes_are_no_gaps() {
    let rows: &[(&str, &[(u128, u128)], &[u128], u128)] = &[
        ("F01", &[], &[1, 2, 3, 8, 13, 18], 4),
        ("F02", &[(4, 6)], &[1, 2, 3, 4, 5, 6, 8, 13, 18], 7),
        ("F03", &[(4, 7)], &[1, 2, 3, 4, 5, 6, 7, 8, 13, 18], 9),
        ("F04", &[(4, 7), (9, 12)], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 18], 14),
    ];
    for (row, excluded, members, gap) in rows {
        let mut used: Ranges = [1, 2, 3, 8, 13, 18].into_iter().collect();
        for (first, last) in *excluded {
            used.insert_range(*first, *last);
        }
        let listed: Vec<u128> = used.intervals().flat_map(|(first, last)| first..=last).collect();
        assert_eq!(listed, *members, "{row}");
        assert_eq!(first_gap(&used, 1), Some(*gap), "{row}");
    }
}

#[test]
fn a_node_gets_the_index_after_the_last() {
    let narrow: &[&str] = &["192.168.0.64/26", "192.168.0.128/30"];
    let rows: &[(&str, &[u128], u8, &str, &[&str], &str, u128)] = &[
        ("H01", &[], 8, "192.168.0.0/18", narrow, "192.168.0.0/26", 0),
        ("H02", &[0], 8, "192.168.0.0/18", narrow, "192.168.0.128/26", 2),
        ("H03", &[0, 2], 8, "192.168.0.0/18", narrow, "192.168.0.192/26", 3),
        ("H05", &[0, 1, 3], 8, "192.168.0.0/18", &[], "192.168.1.0/26", 4),
        ("H08", &[0], 0, "192.168.1.0/24", &[], "192.168.1.0/24", 0),
        ("H09", &[], 8, "10.0.1.0/24", &[], "10.0.1.0/32", 0),
        ("after exhaustion", &[0, 1, 3], 2, "192.168.0.0/18", &[], "192.168.32.0/20", 2),
        ("after exhaustion, excluded", &[3], 2, "192.168.0.0/18", &["192.168.0.0/20"], "192.168.16.0/20", 1),
        ("v6", &[0, 1], 8, "fd00:0:0:4000::/50", &["fd00:0:0:4080::/58"], "fd00:0:0:40c0::/58", 3),
    ];
    for (row, used, bits, base, prefixes, block, index) in rows {
        let used: BTreeSet<u128> = used.iter().copied().collect();
        assert_eq!(next_host(&used, net(base), *bits, &excludes(prefixes)), Ok((net(block), *index)), "{row}");
    }
}

#[test]
fn a_node_too_many_is_refused() {
    let full: BTreeSet<u128> = (0..4).collect();
    let rows = [("H07", &full, vec![]), ("H11", &BTreeSet::new(), excludes(&["192.168.0.0/16"]))];
    for (row, used, prefixes) in rows {
        let refused = next_host(used, net("192.168.0.0/18"), 2, &prefixes).unwrap_err();
        assert!(matches!(refused, IndexError::NoHostIndex { .. }), "{row}");
        assert!(refused.to_string().starts_with("no available host index"), "{row}: {refused}");
    }
}

#[test]
fn nics_are_numbered_in_their_order_and_a_later_one_fills_the_first_gap() {
    let subnet = net("192.168.0.0/16");
    let prefixes = excludes(&["192.168.64.0/18"]);
    let first = first_interfaces(2, subnet, 2, &prefixes).unwrap();
    assert_eq!(first, [(net("192.168.0.0/18"), 0), (net("192.168.128.0/18"), 2)]);
    assert_eq!(next_interface(&BTreeSet::from([2]), subnet, 2, &prefixes).unwrap().1, 0);
    assert!(matches!(first_interfaces(4, subnet, 2, &prefixes), Err(IndexError::NoInterfaceIndex { .. })));
}

#[test]
fn an_address_has_its_index_in_its_block_alone() {
    let rows = [
        ("I01", "192.168.1.0/24", "192.168.1.100", Some(100)),
        ("I02", "192.168.1.0/24", "192.168.2.100", None),
        ("I03", "192.168.1.0/24", "192.168.1.0", Some(0)),
        ("I04", "10.0.0.0/8", "192.168.1.100", None),
        ("I05", "192.168.0.0/16", "192.168.1.1", Some(257)),
        ("I06", "10.0.0.0/8", "10.1.1.1", Some(65_793)),
        ("I07", "192.168.0.0/26", "192.168.1.1", None),
        ("I08", "192.168.0.0/16", "192.168.0.10", Some(10)),
        ("I10", "192.168.0.0/16", "192.168.255.255", Some(65_535)),
        ("v6", "fd00::/64", "fd00::1:0:0:2", Some((1 << 48) | 2)),
        ("families", "::/0", "1.2.3.4", None),
    ];
    for (row, block, address, expected) in rows {
        assert_eq!(index_of(net(block), ip(address)), expected, "{row}: {address} in {block}");
    }
}

#[test]
fn an_index_names_an_address_of_its_block_or_none() {
    let rows = [
        ("A01", "10.0.0.0/16", 0, Some("10.0.0.0")),
        ("A02", "10.0.0.0/16", 1, Some("10.0.0.1")),
        ("A03", "10.0.0.0/16", 256, Some("10.0.1.0")),
        ("A05", "10.0.0.0/16", 65_535, Some("10.0.255.255")),
        ("A06", "10.0.255.0/24", 300, None),
        ("v6", "fd00::/126", 3, Some("fd00::3")),
        ("v6", "fd00::/126", 4, None),
    ];
    for (row, block, index, expected) in rows {
        assert_eq!(address_at(net(block), index), expected.map(ip), "{row}: {index} of {block}");
    }
}
