//! A node's share of a network's addresses, and a wish for one of them.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Occupied, Ranges, exclude, ranges::first_free};
use crate::{
    address::{Family, number},
    ids::NetworkName,
};

/// Addresses that this node may hand out: a block of the block scheme, or a plain range. Make one by `block` or `range`; a pool
/// whose bounds are of two families or in the wrong order hands out nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pool {
    /// First and last usable address, both inclusive, of one family.
    pub first: IpAddr,
    pub last: IpAddr,
    /// Length of the on-link prefix that a handed-out address carries.
    pub on_link: u8,
    /// Never handed out; inside or around the pool.
    pub excludes: Vec<IpNet>,
}

/// One address wanted for one interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub network: NetworkName,
    pub family: Family,
    /// Tried in order.
    pub pools: Vec<Pool>,
    /// A static address: this one or none.
    pub want: Option<IpAddr>,
}

/// Why there is no such pool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    #[error("the range `{first}` to `{last}` is of two address families")]
    TwoFamilies { first: IpAddr, last: IpAddr },
    #[error("the range `{first}` to `{last}` ends before it starts")]
    Reversed { first: IpAddr, last: IpAddr },
    #[error("the on-link prefix /{on_link} is longer than an address of {width} bits")]
    PastWidth { on_link: u8, width: u8 },
    #[error(
        "`{first}` to `{last}` is not inside one on-link prefix of /{on_link}; \
         hint: shorten the range, or the prefix"
    )]
    LeavesLink { first: IpAddr, last: IpAddr, on_link: u8 },
    #[error("`{first}` to `{last}` has no usable address: all of it is network, broadcast or router anycast address")]
    NoUsable { first: IpAddr, last: IpAddr },
}

impl Pool {
    /// A block of the block scheme inside a longer link. Of an IPv4 block the first and the last address are never handed out
    /// (/31: both are, RFC 3021; /32: its one is), of an IPv6 block the first is not (subnet-router anycast, RFC 4291 2.6.1;
    /// except of /127 and /128).
    pub fn block(block: IpNet, on_link: u8, excludes: Vec<IpNet>) -> Result<Pool, PoolError> {
        let family = Family::of(block.addr());
        let (first, last) =
            without_reserved(exclude::bounds(block), exclude::bounds(block), block.prefix_len(), family);
        match (family.address(first), family.address(last)) {
            (Some(first), Some(last)) => Pool::range(first, last, on_link, excludes),
            _ => Err(PoolError::NoUsable { first: block.network(), last: block.broadcast() }),
        }
    }

    /// Every address from `first` to `last`, both inclusive, but the network and broadcast address of the link that they are on.
    pub fn range(first: IpAddr, last: IpAddr, on_link: u8, excludes: Vec<IpNet>) -> Result<Pool, PoolError> {
        let family = Family::of(first);
        if family != Family::of(last) {
            return Err(PoolError::TwoFamilies { first, last });
        }
        if first > last {
            return Err(PoolError::Reversed { first, last });
        }
        let link = IpNet::new(first, on_link).map_err(|_| PoolError::PastWidth { on_link, width: family.width() })?;
        if !link.contains(&last) {
            return Err(PoolError::LeavesLink { first, last, on_link });
        }
        let pool = Pool { first, last, on_link, excludes };
        let (from, to) = pool.bounds().ok_or(PoolError::NoUsable { first, last })?;
        match (family.address(from), family.address(to)) {
            (Some(first), Some(last)) => Ok(Pool { first, last, ..pool }),
            _ => Err(PoolError::NoUsable { first, last }),
        }
    }

    pub fn family(&self) -> Family {
        Family::of(self.first)
    }

    /// True for an address that this pool may hand out.
    pub fn contains(&self, address: IpAddr) -> bool {
        let inside = self.bounds().is_some_and(|(first, last)| (first..=last).contains(&number(address)));
        inside && self.family() == Family::of(address) && !self.excludes.iter().any(|net| net.contains(&address))
    }

    /// How many addresses this pool may hand out.
    pub fn usable(&self) -> u128 {
        let Some((first, last)) = self.bounds() else { return 0 };
        let mut free = Ranges::default();
        free.insert_range(first, last);
        let whole = free.len();
        let excluded: u128 =
            self.excluded(first, last).intervals().map(|(from, to)| (to - from).saturating_add(1)).sum();
        whole.saturating_sub(excluded)
    }

    /// The address with the length of its on-link prefix, as an interface carries it.
    pub fn with_prefix(&self, address: IpAddr) -> IpNet {
        IpNet::new(address, self.on_link).unwrap_or_else(|_| IpNet::from(address))
    }

    /// A free address: the one `skip` behind the last that is taken or excluded while that is before the pool's last, otherwise
    /// the first gap. So addresses come back late, and every one is handed out before any is refused.
    pub fn allocate(&self, occupied: &Occupied, skip: u64) -> Option<IpAddr> {
        self.allocate_avoiding(occupied, &Occupied::default(), skip)
    }

    /// As `allocate`, but an address of `cooling`, which somebody released a moment ago, only when nothing else is free.
    pub fn allocate_avoiding(&self, occupied: &Occupied, cooling: &Occupied, skip: u64) -> Option<IpAddr> {
        let (first, last) = self.bounds()?;
        let family = self.family();
        let excluded = self.excluded(first, last);
        let choose = |sets: &[&Ranges]| {
            let behind = sets.iter().filter_map(|set| set.last_in(first, last)).max();
            let skip = u128::from(skip.max(1));
            // In an empty pool as if the address before the first were taken.
            let next = behind.map_or_else(|| first.checked_add(skip - 1), |behind| behind.checked_add(skip));
            next.filter(|next| *next < last).or_else(|| first_free(sets, first, last))
        };
        let taken = occupied.of(family);
        let number = choose(&[taken, &excluded, cooling.of(family)]).or_else(|| choose(&[taken, &excluded]))?;
        family.address(number)
    }

    /// Usable bounds as numbers: a pool that was read from somewhere may still carry its link's reserved addresses.
    fn bounds(&self) -> Option<(u128, u128)> {
        let family = self.family();
        let link = IpNet::new(self.first, self.on_link).ok()?;
        if family != Family::of(self.last) {
            return None;
        }
        let pool = (number(self.first), number(self.last));
        let (first, last) = without_reserved(pool, exclude::bounds(link), self.on_link, family);
        (first <= last).then_some((first, last))
    }

    fn excluded(&self, first: u128, last: u128) -> Ranges {
        let mut excluded = Ranges::default();
        for net in self.excludes.iter().filter(|net| Family::of(net.addr()) == self.family()) {
            let (from, to) = exclude::bounds(*net);
            excluded.insert_range(from.max(first), to.min(last));
        }
        excluded
    }
}

/// `bounds` less the reserved addresses of the prefix `net` of this length. May come out reversed: nothing is left.
fn without_reserved(bounds: (u128, u128), net: (u128, u128), length: u8, family: Family) -> (u128, u128) {
    let (first, last) = bounds;
    if length + 1 >= family.width() {
        return bounds;
    }
    let first = if first == net.0 { first + 1 } else { first };
    // IPv6 has no broadcast address.
    let last = if family == Family::V4 && last == net.1 { last.saturating_sub(1) } else { last };
    (first, last)
}

#[cfg(test)]
mod tests;
