//! What more than one extension point speaks of, with the conversions that policies need.

use std::{fmt, net::IpAddr, str::FromStr};

pub use crate::contract::shared::nicety::policy::types::{
    Address, Attribute, Denial, Description, Group, Label, Node, Pci, Pod, Prefix, Request, Value,
};

/// Lookup in a list of attributes. None also when the attribute is of another type than asked for.
pub trait Attributes {
    fn attribute(&self, name: &str) -> Option<&Value>;

    fn text(&self, name: &str) -> Option<&str> {
        match self.attribute(name)? {
            Value::Text(text) => Some(text),
            Value::Number(_) | Value::Flag(_) | Value::Texts(_) => None,
        }
    }

    fn texts(&self, name: &str) -> Option<&[String]> {
        match self.attribute(name)? {
            Value::Texts(texts) => Some(texts),
            Value::Text(_) | Value::Number(_) | Value::Flag(_) => None,
        }
    }

    fn number(&self, name: &str) -> Option<i64> {
        match self.attribute(name)? {
            Value::Number(number) => Some(*number),
            Value::Text(_) | Value::Flag(_) | Value::Texts(_) => None,
        }
    }

    fn flag(&self, name: &str) -> Option<bool> {
        match self.attribute(name)? {
            Value::Flag(flag) => Some(*flag),
            Value::Text(_) | Value::Number(_) | Value::Texts(_) => None,
        }
    }
}

impl Attributes for [Attribute] {
    fn attribute(&self, name: &str) -> Option<&Value> {
        self.iter().find(|attribute| attribute.name == name).map(|attribute| &attribute.value)
    }
}

impl Address {
    pub fn ip(self) -> IpAddr {
        std::net::Ipv6Addr::from_bits(u128::from(self.high) << 64 | u128::from(self.low)).to_canonical()
    }

    pub fn is_ipv4(self) -> bool {
        self.high == 0 && self.low >> 32 == 0xffff
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        let bits = match ip {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        Address { high: (bits >> 64) as u64, low: bits as u64 }
    }
}

impl FromStr for Address {
    type Err = std::net::AddrParseError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<IpAddr>().map(Address::from)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip().fmt(f)
    }
}

impl Prefix {
    /// `10.0.0.5/24`; without a length, one of a single address. None when it is neither.
    pub fn parse(text: &str) -> Option<Prefix> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: Address = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => width,
            Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|length| *length <= width)?
            }
            Some(_) => return None,
        };
        Some(Prefix { address, length })
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// The 48 bits of a hardware address written `02:00:00:00:00:01`, also with `-`. None when it is none.
pub fn parse_mac(text: &str) -> Option<u64> {
    let octets: Vec<&str> = text.split([':', '-']).collect();
    let hex = |octet: &str| octet.len() == 2 && octet.bytes().all(|byte| byte.is_ascii_hexdigit());
    if octets.len() != 6 || !octets.iter().all(|octet| hex(octet)) {
        return None;
    }
    u64::from_str_radix(&octets.concat(), 16).ok()
}

impl Pci {
    /// `0000:0c:05.0`, also with a longer or upper-case domain. None when it is no PCI address.
    pub fn parse(text: &str) -> Option<Pci> {
        let (domain, rest) = text.split_once(':')?;
        let (bus, rest) = rest.split_once(':')?;
        let (device, function) = rest.split_once('.')?;
        let hex = |digits: &str| {
            let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            whole.then(|| u32::from_str_radix(digits, 16).ok())?
        };
        let below = |digits: &str, end: u32| hex(digits).filter(|n| *n < end).and_then(|n| u8::try_from(n).ok());
        let (bus, device, function) = (below(bus, 256)?, below(device, 32)?, below(function, 8)?);
        Some(Pci { domain: hex(domain)?, bus, device, function })
    }
}

impl fmt::Display for Pci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:02x}:{:02x}.{:x}", self.domain, self.bus, self.device, self.function)
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Number(a), Value::Number(b)) => a == b,
            (Value::Flag(a), Value::Flag(b)) => a == b,
            (Value::Texts(a), Value::Texts(b)) => a == b,
            (Value::Text(_) | Value::Number(_) | Value::Flag(_) | Value::Texts(_), _) => false,
        }
    }
}

impl Default for Value {
    fn default() -> Self {
        Value::Text(String::new())
    }
}

impl Pod {
    pub fn annotation(&self, key: &str) -> Option<&str> {
        find(&self.annotations, key)
    }

    /// None also when the pod's labels are not known here.
    pub fn label(&self, key: &str) -> Option<&str> {
        find(self.labels.as_deref()?, key)
    }
}

impl Node {
    /// None also when the node's labels are not known here.
    pub fn label(&self, key: &str) -> Option<&str> {
        find(self.labels.as_deref()?, key)
    }
}

impl Denial {
    /// A final no. `code` is in kebab-case; `message` says what was wrong, where, and what to do.
    pub fn new(code: &str, message: impl Into<String>) -> Denial {
        Denial { code: code.to_owned(), message: message.into(), ..Denial::default() }
    }

    /// A no that may become a yes by itself: the runtime is told to try again.
    pub fn for_now(code: &str, message: impl Into<String>) -> Denial {
        Denial { retryable: true, ..Denial::new(code, message) }
    }

    /// What caused it: a network, NIC, annotation key or gateway.
    pub fn about(self, object: impl Into<String>) -> Denial {
        Denial { object: Some(object.into()), ..self }
    }
}

fn find<'a>(labels: &'a [Label], key: &str) -> Option<&'a str> {
    labels.iter().find(|label| label.key == key).map(|label| label.value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_text() {
        for text in ["10.0.0.1", "2001:db8::1", "::"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        assert!("10.0.0.1".parse::<Address>().unwrap().is_ipv4() && !"::1".parse::<Address>().unwrap().is_ipv4());
    }

    #[test]
    fn a_prefix_is_an_address_and_a_length_that_fits_it() {
        let read = |text| Prefix::parse(text).map(|prefix| prefix.to_string());
        assert_eq!(read("10.0.0.5/24").unwrap(), "10.0.0.5/24");
        assert_eq!(read("10.0.0.5").unwrap(), "10.0.0.5/32");
        assert_eq!(read("2001:db8::1").unwrap(), "2001:db8::1/128");
        for bad in ["10.0.0.300", "10.0.0.5/33", "10.0.0.5/", "10.0.0.5/+8", "::1/129", "", "/8"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_hardware_address_is_six_octets() {
        assert_eq!(parse_mac("02:AB:00:00:00:01"), Some(0x02ab_0000_0001));
        for bad in ["zz", "02:00:00:00:00", "02:00:00:00:00:01:02", "2:0:0:0:0:1", "+2:00:00:00:00:01"] {
            assert_eq!(parse_mac(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_pci_address_has_one_form_whatever_its_source() {
        assert_eq!(Pci::parse("00000000:0C:05.0").unwrap().to_string(), "0000:0c:05.0");
        for bad in ["0c:05.0", "0000:0c:20.0", "0000:0c:05.8", "0000:0c:05", "0000:+c:05.0", "0000::05.0"] {
            assert_eq!(Pci::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_attribute_of_another_type_is_not_found() {
        let attributes = [Attribute { name: "a".into(), value: Value::Number(4) }];
        assert_eq!(attributes.number("a"), Some(4));
        assert_eq!((attributes.text("a"), attributes.number("b"), attributes.flag("a")), (None, None, None));
    }
}
