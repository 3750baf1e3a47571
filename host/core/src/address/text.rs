//! Addresses as they are written in JSON, as schemas: what a pattern here takes, the parsers take.

use std::{borrow::Cow, fmt::Write};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Mac, PciAddress};

/// An IP address.
#[derive(Debug)]
pub struct Address;

/// An IP address with the length of its network part. Host bits may be set.
#[derive(Debug)]
pub struct Prefix;

const V4: &str = r"((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";

/// Groups of four digits, with one `::` for at least one of them, the last two perhaps as an IPv4 address (RFC 4291, 2.2).
fn v6() -> String {
    const GROUP: &str = "[0-9A-Fa-f]{1,4}";
    let mut pattern = format!("({GROUP}:){{7}}{GROUP}|({GROUP}:){{6}}{V4}");
    for before in 0..=7_u8 {
        let head = match before {
            0 => String::new(),
            more => format!("{GROUP}(:{GROUP}){{{}}}", more - 1),
        };
        let _ = match before {
            7 => write!(pattern, "|{head}::"),
            6 => write!(pattern, "|{head}::({GROUP})?"),
            fewer => {
                write!(pattern, "|{head}::(({GROUP}(:{GROUP}){{0,{}}})?|({GROUP}:){{0,{}}}{V4})", 6 - fewer, 5 - fewer)
            }
        };
    }
    pattern
}

macro_rules! text {
    ($type:ty, $name:literal, $description:literal, $example:literal, $pattern:expr) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "description": $description, "pattern": $pattern, "examples": [$example] })
            }
        }
    };
}

text!(Address, "Address", "An IPv4 or IPv6 address.", "10.0.0.1", format!("^({V4}|{})$", v6()));
text!(
    Prefix,
    "Prefix",
    "An IPv4 or IPv6 address with the length of its network part, in bits. Host bits may be set.",
    "10.0.0.1/24",
    format!("^({V4}/([12]?[0-9]|3[0-2])|({})/([1-9]?[0-9]|1[01][0-9]|12[0-8]))$", v6())
);
text!(Mac, "Mac", "A hardware address of six octets.", "02:00:00:00:00:01", "^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$");
text!(
    PciAddress,
    "PciAddress",
    "A PCI address: domain, bus, device (0 to 1f), function (0 to 7), in hexadecimal.",
    "0000:0c:05.0",
    r"^0*[0-9A-Fa-f]{1,8}:0*[0-9A-Fa-f]{1,2}:0*[01]?[0-9A-Fa-f]\.0*[0-7]$"
);
