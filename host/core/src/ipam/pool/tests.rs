use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn block(text: &str, on_link: u8, excludes: &[&str]) -> Pool {
    Pool::block(net(text), on_link, excludes.iter().map(|text| exclude::parse(text).unwrap()).collect()).unwrap()
}

fn all(pool: &Pool) -> BTreeSet<IpAddr> {
    let mut occupied = Occupied::default();
    let mut got = BTreeSet::new();
    while let Some(address) = pool.allocate(&occupied, 1) {
        assert!(occupied.insert(address), "`{address}` was handed out twice");
        got.insert(address);
    }
    got
}

#[test]
fn every_usable_address_of_a_slash_16_is_handed_out_once() {
    let pool = block("10.1.0.0/16", 16, &[]);
    assert_eq!(pool.usable(), 65_534);
    let got = all(&pool);
    assert_eq!(got.len(), 65_534);
    assert!(!got.contains(&ip("10.1.0.0")) && !got.contains(&ip("10.1.255.255")));
}

#[test]
fn the_smallest_blocks_give_what_their_standards_say() {
    let count = |text, on_link| all(&block(text, on_link, &[])).len();
    assert_eq!(count("10.0.0.2/31", 24), 2);
    assert_eq!(count("10.0.0.2/32", 24), 1);
    assert_eq!(count("10.0.0.0/30", 30), 2);
    assert_eq!(count("fd00::2/127", 64), 2);
    assert_eq!(count("fd00::2/128", 64), 1);
    assert_eq!(count("fd00::/126", 64), 3);
}

#[test]
fn a_block_at_the_edge_of_its_link_keeps_the_links_own_addresses_back() {
    assert_eq!(all(&block("10.0.0.0/31", 24, &[])), BTreeSet::from([ip("10.0.0.1")]));
    assert_eq!(all(&block("10.0.0.254/31", 24, &[])), BTreeSet::from([ip("10.0.0.254")]));
    assert!(matches!(Pool::block(net("10.0.0.0/32"), 24, vec![]), Err(PoolError::NoUsable { .. })));
    assert!(matches!(Pool::block(net("fd00::/128"), 64, vec![]), Err(PoolError::NoUsable { .. })));
    assert!(matches!(Pool::block(net("0.0.0.0/32"), 0, vec![]), Err(PoolError::NoUsable { .. })));
    assert!(matches!(Pool::block(net("255.255.255.255/32"), 0, vec![]), Err(PoolError::NoUsable { .. })));
}

#[test]
fn a_plain_range_hands_out_both_of_its_ends() {
    let pool = Pool::range(ip("10.0.0.64"), ip("10.0.0.127"), 24, vec![]).unwrap();
    assert_eq!((pool.usable(), all(&pool).len()), (64, 64));
    let whole = Pool::range(ip("10.0.0.0"), ip("10.0.0.255"), 24, vec![]).unwrap();
    assert_eq!((whole.first, whole.last, whole.usable()), (ip("10.0.0.1"), ip("10.0.0.254"), 254));
}

#[test]
fn a_range_that_is_none_is_refused_by_its_fault() {
    let range = |first, last, on_link| Pool::range(ip(first), ip(last), on_link, vec![]).unwrap_err();
    assert!(matches!(range("10.0.0.1", "fd00::1", 24), PoolError::TwoFamilies { .. }));
    assert!(matches!(range("10.0.0.2", "10.0.0.1", 24), PoolError::Reversed { .. }));
    assert!(matches!(range("10.0.0.1", "10.0.0.2", 33), PoolError::PastWidth { .. }));
    assert!(matches!(range("10.0.0.1", "10.0.1.2", 24), PoolError::LeavesLink { .. }));
    assert!(matches!(Pool::block(net("10.0.0.0/16"), 24, vec![]), Err(PoolError::LeavesLink { .. })));
}

#[test]
fn a_pool_as_read_from_a_file_still_keeps_the_links_addresses_back() {
    let pool = Pool { first: ip("10.0.0.0"), last: ip("10.0.0.255"), on_link: 24, excludes: vec![] };
    assert_eq!(pool.allocate(&Occupied::default(), 1), Some(ip("10.0.0.1")));
    assert!(!pool.contains(ip("10.0.0.0")) && !pool.contains(ip("10.0.0.255")) && pool.contains(ip("10.0.0.254")));
    let broken = Pool { first: ip("10.0.0.9"), last: ip("10.0.0.1"), on_link: 24, excludes: vec![] };
    assert_eq!((broken.allocate(&Occupied::default(), 1), broken.usable()), (None, 0));
    let mixed = Pool { first: ip("10.0.0.9"), last: ip("fd00::1"), on_link: 24, excludes: vec![] };
    assert_eq!((mixed.allocate(&Occupied::default(), 1), mixed.usable()), (None, 0));
}

