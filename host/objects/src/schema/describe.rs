//! Errors of the schema library in our words: the path as the author wrote the field, what is wrong, what would be right.

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
    paths::{Location, LocationSegment},
};
use nicety_core::finding::Finding;
use serde_json::Value;

use crate::text::FORMATS;

/// Longest piece of an instance that a message repeats, in characters.
const QUOTE: usize = 60;

/// Sorted by path, each once.
pub(super) fn findings<'e>(schema: &Value, errors: impl Iterator<Item = ValidationError<'e>>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = errors.flat_map(|error| of_error(schema, &error)).collect();
    findings.sort();
    findings.dedup();
    findings
}

fn of_error(schema: &Value, error: &ValidationError<'_>) -> Vec<Finding> {
    let at = path(error.instance_path());
    let instance = error.instance().as_ref();
    let one = |message: String| vec![Finding::new(at.clone(), message)];
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let known = known_fields(schema, error.schema_path());
            let message = |name: &String| format!("is not a known field{}", suggestion(name, &known));
            unexpected.iter().map(|name| Finding::new(child(&at, name), message(name))).collect()
        }
        // The library names the field's value only where an object may have no field at all.
        Kind::FalseSchema => one("has a field, and none is known here; hint: leave it empty".to_owned()),
        Kind::Required { property } => {
            vec![Finding::new(child(&at, property.as_str().unwrap_or_default()), "is missing")]
        }
        Kind::Type { kind } => one(wrong_type(instance, kind)),
        Kind::Format { format } => one(wrong_format(instance, format)),
        Kind::Enum { options } => {
            let legal: Vec<String> = options.as_array().into_iter().flatten().map(quote).collect();
            one(format!("{} is none of {}", quote(instance), legal.join(", ")))
        }
        Kind::Constant { expected_value } => one(format!("{} must be {}", quote(instance), quote(expected_value))),
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => meant(context, error.instance_path()).map_or_else(
            || one(format!("{} has none of the shapes that are legal here", quote(instance))),
            |branch| branch.iter().flat_map(|error| of_error(schema, error)).collect(),
        ),
        Kind::OneOfMultipleValid { .. } => one(format!("{} may be read in more than one way", quote(instance))),
        Kind::Minimum { limit } => one(format!("{} is less than {limit}", quote(instance))),
        Kind::Maximum { limit } => one(format!("{} is more than {limit}", quote(instance))),
        Kind::ExclusiveMinimum { limit } => one(format!("{} is not more than {limit}", quote(instance))),
        Kind::ExclusiveMaximum { limit } => one(format!("{} is not less than {limit}", quote(instance))),
        Kind::MinItems { limit } => one(format!("has fewer entries than {limit}")),
        Kind::MaxItems { limit } => one(format!("has more entries than {limit}")),
        Kind::MinProperties { limit } => one(format!("has fewer fields than {limit}")),
        Kind::MaxProperties { limit } => one(format!("has more fields than {limit}")),
        Kind::MinLength { limit } => one(format!("{} is shorter than {limit} characters", quote(instance))),
        Kind::MaxLength { limit } => one(format!("{} is longer than {limit} characters", quote(instance))),
        Kind::Pattern { pattern } => one(format!("{} does not match `{pattern}`", quote(instance))),
        Kind::UniqueItems => one("names an entry twice".to_owned()),
        Kind::PropertyNames { error } => one(format!("has a field with an illegal name: {}", message(error))),
        // Rare in configs; the library's own words, in our form.
        _ => one(message(error)),
    }
}

/// What makes a text no schema, with its place in it.
pub(super) fn of_schema(error: &ValidationError<'_>) -> String {
    let (at, message) = (path(error.instance_path()), message(error));
    if at.is_empty() { message } else { format!("{at}: {message}") }
}

/// `spec.subnets[0]`.
fn path(location: &Location) -> String {
    location.iter().fold(String::new(), |path, segment| match segment {
        LocationSegment::Index(index) => format!("{path}[{index}]"),
        LocationSegment::Property(name) => child(&path, &name),
    })
}

