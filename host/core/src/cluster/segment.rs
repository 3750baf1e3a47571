//! The link that a NIC is on, as far as addresses tell: NICs of one segment share an interface block, so that their pods are on link
//! with each other.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;

use crate::{
    address::Family,
    ids::{IfName, InvalidName},
};

/// As text: `10.0.1.0/24`, `eth1`, or nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// A network that has no NICs: all nodes are on it.
    Whole,
    /// Canonical: no host bits.
    Net(IpNet),
    /// A NIC without addresses: those of the same name are taken to be on one link.
    Interface(IfName),
}

impl Segment {
    /// Where a NIC may stand, best first: the networks that it has addresses in (IPv4 first, then by address; link-local ones tell
    /// nothing apart), else its name.
    pub fn of(name: &IfName, addresses: &[IpNet]) -> Vec<Segment> {
        let mut nets: Vec<IpNet> =
            addresses.iter().filter(|net| !is_link_local(net.addr())).map(IpNet::trunc).collect();
        nets.sort();
        nets.dedup();
        match nets.is_empty() {
            true => vec![Segment::Interface(name.clone())],
            false => nets.into_iter().map(Segment::Net).collect(),
        }
    }

    /// The next hops to a NIC with these addresses: one per family, IPv4 first. What is among `now` stays as long as the NIC has it;
    /// then an address in the segment's own network goes before others.
    pub fn next_hops(&self, addresses: &[IpNet], now: &[IpAddr]) -> Vec<IpAddr> {
        let rank = |net: &IpNet| {
            let own = matches!(self, Segment::Net(segment) if *segment == net.trunc());
            (!now.contains(&net.addr()), !own, net.addr())
        };
        let best = |family: Family| {
            let usable = addresses.iter().filter(|net| Family::of(net.addr()) == family && !is_link_local(net.addr()));
            usable.min_by_key(|net| rank(net)).map(IpNet::addr)
        };
        [Family::V4, Family::V6].into_iter().filter_map(best).collect()
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Segment::Whole => Ok(()),
            Segment::Net(net) => net.fmt(f),
            Segment::Interface(name) => name.fmt(f),
        }
    }
}

impl FromStr for Segment {
    type Err = InvalidName;

    /// An interface name has no `/`, so the two cannot be taken for each other.
    fn from_str(text: &str) -> Result<Segment, InvalidName> {
        match text.parse::<IpNet>() {
            Ok(net) => Ok(Segment::Net(net.trunc())),
            Err(_) if text.is_empty() => Ok(Segment::Whole),
            Err(_) => text.parse().map(Segment::Interface),
        }
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_segment_is_the_canonical_network_else_the_name_else_nothing() {
        let of = |addresses: &[&str]| -> Vec<String> {
            Segment::of(&"eth1".parse().unwrap(), &nets(addresses)).iter().map(Segment::to_string).collect()
        };
        assert_eq!(of(&["fd00::5/64", "fe80::1/64", "10.0.1.7/24"]), ["10.0.1.0/24", "fd00::/64"]);
        assert_eq!(of(&["fe80::1/64", "169.254.3.4/16"]), ["eth1"]);
        for text in ["", "eth1", "10.0.1.0/24", "fd00::/64"] {
            assert_eq!(text.parse::<Segment>().unwrap().to_string(), text);
        }
        assert!("a/b".parse::<Segment>().is_err());
    }

    #[test]
    fn next_hops_are_one_per_family_and_stay_while_the_nic_has_them() {
        let segment: Segment = "10.0.2.0/24".parse().unwrap();
        let addresses = nets(&["fe80::1/64", "fd00::9/64", "10.0.1.5/24", "10.0.2.9/24", "10.0.2.5/24"]);
        let hops = |now: &[&str]| -> Vec<String> {
            let now: Vec<IpAddr> = now.iter().map(|text| text.parse().unwrap()).collect();
            segment.next_hops(&addresses, &now).iter().map(IpAddr::to_string).collect()
        };
        assert_eq!(hops(&[]), ["10.0.2.5", "fd00::9"]);
        assert_eq!(hops(&["10.0.2.9"]), ["10.0.2.9", "fd00::9"]);
        assert_eq!(hops(&["10.0.2.77"]), ["10.0.2.5", "fd00::9"]);
    }
}
