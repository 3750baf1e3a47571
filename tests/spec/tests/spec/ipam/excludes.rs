//! Rows X (blocks that excludes take away), E (index ranges of excludes) and P (a pool's excludes, and what violates them).

use nicety_core::ipam::exclude::{index_ranges, inside, is_excluded, violating};

use super::{excludes, ip, net, texts};

#[test]
fn a_block_is_excluded_by_a_prefix_as_wide_as_itself_or_wider() {
    let narrow: &[&str] = &["192.168.0.64/26", "192.168.0.128/30"];
    let rows: &[(&str, &str, u128, u8, &[&str], bool)] = &[
        ("X01", "192.168.0.0/16", 0, 8, &[], false),
        ("X02", "192.168.0.0/16", 0, 8, &["192.168.0.0/24"], true),
        ("X03", "192.168.0.0/16", 0, 8, &["192.168.0.0/8"], true),
        ("X04", "192.168.0.0/16", 0, 8, &["192.168.1.0/24"], false),
        ("X05", "192.168.0.0/16", 0, 2, narrow, false),
        ("X06", "192.168.0.0/18", 0, 8, narrow, false),
        ("X06", "192.168.0.0/18", 1, 8, narrow, true),
        ("X06", "192.168.0.0/18", 2, 8, narrow, false),
        ("X09", "192.168.0.0/18", 2, 8, &["192.168.0.128"], false),
        ("v6", "fd00::/48", 1, 2, &["fd00:0:0:4000::/50"], true),
        ("v6", "fd00::/48", 1, 2, &["fd00:0:0:4000::/51"], false),
        ("v6", "fd00::/48", 1, 2, &["0.0.0.0/0"], false),
    ];
    for (row, base, index, bits, prefixes, expected) in rows {
        assert_eq!(is_excluded(net(base), *index, *bits, &excludes(prefixes)), Ok(*expected), "{row}: {base}, {index}");
    }
}

#[test]
fn excludes_are_ranges_of_indexes() {
    let rows: &[(&str, &str, &[&str], &[(u128, u128)])] = &[
        ("E01", "10.0.0.0/16", &[], &[]),
        ("E02", "10.0.0.0/16", &["10.0.0.0/24"], &[(0, 255)]),
        ("E03", "10.0.0.0/16", &["10.0.0.0/24", "10.0.1.1/32"], &[(0, 255), (257, 257)]),
        ("E04", "10.0.0.0/24", &["10.0.0.0/23"], &[(0, 511)]),
        ("E05", "10.0.1.0/24", &["10.0.1.7"], &[(7, 7)]),
        ("E07", "10.0.1.0/24", &["10.0.1.9/30"], &[(8, 11)]),
        ("apart", "10.0.1.0/24", &["10.0.0.0/24", "10.0.2.0/24", "fd00::/8"], &[]),
        ("merged", "10.0.1.0/24", &["10.0.1.4/30", "10.0.1.0/30", "10.0.1.2/31"], &[(0, 7)]),
    ];
    for (row, pool, prefixes, expected) in rows {
        let ranges: Vec<_> = index_ranges(net(pool), &excludes(prefixes)).intervals().collect();
        assert_eq!(ranges, *expected, "{row}: {pool} without {prefixes:?}");
    }
}

#[test]
fn e06_an_exclude_that_starts_before_the_pool_covers_it() {
    let ranges = index_ranges(net("10.0.1.0/24"), &excludes(&["10.0.0.0/16"]));
    assert!((0..=255).all(|index| ranges.contains(index)));
}

#[test]
fn a_pool_keeps_the_excludes_that_are_narrower_than_itself() {
    for (row, pool, expected) in
        [("P01", "10.0.0.0/16", vec!["10.0.1.0/24"]), ("P02", "10.0.2.0/24", vec![]), ("P03", "10.0.1.128/25", vec![])]
    {
        assert_eq!(texts(&inside(&excludes(&["10.0.1.0/24"]), net(pool))), expected, "{row}");
    }
    assert_eq!(
        texts(&inside(&excludes(&["10.0.1.0/24"]), net("10.0.1.0/24"))),
        [""; 0],
        "an exclude as wide as the pool"
    );
}

#[test]
fn a_held_address_that_an_exclude_covers_is_named() {
    let rows: &[(&str, &[&str], &[&str], &[&str])] = &[
        ("P04", &[], &[], &[]),
        ("P05", &[], &["10.0.1.1"], &[]),
        ("P06", &["10.0.1.0/24"], &[], &[]),
        ("P07", &["10.0.1.0/24"], &["10.0.1.1", "10.0.2.1"], &["10.0.1.1"]),
    ];
    for (row, prefixes, held, expected) in rows {
        let held: Vec<_> = held.iter().map(|text| ip(text)).collect();
        assert_eq!(texts(&violating(&excludes(prefixes), &held)), *expected, "{row}");
    }
}