fn child(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

/// Of several shapes the one that the author meant: the only one that does not already fail at the instance itself.
fn meant<'c>(context: &'c [Vec<ValidationError<'static>>], at: &Location) -> Option<&'c Vec<ValidationError<'static>>> {
    let outright = |error: &ValidationError<'_>| {
        let here = error.instance_path().as_str() == at.as_str();
        here && matches!(
            error.kind(),
            Kind::Type { .. } | Kind::Enum { .. } | Kind::Constant { .. } | Kind::FalseSchema
        )
    };
    let mut near = context.iter().filter(|errors| !errors.iter().any(outright));
    near.next().filter(|_| near.next().is_none())
}

/// The fields that stand beside the keyword which refused one.
fn known_fields(schema: &Value, keyword: &Location) -> Vec<String> {
    let parent = keyword.as_str().rsplit_once('/').map_or("", |(parent, _)| parent);
    let properties = schema.pointer(parent).and_then(|object| object.get("properties")).and_then(Value::as_object);
    properties.map(|properties| properties.keys().cloned().collect()).unwrap_or_default()
}

fn suggestion(name: &str, known: &[String]) -> String {
    let near = known.iter().map(|field| (distance(name, field), field)).min();
    match near {
        Some((0..=2, field)) => format!("; hint: did you mean `{field}`?"),
        Some(_) if known.len() <= 12 => format!("; hint: known are {}", list(known)),
        Some(_) | None => String::new(),
    }
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Edits between two words, upper and lower case alike. A word that is long is far from everything.
fn distance(one: &str, other: &str) -> usize {
    if one.len() > QUOTE {
        return one.len();
    }
    let (one, other) = (one.to_lowercase(), other.to_lowercase());
    let first: Vec<usize> = (0..=other.chars().count()).collect();
    let last = one.chars().enumerate().fold(first, |above, (row, a)| {
        let mut line = vec![row + 1];
        for ((b, diagonal), up) in other.chars().zip(&above).zip(above.iter().skip(1)) {
            let left = line.last().copied().unwrap_or_default();
            line.push((diagonal + usize::from(a != b)).min(up + 1).min(left + 1));
        }
        line
    });
    last.last().copied().unwrap_or_default()
}

fn wrong_type(instance: &Value, kind: &TypeKind) -> String {
    let expected = match kind {
        TypeKind::Single(kind) => kind.to_string(),
        TypeKind::Multiple(kinds) => {
            let names: Vec<String> = kinds.iter().map(|kind| kind.to_string()).collect();
            names.join(" or ")
        }
    };
    let hint = match instance {
        Value::Number(_) | Value::Bool(_) if expected == "string" => "; hint: put it in quotes",
        Value::String(text) if expected == "integer" && text.parse::<u64>().is_ok() => {
            "; hint: write it without quotes"
        }
        Value::Null => "; hint: leave the field out, or give it a value",
        _ => "",
    };
    format!("is {}, but must be of type {expected}{hint}", quote(instance))
}

fn wrong_format(instance: &Value, format: &str) -> String {
    let known = FORMATS.iter().find(|known| known.name == format);
    format!("{} is not {}", quote(instance), known.map_or(format, |known| known.what))
}

fn quote(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Object(_) => return "an object".to_owned(),
        Value::Array(_) => return "a list".to_owned(),
        Value::Null => return "empty".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    };
    format!("`{}`", cut(&text, QUOTE))
}

/// The library's words in lower case, without the instance, which may be long.
fn message(error: &ValidationError<'_>) -> String {
    let message = error.masked_with("the value").to_string();
    let mut letters = message.chars();
    let message: String = letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default();
    cut(&message, 4 * QUOTE)
}

fn cut(text: &str, length: usize) -> String {
    let cut: String = text.chars().take(length).collect();
    if cut.len() < text.len() { format!("{cut}...") } else { cut }
}
