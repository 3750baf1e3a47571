//! Addresses that are taken, of both families, as intervals.

use std::net::IpAddr;

use super::Ranges;
use crate::address::{Family, number};

/// A set of addresses. A /16 of leases is one interval, not 65,534 entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Occupied {
    v4: Ranges,
    v6: Ranges,
}

impl Occupied {
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Number of addresses.
    pub fn len(&self) -> u128 {
        self.v4.len().saturating_add(self.v6.len())
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        self.of(Family::of(address)).contains(number(address))
    }

    /// False when it was taken before.
    pub fn insert(&mut self, address: IpAddr) -> bool {
        self.of_mut(Family::of(address)).insert(number(address))
    }

    /// False when it was not taken.
    pub fn remove(&mut self, address: IpAddr) -> bool {
        self.of_mut(Family::of(address)).remove(number(address))
    }

    /// The greatest taken address between `first` and `last`, both inclusive and of one family.
    pub fn last_in(&self, first: IpAddr, last: IpAddr) -> Option<IpAddr> {
        let family = same_family(first, last)?;
        family.address(self.of(family).last_in(number(first), number(last))?)
    }

    /// The least free address between `first` and `last`, both inclusive and of one family.
    pub fn first_gap(&self, first: IpAddr, last: IpAddr) -> Option<IpAddr> {
        let family = same_family(first, last)?;
        family.address(self.of(family).first_free(number(first), number(last))?)
    }

    /// The addresses of one family, as numbers.
    pub fn of(&self, family: Family) -> &Ranges {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    fn of_mut(&mut self, family: Family) -> &mut Ranges {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }
}

impl FromIterator<IpAddr> for Occupied {
    fn from_iter<I: IntoIterator<Item = IpAddr>>(addresses: I) -> Self {
        let mut occupied = Occupied::default();
        occupied.extend(addresses);
        occupied
    }
}

impl Extend<IpAddr> for Occupied {
    fn extend<I: IntoIterator<Item = IpAddr>>(&mut self, addresses: I) {
        for address in addresses {
            self.insert(address);
        }
    }
}

fn same_family(first: IpAddr, last: IpAddr) -> Option<Family> {
    (first.is_ipv4() == last.is_ipv4()).then(|| Family::of(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn families_do_not_meet() {
        let mut occupied: Occupied = [ip("0.0.0.1"), ip("::2")].into_iter().collect();
        assert!(!occupied.contains(ip("::1")) && !occupied.contains(ip("0.0.0.2")));
        assert_eq!(occupied.len(), 2);
        assert_eq!(occupied.first_gap(ip("0.0.0.1"), ip("0.0.0.9")), Some(ip("0.0.0.2")));
        assert_eq!(occupied.last_in(ip("::"), ip("::9")), Some(ip("::2")));
        assert_eq!(occupied.first_gap(ip("0.0.0.1"), ip("::9")), None);
        assert!(occupied.remove(ip("::2")) && !occupied.remove(ip("::2")) && !occupied.is_empty());
    }
}
