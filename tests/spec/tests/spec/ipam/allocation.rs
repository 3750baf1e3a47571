//! Rows L and P08: which address a pool hands out next.

use nicety_core::ipam::{Occupied, Pool, index::address_at};

use super::{excludes, net, texts};

struct Row {
    id: &'static str,
    pool: &'static str,
    /// Indexes in the pool.
    used: Vec<u128>,
    skip: u64,
    excludes: &'static [&'static str],
    expected: Option<&'static str>,
}

fn row(
    id: &'static str,
    pool: &'static str,
    used: impl IntoIterator<Item = u128>,
    expected: Option<&'static str>,
) -> Row {
    Row { id, pool, used: used.into_iter().collect(), skip: 1, excludes: &[], expected }
}

impl Row {
    fn without(self, excludes: &'static [&'static str]) -> Row {
        Row { excludes, ..self }
    }

    fn skip(self, skip: u64) -> Row {
        Row { skip, ..self }
    }

    fn check(&self) {
        let block = net(self.pool);
        let pool = Pool::block(block, block.prefix_len(), excludes(self.excludes)).unwrap();
        let occupied: Occupied = self.used.iter().map(|index| address_at(block, *index).unwrap()).collect();
        let got = pool.allocate(&occupied, self.skip).map(|address| address.to_string());
        assert_eq!(got.as_deref(), self.expected, "{}: {} with {:?} used", self.id, self.pool, self.used);
    }
}

#[test]
fn the_next_address_is_the_one_after_the_last_and_then_the_first_gap() {
    let c = "192.168.0.0/24";
    for row in [
        row("L03", c, [], Some("192.168.0.1")),
        row("L04", c, [1], Some("192.168.0.2")),
        row("L05", c, [255], Some("192.168.0.1")),
        row("L06", c, [1, 2, 5], Some("192.168.0.6")),
        row("L07", c, [252], Some("192.168.0.253")),
        row("L07", c, [253], Some("192.168.0.1")),
        row("L07", c, [254], Some("192.168.0.1")),
        row("L08", c, 1..=253, Some("192.168.0.254")),
        row("L08, full", c, 1..=254, None),
        row("L11", "10.0.0.0/30", [], Some("10.0.0.1")),
        row("L11", "10.0.0.0/30", [1], Some("10.0.0.2")),
        row("L19", c, [], Some("192.168.0.2")).skip(2),
        row("L19", c, [1, 2], Some("192.168.0.5")).skip(3),
        row("L19", c, [252], Some("192.168.0.1")).skip(2),
    ] {
        row.check();
    }
}

#[test]
fn l12_point_to_point_links_and_single_addresses_are_usable() {
    for row in [
        row("L12", "10.0.0.2/31", [], Some("10.0.0.2")),
        row("L12", "10.0.0.2/31", [0], Some("10.0.0.3")),
        row("L12", "10.0.0.2/31", [0, 1], None),
        row("L12", "10.0.0.7/32", [], Some("10.0.0.7")),
        row("L12", "10.0.0.7/32", [0], None),
    ] {
        row.check();
    }
}

#[test]
fn excluded_addresses_count_as_taken() {
    let c = "192.168.0.0/24";
    for row in [
        row("L13", c, [], Some("192.168.0.16")).without(&["192.168.0.0/28"]),
        row("L14", c, [], Some("192.168.0.1")).without(&["192.168.0.240/28"]),
        row("L14", c, [1, 2, 4], Some("192.168.0.3")).without(&["192.168.0.240/28"]),
        row("L16", c, [], Some("192.168.0.6")).without(&["192.168.0.5"]),
        row("L17", c, [], Some("192.168.0.16")).without(&["192.168.0.0/28", "192.168.0.240/28"]),
        row("L20", "192.168.0.64/26", [], None).without(&["192.168.0.0/24"]),
        row("P08", "192.168.0.128/26", [], Some("192.168.0.132")).without(&["192.168.0.128/30"]),
        // Where the reference hands out an address that is excluded and taken.
        row("gap search", "192.168.0.0/24", 1..=4, Some("192.168.0.5"))
            .without(&["192.168.0.0/30", "192.168.0.240/28"]),
    ] {
        row.check();
    }
}

#[test]
fn ipv6_pools_follow_the_same_rows_without_a_broadcast_address() {
    let c = "fd00::100/120";
    for row in [
        row("L03", c, [], Some("fd00::101")),
        row("L06", c, [1, 2, 5], Some("fd00::106")),
        row("L07", c, [253], Some("fd00::1fe")),
        row("L07", c, [254], Some("fd00::101")),
        row("L08", c, 1..=254, Some("fd00::1ff")),
        row("L08, full", c, 1..=255, None),
        row("L12", "fd00::2/127", [], Some("fd00::2")),
        row("L12", "fd00::2/128", [], Some("fd00::2")),
        row("L13", c, [], Some("fd00::110")).without(&["fd00::100/124"]),
        row("L20", "fd00::140/122", [], None).without(&["fd00::/64"]),
    ] {
        row.check();
    }
}

#[test]
fn l21_an_address_just_released_is_not_handed_out_again() {
    let pool = Pool::block(net("192.168.0.0/26"), 18, vec![]).unwrap();
    let first = pool.allocate(&Occupied::default(), 1).unwrap();
    let cooling: Occupied = [first].into_iter().collect();
    let second = pool.allocate_avoiding(&Occupied::default(), &cooling, 1).unwrap();
    assert_eq!(texts(&[first, second]), ["192.168.0.1", "192.168.0.2"]);
}

#[test]
fn l22_filling_a_gap_leaves_the_other_holders_theirs() {
    let pool = Pool::block(net("192.168.0.0/29"), 29, vec![]).unwrap();
    let of = |index| address_at(net("192.168.0.0/29"), index).unwrap();
    let mut occupied: Occupied = [of(1), of(2), of(4), of(5), of(6)].into_iter().collect();
    let gap = pool.allocate(&occupied, 1).unwrap();
    assert!(gap == of(3) && occupied.insert(gap));
    assert!((1..=6).all(|index| occupied.contains(of(index))) && occupied.len() == 6);
}

#[test]
fn the_worked_examples_pod_carries_the_whole_interface_block_on_link() {
    let pool = Pool::block(net("192.168.64.0/24"), 18, vec![]).unwrap();
    let address = pool.allocate(&Occupied::default(), 1).unwrap();
    assert_eq!(pool.with_prefix(address).to_string(), "192.168.64.1/18");
}