#[test]
fn the_whole_of_ipv6_is_counted_without_overflow() {
    assert_eq!(block("::/0", 0, &[]).usable(), u128::MAX);
    assert_eq!(block("::/0", 0, &["::/1"]).usable(), 1 << 127);
    assert_eq!(block("::/0", 0, &["::/0"]).usable(), 0);
}

#[test]
fn a_released_address_waits_while_another_is_free() {
    let pool = block("10.0.0.0/29", 29, &[]);
    let cooling: Occupied = [ip("10.0.0.1"), ip("10.0.0.2")].into_iter().collect();
    let mut occupied = Occupied::default();
    let mut order = Vec::new();
    while let Some(address) = pool.allocate_avoiding(&occupied, &cooling, 1) {
        occupied.insert(address);
        order.push(address.to_string());
    }
    assert_eq!(order, ["10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.1", "10.0.0.2"]);
}

/// A pool of the last octet, some octets excluded, some taken, some cooling.
fn octets() -> impl Strategy<Value = BTreeSet<u8>> {
    prop_oneof![
        proptest::collection::btree_set(any::<u8>(), 0..20),
        proptest::collection::vec(any::<u8>(), 200..900).prop_map(|octets| octets.into_iter().collect()),
        Just((0..=255).collect()),
    ]
}

fn addresses(base: &str, octets: &BTreeSet<u8>) -> Vec<IpAddr> {
    octets
        .iter()
        .map(|octet| if base.contains(':') { ip(&format!("{base}{octet:x}")) } else { ip(&format!("{base}{octet}")) })
        .collect()
}

proptest! {
    #[test]
    fn an_address_is_found_exactly_when_one_is_free(
        excluded in octets(), taken in octets(), cooling in octets(), skip in 0..300_u64, from in any::<u8>(), length in 24..=32_u8,
        plain: bool, six: bool,
    ) {
        let base = if six { "fd00::" } else { "10.0.0." };
        let excludes: Vec<IpNet> = addresses(base, &excluded).into_iter().map(IpNet::from).collect();
        let start = addresses(base, &BTreeSet::from([from])).remove(0);
        let (length, on_link) = if six { (length + 96, 120) } else { (length, 24) };
        let cut = IpNet::new(start, length).unwrap().trunc();
        let pool = if plain {
            Pool::range(cut.network(), cut.broadcast(), on_link, excludes)
        } else {
            Pool::block(cut, on_link, excludes)
        };
        let Ok(pool) = pool else {
            prop_assert!(cut.prefix_len() + 1 >= cut.max_prefix_len(), "{cut} gave no pool");
            return Ok(());
        };
        let usable: Vec<IpAddr> = addresses(base, &(0..=255).collect()).into_iter().filter(|a| pool.contains(*a)).collect();
        prop_assert_eq!(pool.usable(), usable.len() as u128);

        // What a reader of the rules would list, address by address.
        let reserved = |a: &IpAddr| {
            let link = net(if six { "fd00::/120" } else { "10.0.0.0/24" });
            let of = |net: IpNet| net.prefix_len() + 1 < net.max_prefix_len() && (*a == net.network() || (!six && *a == net.broadcast()));
            of(link) || (!plain && of(cut))
        };
        let expected: Vec<IpAddr> = addresses(base, &(0..=255).collect::<BTreeSet<u8>>().difference(&excluded).copied().collect())
            .into_iter().filter(|a| cut.contains(a) && !reserved(a)).collect();
        prop_assert_eq!(&usable, &expected);

        let occupied: Occupied = addresses(base, &taken).into_iter().collect();
        let cool: Occupied = addresses(base, &cooling).into_iter().collect();
        let free: Vec<&IpAddr> = usable.iter().filter(|a| !occupied.contains(**a)).collect();
        let warm = free.iter().any(|a| !cool.contains(**a));
        match pool.allocate_avoiding(&occupied, &cool, skip) {
            Some(address) => {
                prop_assert!(free.contains(&&address), "`{}` is not free", address);
                prop_assert!(!warm || !cool.contains(address), "`{}` cools while another is free", address);
            }
            None => prop_assert!(free.is_empty()),
        }
    }

    #[test]
    fn leasing_and_releasing_in_any_order_never_doubles_an_address(steps in proptest::collection::vec(any::<Option<u8>>(), 0..400)) {
        let pool = block("10.0.0.0/26", 24, &["10.0.0.8/30"]);
        let mut occupied = Occupied::default();
        let mut held: Vec<IpAddr> = Vec::new();
        for step in steps {
            match step {
                Some(which) if !held.is_empty() => {
                    let address = held.swap_remove(usize::from(which) % held.len());
                    prop_assert!(occupied.remove(address));
                }
                _ => match pool.allocate(&occupied, 1) {
                    Some(address) => {
                        prop_assert!(occupied.insert(address) && pool.contains(address));
                        held.push(address);
                    }
                    None => prop_assert_eq!(held.len() as u128, pool.usable()),
                },
            }
        }
        prop_assert_eq!(occupied.len(), held.len() as u128);
    }
}
