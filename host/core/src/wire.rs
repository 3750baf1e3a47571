//! From core's types to those that a binding generator makes of `wit/policy.wit`, and back. The engine and `nicety-native` have
//! different generated types of the same shape; the macros below write the same functions for either, so that a policy
//! cannot see where it runs. Facts go out and always fit; answers come in and may break the contract.

mod answers;
mod facts;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::{address::Mac, evaluate::Failure, facts::Description};

impl Description {
    /// Attributes and columns go only to a policy that names them.
    pub fn uses(&self, name: &str) -> bool {
        self.wants.iter().chain(&self.requires).any(|used| used == name)
    }
}

/// An address as the contract's two halves; IPv4 becomes v4-mapped.
pub fn halves(address: IpAddr) -> (u64, u64) {
    let bits = match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    ((bits >> 64) as u64, bits as u64)
}

/// The address of two halves; a v4-mapped one is IPv4.
pub fn address(high: u64, low: u64) -> IpAddr {
    Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low)).to_canonical()
}

/// `field` says where the prefix stood, for the message.
pub fn prefix(high: u64, low: u64, length: u8, field: &str) -> Result<IpNet, Failure> {
    let address = address(high, low);
    IpNet::new(address, length)
        .map_err(|_| broken(format!("{field}: a prefix length of {length} does not fit the address {address}")))
}

pub fn mac(bits: u64, field: &str) -> Result<Mac, Failure> {
    Mac::from_u64(bits)
        .ok_or_else(|| broken(format!("{field}: {bits:#x} has more than the 48 bits of a hardware address")))
}

pub fn ipv4(high: u64, low: u64, field: &str) -> Result<IpAddr, Failure> {
    match address(high, low) {
        v4 @ IpAddr::V4(Ipv4Addr { .. }) => Ok(v4),
        IpAddr::V6(v6) => Err(broken(format!("{field}: {v6} is not an IPv4 address"))),
    }
}

pub fn ipv6(high: u64, low: u64, field: &str) -> Result<IpAddr, Failure> {
    match address(high, low) {
        v6 @ IpAddr::V6(Ipv6Addr { .. }) => Ok(v6),
        IpAddr::V4(v4) => Err(broken(format!("{field}: {v4} is not an IPv6 address"))),
    }
}

/// Texts end to end, and where each ends.
pub fn flat(texts: &[String]) -> (Vec<u8>, Vec<u32>) {
    let mut bytes = Vec::with_capacity(texts.iter().map(String::len).sum());
    let mut ends = Vec::with_capacity(texts.len());
    for text in texts {
        bytes.extend_from_slice(text.as_bytes());
        ends.push(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    }
    (bytes, ends)
}

/// Addresses end to end as pairs of halves, and where each endpoint's end, in pairs.
pub fn flat_addresses(lists: &[Vec<IpAddr>]) -> (Vec<u64>, Vec<u32>) {
    let mut pairs = Vec::with_capacity(lists.len() * 2);
    let mut ends = Vec::with_capacity(lists.len());
    for address in lists {
        pairs.extend(address.iter().copied().map(halves).flat_map(|(high, low)| [high, low]));
        ends.push(u32::try_from(pairs.len() / 2).unwrap_or(u32::MAX));
    }
    (pairs, ends)
}

fn broken(message: String) -> Failure {
    Failure::Contract { message }
}

/// Writes both halves for one set of generated types that own what they hold. Takes the modules that hold them:
/// ```text
/// nicety_core::contract_conversions! {
///     types: generated::types, attach: generated::attach, nic_selection: generated::nic_selection,
///     gateways: generated::gateways, gateway_distribution: generated::gateway_distribution
/// }
/// ```
#[macro_export]
macro_rules! contract_conversions {
    (
        types: $($types:ident)::+,
        attach: $($attach:ident)::+,
        nic_selection: $($nic_selection:ident)::+,
        gateways: $($gateways:ident)::+,
        gateway_distribution: $($gateway_distribution:ident)::+ $(,)?
    ) => {
        mod contract_facts {
            $crate::contract_facts! {
                types: $($types)::+,
                attach: $($attach)::+,
                nic_selection: $($nic_selection)::+,
                gateways: $($gateways)::+,
            }
        }
        mod contract_answers {
            $crate::contract_answers! {
                types: $($types)::+,
                nic_selection: $($nic_selection)::+,
                gateway_distribution: $($gateway_distribution)::+,
            }
        }
        pub use contract_answers::{assignment, denial, description, requests, selection};
        pub use contract_facts::{attach_facts, gateway_facts, nic_selection_facts};
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_the_two_halves() {
        for text in ["10.0.0.1", "255.255.255.255", "2001:db8::1", "::", "fe80::1"] {
            let ip: IpAddr = text.parse().unwrap();
            let (high, low) = halves(ip);
            assert_eq!(address(high, low), ip);
        }
        assert_eq!(halves("10.0.0.1".parse().unwrap()), (0, 0xffff_0a00_0001));
    }

    #[test]
    fn an_answer_that_breaks_the_contract_is_refused_by_field() {
        let (high, low) = halves("10.0.0.1".parse().unwrap());
        let refused = |failure: Failure| failure.to_string();
        assert!(refused(prefix(high, low, 33, "requests[0].addresses").unwrap_err()).contains("requests[0].addresses"));
        assert!(refused(ipv6(high, low, "requests[1].gateway6").unwrap_err()).contains("10.0.0.1 is not an IPv6"));
        assert!(refused(ipv4(1, 1, "requests[1].gateway4").unwrap_err()).contains("is not an IPv4"));
        assert!(refused(mac(1 << 48, "requests[0].mac").unwrap_err()).contains("more than the 48 bits"));
        assert_eq!(prefix(high, low, 32, "").unwrap().to_string(), "10.0.0.1/32");
    }

    #[test]
    fn texts_and_addresses_lie_end_to_end() {
        assert_eq!(flat(&["ab".into(), String::new(), "ö".into()]), (b"ab\xc3\xb6".to_vec(), vec![2, 2, 4]));
        let (pairs, ends) = flat_addresses(&[vec!["::1".parse().unwrap(), "::2".parse().unwrap()], vec![]]);
        assert_eq!((pairs, ends), (vec![0, 1, 0, 2], vec![2, 2]));
    }

    #[test]
    fn an_attribute_goes_to_a_policy_that_names_it() {
        let description = Description { wants: vec!["a".into()], requires: vec!["b".into()], ..Description::default() };
        assert!(description.uses("a") && description.uses("b") && !description.uses("c"));
    }
}
