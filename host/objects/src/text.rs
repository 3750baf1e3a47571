//! Values that travel as text inside manifests: each has a name in the schema (`format`), a check, and words for people. So the
//! schema check finds every malformed value at once, and reading into types cannot fail afterwards.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use nicety_core::{
    address::{Mac, PciAddress},
    ids::{IfName, NetworkName, NodeName, StrategyName},
    ipam::exclude,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// A kind of text: its name in the schema, what is said of a text that is not one, and the check.
pub(crate) struct Format {
    pub name: &'static str,
    pub what: &'static str,
    pub check: fn(&str) -> bool,
}

macro_rules! formats {
    ($($marker:ident, $name:literal, $what:literal, $check:expr;)*) => {
        $(
            /// Stands in a schema for the type that serde reads.
            #[derive(Debug)]
            pub struct $marker;

            impl JsonSchema for $marker {
                fn inline_schema() -> bool {
                    true
                }
                fn schema_name() -> std::borrow::Cow<'static, str> {
                    $name.into()
                }
                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!({ "type": "string", "format": $name })
                }
            }
        )*

        pub(crate) const FORMATS: &[Format] = &[$(Format { name: $name, what: $what, check: $check },)*];
    };
}

formats! {
    Cidr, "cidr", "a prefix like `192.168.0.0/16` or `fd00::/48`", |text| text.parse::<IpNet>().is_ok();
    CidrOrAddress, "cidr-or-address", "a prefix like `192.168.0.0/28` or an address", |text| exclude::parse(text).is_some();
    Address, "ip-address", "an IP address", |text| text.parse::<IpAddr>().is_ok();
    AddressV4, "ipv4-address", "an IPv4 address", |text| text.parse::<Ipv4Addr>().is_ok();
    AddressV6, "ipv6-address", "an IPv6 address", |text| text.parse::<Ipv6Addr>().is_ok();
    HardwareAddress, "hardware-address", "a hardware address like `02:00:00:00:00:01`", |text| text.parse::<Mac>().is_ok();
    Resource, "resource-name", "the name of an extended resource, like `example.com/nic`", is_resource;
    Pci, "pci-address", "a PCI address like `0000:0c:05.0`", |text| text.parse::<PciAddress>().is_ok();
    Hex16, "hex16", "a PCI identifier of one to four hexadecimal digits, like `15b3`", |text| parse_hex16(text).is_some();
    Interface, "interface-name", "an interface name: 1 to 15 bytes without `/`, `:` and white space", |text| text.parse::<IfName>().is_ok();
    Node, "node-name", "a node name: lower-case letters, digits, `-` and `.`, at most 253 bytes", |text| text.parse::<NodeName>().is_ok();
    ObjectName, "object-name", "a name: lower-case letters, digits, `-` and `.`, at most 253 bytes", is_subdomain;
    NetworkRef, "network-name", "a network name: lower-case letters, digits, `-` and `.`, at most 63 bytes", |text| text.parse::<NetworkName>().is_ok();
    StrategyRef, "strategy-name", "a strategy name: lower-case letters, digits, `-` and `.`, at most 63 bytes", |text| text.parse::<StrategyName>().is_ok();
    PolicyRefText, "policy-reference", "a policy reference: `builtin:NAME`, `file:PATH`, `configmap:KEY` or `oci://REGISTRY/REPOSITORY@sha256:DIGEST`", |text| text.parse::<crate::strategies::PolicyRef>().is_ok();
    PodPattern, "pod-pattern", "a pod as `namespace/name`, where the name may end with `*`", |text| text.parse::<crate::overlay::PodPattern>().is_ok();
    Namespace, "namespace", "a namespace: lower-case letters, digits and `-`, at most 63 bytes", is_label;
}

/// An object of which only its owner knows the fields.
#[derive(Debug)]
pub struct AnyObject;

impl JsonSchema for AnyObject {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "any-object".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
    }
}

