//! Which index a NIC or a node gets, and which index an address has in its block. Indexes are sticky: who has one keeps it.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;

use super::{
    BlockError, Ranges, block,
    block::last_index,
    exclude::{bounds, excluded_blocks},
    ranges::first_free,
};
use crate::address::{Family, number};

/// Why there is no index for one more NIC or node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    #[error(transparent)]
    Block(#[from] BlockError),
    #[error("no available host index in `{base}`: {bits} bits number {} nodes; hint: raise `hostBlock` or exclude less", count(*.bits))]
    NoHostIndex { base: IpNet, bits: u8 },
    #[error(
        "no available interface index in `{base}`: {bits} bits number {} NICs; hint: raise `interfaceBlock` or exclude less",
        count(*.bits)
    )]
    NoInterfaceIndex { base: IpNet, bits: u8 },
}

/// The least number from `base` on that is not used, as long as a greater one is. None: there is no gap, the next number is
/// that after the last.
pub fn first_gap(used: &Ranges, base: u128) -> Option<u128> {
    used.first_free(base, used.last()?)
}

/// A node's index in an interface block: the one after the greatest used; once these are exhausted, the least that is free.
/// Blocks that excludes take away are stepped over. Zero bits make one block, index 0, that every node has: then the caller
/// must know that the subnet is this node's alone.
pub fn next_host(
    used: &BTreeSet<u128>,
    interface_block: IpNet,
    bits: u8,
    excludes: &[IpNet],
) -> Result<(IpNet, u128), IndexError> {
    let none = IndexError::NoHostIndex { base: interface_block, bits };
    let excluded = excluded_blocks(interface_block, bits, excludes)?;
    let taken: Ranges = if bits == 0 { Ranges::default() } else { used.iter().copied().collect() };
    let sets = [&taken, &excluded];
    let after = taken.last().map_or(Some(0), |last| last.checked_add(1));
    let index = after
        .and_then(|after| first_free(&sets, after, last_index(bits)))
        .or_else(|| first_free(&sets, 0, last_index(bits)))
        .ok_or(none)?;
    Ok((block(interface_block, index, bits)?, index))
}

/// The indexes of a new network's NICs, in the order of the NICs, stepping over excluded blocks.
pub fn first_interfaces(
    count: usize,
    subnet: IpNet,
    bits: u8,
    excludes: &[IpNet],
) -> Result<Vec<(IpNet, u128)>, IndexError> {
    let mut used = BTreeSet::new();
    let mut blocks = Vec::new();
    for _ in 0..count {
        let (block, index) = next_interface(&used, subnet, bits, excludes)?;
        used.insert(index);
        blocks.push((block, index));
    }
    Ok(blocks)
}

/// The index of one more NIC: the least that is free. Blocks that excludes take away are stepped over.
pub fn next_interface(
    used: &BTreeSet<u128>,
    subnet: IpNet,
    bits: u8,
    excludes: &[IpNet],
) -> Result<(IpNet, u128), IndexError> {
    let excluded = excluded_blocks(subnet, bits, excludes)?;
    let taken: Ranges = used.iter().copied().collect();
    let index = first_free(&[&taken, &excluded], 0, last_index(bits))
        .ok_or(IndexError::NoInterfaceIndex { base: subnet, bits })?;
    Ok((block(subnet, index, bits)?, index))
}

/// The place of `address` in `block`, from 0. None outside of it.
pub fn index_of(block: IpNet, address: IpAddr) -> Option<u128> {
    block.contains(&address).then(|| number(address) - bounds(block).0)
}

/// The address at `index` of `block`. None past its end.
pub fn address_at(block: IpNet, index: u128) -> Option<IpAddr> {
    let (first, last) = bounds(block);
    let wanted = first.checked_add(index).filter(|wanted| *wanted <= last)?;
    Family::of(block.addr()).address(wanted)
}

fn count(bits: u8) -> String {
    1_u128.checked_shl(u32::from(bits)).map_or_else(|| "2^128".to_owned(), |count| count.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn an_exclude_over_a_wide_ipv6_subnet_is_stepped_over_at_once() {
        let (block, index) = next_host(&BTreeSet::new(), net("fd00::/32"), 64, &[net("fd00::/33")]).unwrap();
        assert_eq!((block, index), (net("fd00:0:8000::/96"), 1 << 63));
    }

    #[test]
    fn more_nics_than_indexes_is_an_error_and_no_loop() {
        let refused = first_interfaces(5, net("192.168.0.0/16"), 2, &[]).unwrap_err();
        assert_eq!(refused, IndexError::NoInterfaceIndex { base: net("192.168.0.0/16"), bits: 2 });
    }

    #[test]
    fn a_new_nic_takes_the_index_that_one_left() {
        let used = BTreeSet::from([0, 2]);
        assert_eq!(next_interface(&used, net("192.168.0.0/16"), 2, &[]).unwrap().1, 1);
    }

    proptest! {
        #[test]
        fn a_host_index_is_found_exactly_when_one_is_free(
            used in proptest::collection::btree_set(0..16_u128, 0..17), excludes in proptest::collection::vec(0..16_u8, 0..10),
        ) {
            let base = net("10.0.0.0/20");
            let nets: Vec<IpNet> = excludes.iter().map(|third| net(&format!("10.0.{third}.0/24"))).collect();
            let free = |index: &u128| !used.contains(index) && !excludes.iter().any(|third| u128::from(*third) == *index);
            match next_host(&used, base, 4, &nets) {
                Ok((got, index)) => {
                    prop_assert!(free(&index));
                    prop_assert_eq!(got, block(base, index, 4).unwrap());
                    // A hole is filled only when nothing is left behind the last.
                    let last = used.last().copied();
                    let behind = last.map_or(0, |last| last + 1)..16;
                    prop_assert!(last.is_none_or(|last| index > last) || !behind.clone().any(|index| free(&index)));
                }
                Err(_) => prop_assert!(!(0..16_u128).any(|index| free(&index))),
            }
        }

        #[test]
        fn index_and_address_are_each_others_inverse(index in 0..1024_u128, six: bool) {
            let block = net(if six { "fd00::4000/118" } else { "10.1.4.0/22" });
            let address = address_at(block, index).unwrap();
            prop_assert_eq!(index_of(block, address), Some(index));
            prop_assert_eq!(address_at(block, 1024 + index), None);
        }
    }
}
