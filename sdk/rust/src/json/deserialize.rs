//! Value to a typed config, through serde. Messages are made here, because serde's own would bring in the printing of floats.

use std::fmt;

use serde::{
    Deserializer,
    de::{
        self, Expected, IntoDeserializer, Unexpected, Visitor,
        value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer, StrDeserializer},
    },
    forward_to_deserialize_any,
};

use super::Json;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Error(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Bool(_) => "a flag",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) => "a number",
            Unexpected::Str(_) => "a text",
            Unexpected::Unit => "null",
            Unexpected::Seq => "a list",
            Unexpected::Map => "an object",
            _ => "something else",
        };
        Error(format!("expected {expected} and found {found}"))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        match found {
            Unexpected::Unsigned(number) => Error(format!("expected {expected} and found {number}")),
            Unexpected::Signed(number) => Error(format!("expected {expected} and found {number}")),
            Unexpected::Str(text) => Error(format!("expected {expected} and found `{text}`")),
            other => Self::invalid_type(other, expected),
        }
    }
}

impl<'de> IntoDeserializer<'de, Error> for &'de Json {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for &'de Json {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Json::Null => visitor.visit_unit(),
            Json::Flag(flag) => visitor.visit_bool(*flag),
            Json::Number(digits) => match (digits.parse(), digits.parse()) {
                (Ok(number), _) => visitor.visit_u64(number),
                (_, Ok(number)) => visitor.visit_i64(number),
                (Err(_), Err(_)) => Err(Error(format!("{digits} is not a whole number of 64 bits"))),
            },
            Json::Text(text) => visitor.visit_borrowed_str(text),
            Json::List(list) => visitor.visit_seq(SeqDeserializer::new(list.iter())),
            Json::Object(members) => visitor.visit_map(MapDeserializer::new(pairs(members))),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if *self == Json::Null { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// A variant by its name, or an object of one key with what the variant holds.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Json::Text(name) => visitor.visit_enum(StrDeserializer::new(name)),
            Json::Object(members) => {
                visitor.visit_enum(MapAccessDeserializer::new(MapDeserializer::new(pairs(members))))
            }
            other => Err(Error(format!("expected the name of a variant and found {}", other.what()))),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

fn pairs(members: &[(String, Json)]) -> impl Iterator<Item = (&str, &Json)> {
    members.iter().map(|(key, value)| (key.as_str(), value))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use crate::json::parse;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Config {
        count: Count,
        #[serde(default)]
        max_per_zone: Option<u32>,
        #[serde(default)]
        weights: BTreeMap<String, i64>,
        #[serde(default)]
        names: Vec<String>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Count {
        All,
        Of(u8),
    }

    fn read(text: &str) -> Result<Config, String> {
        Config::deserialize(&parse(text).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_typed_config_is_read() {
        let config = read(r#"{"count": "all", "maxPerZone": 3, "weights": {"a": -1}, "names": ["x"]}"#).unwrap();
        assert_eq!(config.count, Count::All);
        assert_eq!((config.max_per_zone, config.weights["a"], config.names), (Some(3), -1, vec!["x".to_owned()]));
        assert_eq!(read(r#"{"count": {"of": 7}, "maxPerZone": null}"#).unwrap().count, Count::Of(7));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (text, words) in [
            (r#"{"count": "all", "max": 3}"#, ["unknown field `max`", "maxPerZone"]),
            (r#"{"count": "none"}"#, ["unknown variant `none`", "all"]),
            (r#"{}"#, ["missing field", "count"]),
            (r#"{"count": "all", "maxPerZone": -1}"#, ["u32", "-1"]),
            (r#"{"count": "all", "maxPerZone": 1.5}"#, ["1.5", "whole"]),
            (r#"{"count": "all", "names": "x"}"#, ["a text", "expected"]),
            (r#"{"count": {"of": 300}}"#, ["300", "u8"]),
            (r#"{"count": "all", "count": "all"}"#, ["duplicate field", "count"]),
        ] {
            let message = read(text).unwrap_err();
            assert!(words.iter().all(|word| message.contains(word)), "{text}: {message}");
        }
    }
}