/// The names of all formats that schemas of ours may have.
pub fn formats() -> impl Iterator<Item = &'static str> {
    FORMATS.iter().map(|format| format.name)
}

/// A PCI identifier as people write it: `15b3`, `0x15b3`, `15B3`.
pub fn parse_hex16(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let legal = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    legal.then(|| u16::from_str_radix(digits, 16).ok())?
}

/// A DNS label (RFC 1123), which is what a namespace's name is.
pub(crate) fn is_label(text: &str) -> bool {
    text.len() <= 63 && !text.contains('.') && text.parse::<NodeName>().is_ok()
}

/// A DNS subdomain, which is what an object's name is; a node's name has the same rule.
pub(crate) fn is_subdomain(text: &str) -> bool {
    text.parse::<NodeName>().is_ok()
}

/// The key of a label: a name of at most 63 bytes, after an optional DNS subdomain and `/`.
pub(crate) fn is_label_key(text: &str) -> bool {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    !name.is_empty() && is_label_value(name) && prefix.is_none_or(is_subdomain)
}

/// The value of a label: may be empty.
pub(crate) fn is_label_value(text: &str) -> bool {
    let end = |byte: Option<u8>| byte.is_none_or(|byte| byte.is_ascii_alphanumeric());
    text.len() <= 63
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && end(text.bytes().next())
        && end(text.bytes().last())
}

/// An extended resource: a label's key whose prefix is there.
pub(crate) fn is_resource(text: &str) -> bool {
    text.contains('/') && is_label_key(text)
}

/// What strategies and networks are called: a DNS subdomain of at most 63 bytes.
pub(crate) fn is_object_name(text: &str) -> bool {
    text.parse::<NetworkName>().is_ok()
}

/// A `u16` written in hexadecimal.
pub mod hex16 {
    use super::{Deserialize, Deserializer, Error, Serializer, parse_hex16};

    pub fn serialize<S: Serializer>(number: &u16, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{number:04x}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_hex16(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is not a PCI identifier like `15b3`")))
    }
}

/// As `hex16`, where the field may be absent.
pub mod optional_hex16 {
    use super::{Deserializer, Serializer, hex16};

    pub fn serialize<S: Serializer>(number: &Option<u16>, serializer: S) -> Result<S::Ok, S::Error> {
        match number {
            Some(number) => hex16::serialize(number, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
        hex16::deserialize(deserializer).map(Some)
    }
}

/// A list of `u16` written in hexadecimal.
pub mod hex16_list {
    use super::{Deserialize, Deserializer, Error, Serializer, parse_hex16};

    pub fn serialize<S: Serializer>(numbers: &[u16], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(numbers.iter().map(|number| format!("{number:04x}")))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u16>, D::Error> {
        let number =
            |text: String| parse_hex16(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is not hexadecimal")));
        Vec::<String>::deserialize(deserializer)?.into_iter().map(number).collect()
    }
}

/// Prefixes, where a bare address stands for itself alone.
pub mod nets {
    use super::{Deserialize, Deserializer, Error, IpNet, Serializer, exclude};

    pub fn serialize<S: Serializer>(nets: &[IpNet], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(nets)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
        let net =
            |text: String| exclude::parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is not a prefix")));
        Vec::<String>::deserialize(deserializer)?.into_iter().map(net).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pci_identifier_is_read_with_and_without_its_prefix() {
        for text in ["15b3", "0x15b3", "15B3", "0X15b3"] {
            assert_eq!(parse_hex16(text), Some(0x15b3), "{text}");
        }
        assert_eq!(parse_hex16("1"), Some(1));
        for bad in ["", "0x", "15b3a", "+5b3", "15g3", "0x0x1"] {
            assert_eq!(parse_hex16(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn every_format_refuses_the_empty_text() {
        for format in FORMATS {
            assert!(!(format.check)(""), "{}", format.name);
        }
    }
}
