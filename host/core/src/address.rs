//! Hardware and bus addresses, and IP addresses as numbers. IP addresses and prefixes themselves are `std::net::IpAddr` and
//! `ipnet::IpNet`.

pub mod text;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

/// A 48-bit hardware address. As text: `02:00:00:00:00:01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mac(pub [u8; 6]);

/// A PCI address. As text: `0000:0c:05.0`; a longer or upper-case domain is read and written in this form (NVML writes
/// `00000000:0C:05.0` for the same device).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PciAddress {
    pub domain: u32,
    pub bus: u8,
    /// 0 to 31.
    pub device: u8,
    /// 0 to 7.
    pub function: u8,
}

/// An IP address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    V4,
    V6,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}")]
pub struct InvalidAddress {
    what: &'static str,
    text: String,
}

impl Mac {
    /// The 48 bits, first octet most significant.
    pub fn to_u64(self) -> u64 {
        self.0.iter().fold(0, |bits, octet| bits << 8 | u64::from(*octet))
    }

    /// None when more than 48 bits are set.
    pub fn from_u64(bits: u64) -> Option<Mac> {
        match bits.to_be_bytes() {
            [0, 0, octets @ ..] => Some(Mac(octets)),
            _ => None,
        }
    }

    /// False for a group address and for zero, which no interface may have.
    pub fn is_unicast(self) -> bool {
        self.0[0] & 1 == 0 && self.0 != [0; 6]
    }
}

impl Family {
    pub fn of(address: IpAddr) -> Family {
        if address.is_ipv4() { Family::V4 } else { Family::V6 }
    }

    /// Bits of an address: 32 or 128.
    pub fn width(self) -> u8 {
        match self {
            Family::V4 => 32,
            Family::V6 => 128,
        }
    }

    /// The greatest address as a number.
    pub fn max(self) -> u128 {
        match self {
            Family::V4 => u128::from(u32::MAX),
            Family::V6 => u128::MAX,
        }
    }

    /// The address with this number. None past the family's width.
    pub fn address(self, number: u128) -> Option<IpAddr> {
        match self {
            Family::V4 => u32::try_from(number).ok().map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
            Family::V6 => Some(IpAddr::V6(Ipv6Addr::from_bits(number))),
        }
    }
}

/// An address as a number of its own family's width; no v4-mapped form here, so families must not be mixed.
pub fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl FromStr for Mac {
    type Err = InvalidAddress;
    fn from_str(text: &str) -> Result<Mac, InvalidAddress> {
        let invalid = || InvalidAddress { what: "a hardware address like `02:00:00:00:00:01`", text: text.to_owned() };
        let mut octets = [0; 6];
        let mut parts = text.split([':', '-']);
        for octet in &mut octets {
            let part = parts.next().filter(|p| p.len() == 2).ok_or_else(invalid)?;
            *octet = hex(part).and_then(|v| u8::try_from(v).ok()).ok_or_else(invalid)?;
        }
        if parts.next().is_some() { Err(invalid()) } else { Ok(Mac(octets)) }
    }
}

impl FromStr for PciAddress {
    type Err = InvalidAddress;
    fn from_str(text: &str) -> Result<PciAddress, InvalidAddress> {
        let parse = || {
            let (domain, rest) = text.split_once(':')?;
            let (bus, rest) = rest.split_once(':')?;
            let (device, function) = rest.split_once('.')?;
            let (device, function) = (u8::try_from(hex(device)?).ok()?, u8::try_from(hex(function)?).ok()?);
            let bus = u8::try_from(hex(bus)?).ok()?;
            (device < 32 && function < 8).then_some(PciAddress { domain: hex(domain)?, bus, device, function })
        };
        parse().ok_or_else(|| InvalidAddress { what: "a PCI address like `0000:0c:05.0`", text: text.to_owned() })
    }
}

/// Hexadecimal digits and nothing else: `from_str_radix` alone would take a sign.
fn hex(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(text, 16).ok())?
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Display for PciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:02x}:{:02x}.{:x}", self.domain, self.bus, self.device, self.function)
    }
}

macro_rules! as_text {
    ($type:ty) => {
        impl TryFrom<String> for $type {
            type Error = InvalidAddress;
            fn try_from(text: String) -> Result<Self, InvalidAddress> {
                text.parse()
            }
        }
        impl From<$type> for String {
            fn from(address: $type) -> String {
                address.to_string()
            }
        }
    };
}
as_text!(Mac);
as_text!(PciAddress);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hardware_address_survives_text_and_number() {
        let mac: Mac = "02:AB:00:00:00:01".parse().unwrap();
        assert_eq!(mac.to_string(), "02:ab:00:00:00:01");
        assert_eq!(mac.to_u64(), 0x02ab_0000_0001);
        assert_eq!(Mac::from_u64(mac.to_u64()), Some(mac));
        assert_eq!(Mac::from_u64(1 << 48), None);
    }

    #[test]
    fn a_malformed_hardware_address_is_refused() {
        for bad in ["zz", "02:00:00:00:00", "02:00:00:00:00:01:02", "2:0:0:0:0:1", "+2:00:00:00:00:01"] {
            assert!(bad.parse::<Mac>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_pci_address_has_one_form_whatever_its_source() {
        let long: PciAddress = "00000000:0C:05.0".parse().unwrap();
        assert_eq!(long.to_string(), "0000:0c:05.0");
        assert_eq!(long, "0000:0c:05.0".parse().unwrap());
        for bad in ["0c:05.0", "0000:0c:20.0", "0000:0c:05.8", "0000:0c:05", "0000:+c:05.0"] {
            assert!(bad.parse::<PciAddress>().is_err(), "{bad}");
        }
    }
}
