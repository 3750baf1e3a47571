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
    let error = match serde_json::from_slice(text) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let alone = |error: serde_json::Error| vec![Finding::new("", error.to_string())];
    if text.len() > ALL_FAULTS_BELOW || error.is_syntax() || error.is_eof() {
        return Err(alone(error));
    }
    let Ok(value) = serde_json::from_slice::<Value>(text) else { return Err(alone(error)) };
    let mut findings = T::shape().check(&value);
    if findings.is_empty() {
        // What no schema can say: a number written `1.0`, a field that stands twice.
        return Err(alone(error));
    }
    let more = findings.len().saturating_sub(TOLD);
    if more > 0 {
        findings.truncate(TOLD);
        findings.push(Finding::new("", format!("and {more} findings more")));
    }
    Err(findings)
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
