//! JSON Schema (2020-12) as a check that finds everything at once. Patterns run in linear time and nothing is ever fetched, because
//! a schema may come from a policy that nobody here wrote.

mod cost;
mod describe;

use std::sync::LazyLock;

use jsonschema::{PatternOptions, ValidationOptions, Validator};
use nicety_core::finding::Finding;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

use crate::text::FORMATS;

/// Longest schema that a policy may publish, in bytes.
pub const MAX_BYTES: usize = 256 << 10;
/// Largest compiled pattern, in bytes: `(a{1000}){1000}` is short as text only.
const MAX_PATTERN: usize = 256 << 10;

/// Why a text is not a schema that may be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    #[error("the schema is {bytes} bytes long, more than {MAX_BYTES}")]
    TooLong { bytes: usize },
    #[error("the schema is not JSON: {message}")]
    NotJson { message: String },
    #[error("the schema is not a JSON Schema: {message}")]
    NotSchema { message: String },
    #[error("the schema refers to itself or repeats itself without end: {message}")]
    Endless { message: String },
}

/// A schema of ours, compiled once.
#[derive(Debug)]
pub struct Compiled {
    pub(crate) schema: Value,
    validator: Result<Validator, String>,
}

/// Every way in which `instance` breaks `schema`, with its path in the instance. A schema that cannot be used is one finding.
pub fn check(schema: &Value, instance: &Value) -> Vec<Finding> {
    match compile(schema) {
        Ok(validator) => describe::findings(schema, validator.iter_errors(instance)),
        Err(error) => vec![Finding::new("", error.to_string())],
    }
}

/// Whether a text is a schema at all, and one that can be checked in bounded time; the schema as data if so.
pub fn compile_check(schema_text: &str) -> Result<Value, SchemaError> {
    if schema_text.len() > MAX_BYTES {
        return Err(SchemaError::TooLong { bytes: schema_text.len() });
    }
    let schema: Value =
        serde_json::from_str(schema_text).map_err(|error| SchemaError::NotJson { message: error.to_string() })?;
    compile(&schema).map(|_| schema)
}

/// The schema of a type of ours, without references and without `null` for what may be absent.
pub fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.for_deserialize().into_generator().into_root_schema_for::<T>().to_value();
    without_null(&mut schema);
    plain_choices(&mut schema);
    schema
}

impl Compiled {
    /// Of a type's schema as `of` makes it.
    pub fn new<T: JsonSchema>() -> Compiled {
        Compiled::of(of::<T>())
    }

    pub fn of(schema: Value) -> Compiled {
        let validator = compile(&schema).map_err(|error| error.to_string());
        Compiled { schema, validator }
    }

    /// Every way in which `instance` breaks the schema, with its path in the instance.
    pub fn check(&self, instance: &Value) -> Vec<Finding> {
        match &self.validator {
            Ok(validator) => describe::findings(&self.schema, validator.iter_errors(instance)),
            Err(error) => vec![Finding::new("", error.clone())],
        }
    }
}

fn compile(schema: &Value) -> Result<Validator, SchemaError> {
    if !schema.is_object() && !schema.is_boolean() {
        return Err(SchemaError::NotSchema { message: "it is neither an object nor a boolean".to_owned() });
    }
    cost::bounded(schema).map_err(|message| SchemaError::Endless { message })?;
    options().build(schema).map_err(|error| SchemaError::NotSchema { message: describe::of_schema(&error) })
}

/// The offline options with linear-time patterns and our formats, made once: registering formats is not free.
fn options() -> &'static ValidationOptions<'static> {
    static OPTIONS: LazyLock<ValidationOptions<'static>> = LazyLock::new(|| {
        let patterns = PatternOptions::regex().size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN);
        let options = jsonschema::options().offline().with_pattern_options(patterns).should_validate_formats(true);
        FORMATS.iter().fold(options, |options, format| options.with_format(format.name, format.check))
    });
    &OPTIONS
}

/// An absent field is written by leaving it out: `null` is a slip of the pen (`mtu:` with nothing behind it), and a schema without
/// it yields findings that say so.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(branches)) = object.get_mut("anyOf") {
                branches.retain(|branch| branch.get("type").is_none_or(|kind| kind != "null"));
                if let [Value::Object(only)] = branches.as_slice() {
                    let only = only.clone();
                    object.remove("anyOf");
                    object.extend(only);
                }
            }
            object.values_mut().for_each(without_null);
        }
        Value::Array(values) => values.iter_mut().for_each(without_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
    }
}

/// A choice among words whose words have docs is made of one shape per word. As a list of words it says the same to a check, in
/// clearer findings; the docs go to the description.
fn plain_choices(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if let Some((words, docs)) = object.get("oneOf").and_then(Value::as_array).and_then(|all| choices(all)) {
                let own = object.get("description").and_then(Value::as_str).unwrap_or_default();
                let description = [own.to_owned()].into_iter().chain(docs).filter(|text| !text.is_empty());
                let description = description.collect::<Vec<_>>().join("\n");
                object.remove("oneOf");
                object.insert("type".to_owned(), "string".into());
                object.insert("enum".to_owned(), words.into());
                object.insert("description".to_owned(), description.into());
            }
            object.values_mut().for_each(plain_choices);
        }
        Value::Array(values) => values.iter_mut().for_each(plain_choices),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
    }
}

/// The words, and per word with docs a line. None: the shapes are more than words.
fn choices(shapes: &[Value]) -> Option<(Vec<Value>, Vec<String>)> {
    let (mut words, mut docs) = (Vec::new(), Vec::new());
    for shape in shapes {
        let word = shape.get("const").filter(|word| word.is_string());
        match (word, shape.get("enum").and_then(Value::as_array)) {
            (Some(word), _) => {
                let text = shape.get("description").and_then(Value::as_str);
                docs.extend(text.map(|text| format!("- {word}: {}", text.replace('\n', " "))));
                words.push(word.clone());
            }
            (None, Some(more)) if more.iter().all(Value::is_string) => words.extend(more.iter().cloned()),
            (None, _) => return None,
        }
    }
    (!words.is_empty()).then_some((words, docs))
}

#[cfg(test)]
mod tests;
