//! The JSON shapes of the types, for the document and for findings about bodies that do not fit.

use std::sync::LazyLock;

use nicety_core::{
    facts::{attach, gateways, nic_selection},
    finding::Finding,
};
use nicety_objects::schema::Compiled;
use schemars::{
    JsonSchema, Schema, SchemaGenerator,
    generate::SchemaSettings,
    transform::{RecursiveTransform, Transform},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::strict;

/// A larger body that does not fit is answered with its first fault alone: all of them would need it in memory many times over.
const ALL_FAULTS_BELOW: usize = 4 << 20;
/// So many findings are told.
const TOLD: usize = 1000;

/// Facts that come in a body.
pub trait Body: DeserializeOwned + JsonSchema {
    fn shape() -> &'static Compiled;
}

macro_rules! body {
    ($($type:ty),*) => {$(
        impl Body for $type {
            fn shape() -> &'static Compiled {
                static SHAPE: LazyLock<Compiled> = LazyLock::new(inline::<$type>);
                &SHAPE
            }
        }
    )*};
}
body!(attach::Facts, nic_selection::Facts, gateways::Facts);

/// The value, or everything that is wrong with the text.
pub fn read<T: Body>(text: &[u8]) -> Result<T, Vec<Finding>> {
    let error = match strict::from_slice(text) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let alone = |error: serde_json::Error| vec![Finding::new("", error.to_string())];
    if text.len() > ALL_FAULTS_BELOW || error.is_syntax() || error.is_eof() {
        return Err(alone(error));
    }
    let Ok(mut value) = serde_json::from_slice::<Value>(text) else { return Err(alone(error)) };
    let mut findings = T::shape().check(&value);
    if findings.is_empty() {
        // To a schema `1.0` is a whole number. What is left is a field that stands twice.
        whole(&mut value);
        return strict::from_slice(value.to_string().as_bytes()).map_err(alone);
    }
    let more = findings.len().saturating_sub(TOLD);
    if more > 0 {
        findings.truncate(TOLD);
        findings.push(Finding::new("", format!("and {more} findings more")));
    }
    Err(findings)
}

/// Writes numbers without a fraction as whole ones.
fn whole(value: &mut Value) {
    match value {
        Value::Number(number) => {
            // A point and digits as text: the one conversion from a float that does not round silently.
            let text = number.as_f64().filter(|_| number.is_f64()).map(|float| format!("{float}"));
            if let Some(text) = text {
                let unsigned = text.parse::<u64>().ok().map(Value::from);
                *value = unsigned.or_else(|| text.parse::<i64>().ok().map(Value::from)).unwrap_or(value.take());
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(whole),
        Value::Object(object) => object.values_mut().for_each(whole),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// What bodies look like.
pub fn of_bodies() -> SchemaGenerator {
    settings().for_deserialize().into_generator()
}

/// What answers look like: fields that may be left out in a body always stand in an answer.
pub fn of_answers() -> SchemaGenerator {
    settings().for_serialize().into_generator()
}

fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .with_transform(RecursiveTransform(bounds))
}

fn inline<T: JsonSchema>() -> Compiled {
    let settings = settings().for_deserialize().with(|settings| settings.inline_subschemas = true);
    Compiled::of(settings.into_generator().into_root_schema_for::<T>().to_value())
}

/// The formats of numbers say what they hold to those who know them; bounds say it to everybody.
fn bounds(schema: &mut Schema) {
    let bounds = match schema.get("format").and_then(Value::as_str) {
        Some("uint32") => (json!(0), json!(u32::MAX)),
        Some("uint64" | "uint") => (json!(0), json!(u64::MAX)),
        Some("int64") => (json!(i64::MIN), json!(i64::MAX)),
        _ => return,
    };
    schema.insert("minimum".to_owned(), bounds.0);
    schema.insert("maximum".to_owned(), bounds.1);
}

/// Applies the transforms that root schemas get to the definitions of a generator.
pub fn definitions(mut generator: SchemaGenerator) -> serde_json::Map<String, Value> {
    generator.take_definitions(true)
}

/// Bounds on a schema that stands outside the definitions.
pub fn bounded(mut schema: Schema) -> Value {
    RecursiveTransform(bounds).transform(&mut schema);
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let findings = read::<nic_selection::Facts>(text.as_bytes()).unwrap_err();
        findings.iter().map(Finding::to_string).collect()
    }

    #[test]
    fn every_fault_of_a_body_is_told_with_its_field() {
        let found = told(r#"{"candidates": [{"nam": 1, "mtu": -1, "mac": "zz"}], "taken": ["0"], "pod": null}"#);
        let fields: Vec<&str> = found.iter().filter_map(|finding| finding.split(": ").next()).collect();
        for field in ["candidates[0].mac", "candidates[0].mtu", "candidates[0].nam", "taken[0]", "pod"] {
            assert!(fields.contains(&field), "{field} is not in {found:?}");
        }
    }

    #[test]
    fn a_text_that_is_no_json_is_told_with_its_place() {
        assert_eq!(told("{"), ["EOF while parsing an object at line 1 column 1"]);
    }

    #[test]
    fn a_whole_number_may_have_a_point() {
        let facts: nic_selection::Facts = read(br#"{"request": {"network": 7.0, "target": 1e11}}"#).unwrap();
        assert_eq!((facts.request.network, facts.request.target), (7, Some(100_000_000_000)));
        assert_eq!(told(r#"{"taken": [0.5]}"#).len(), 1);
        assert_eq!(told(r#"{"taken": [4294967296.0]}"#).len(), 1);
    }

    #[test]
    fn addresses_have_the_shape_that_their_parsers_take() {
        let good =
            ["10.0.0.1", "::", "::1", "1::", "fe80::1:2", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "::ffff:10.0.0.1"];
        let bad = [
            "",
            "10.0.0",
            "10.0.0.256",
            "01.0.0.1",
            ":::",
            "1:2:3:4:5:6:7:8:9",
            "1::2::3",
            "12345::",
            "::1%eth0",
            "g::",
        ];
        let shape = inline::<Vec<nicety_core::address::text::Address>>();
        for text in good {
            assert_eq!(shape.check(&json!([text])), [], "{text}");
            assert!(text.parse::<std::net::IpAddr>().is_ok(), "{text}");
        }
        for text in bad {
            assert_eq!(shape.check(&json!([text])).len(), 1, "{text}");
            assert!(text.parse::<std::net::IpAddr>().is_err(), "{text}");
        }
    }
}
