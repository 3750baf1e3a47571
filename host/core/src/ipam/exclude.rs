//! Excludes: prefixes of a network that are never handed out. Host bits in an exclude do not count (`10.0.1.9/30` is
//! `10.0.1.8/30`), and an address without a length is a prefix of one address.
//!
//! An exclude as wide as a block or wider takes whole blocks away; a narrower one takes addresses away inside a block.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{
    BlockError, Ranges,
    block::{child_length, last_index},
};
use crate::address::{Family, number};

/// An exclude as people write it: a prefix, or a single address.
pub fn parse(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// True when block `index` of the `2^bits` blocks of `base` is taken away as a whole.
pub fn is_excluded(base: IpNet, index: u128, bits: u8, excludes: &[IpNet]) -> Result<bool, BlockError> {
    if index > last_index(bits) {
        child_length(base, bits)?;
        return Err(BlockError::NoSuchIndex { base, index, bits });
    }
    Ok(excluded_blocks(base, bits, excludes)?.contains(index))
}

/// Indexes of the blocks of `base` that are taken away as a whole.
pub fn excluded_blocks(base: IpNet, bits: u8, excludes: &[IpNet]) -> Result<Ranges, BlockError> {
    let length = child_length(base, bits)?;
    // Blocks of a prefix of length 0 are the whole space, of index 0: the shift that overflows stands for that.
    let index = |offset: u128| offset.checked_shr(u32::from(base.max_prefix_len() - length)).unwrap_or(0);
    let (start, end) = bounds(base);
    let mut indexes = Ranges::default();
    for exclude in excludes.iter().filter(|exclude| exclude.prefix_len() <= length) {
        if let Some((first, last)) = overlap(base, *exclude) {
            indexes.insert_range(index(first.max(start) - start), index(last.min(end) - start));
        }
    }
    Ok(indexes)
}

/// What the excludes take from `pool`, as indexes from its first address, merged and ascending. A range may reach past the
/// pool's end.
pub fn index_ranges(pool: IpNet, excludes: &[IpNet]) -> Ranges {
    let (start, _) = bounds(pool);
    let mut indexes = Ranges::default();
    for (first, last) in excludes.iter().filter_map(|exclude| overlap(pool, *exclude)) {
        indexes.insert_range(first.max(start) - start, last - start);
    }
    indexes
}

/// The excludes that lie inside `pool` and are narrower than it. One as wide as the pool or wider takes the pool's block away,
/// which `is_excluded` says.
pub fn inside(excludes: &[IpNet], pool: IpNet) -> Vec<IpNet> {
    let narrower = |exclude: &&IpNet| exclude.prefix_len() > pool.prefix_len() && pool.contains(&exclude.addr());
    excludes.iter().filter(narrower).map(IpNet::trunc).collect()
}

/// The addresses that are held although an exclude covers them: an exclude may be added while pods live.
pub fn violating(excludes: &[IpNet], held: &[IpAddr]) -> Vec<IpAddr> {
    held.iter().copied().filter(|address| excludes.iter().any(|exclude| exclude.contains(address))).collect()
}

/// First and last address of a prefix, as numbers.
pub(super) fn bounds(net: IpNet) -> (u128, u128) {
    (number(net.network()), number(net.broadcast()))
}

/// The bounds of `exclude`, when it shares an address with `net`.
fn overlap(net: IpNet, exclude: IpNet) -> Option<(u128, u128)> {
    let ((start, end), (first, last)) = (bounds(net), bounds(exclude));
    let same_family = Family::of(net.addr()) == Family::of(exclude.addr());
    (same_family && first <= end && last >= start).then_some((first, last))
}
