//! JSON as policies meet it, in configs and annotations. It knows no floats, which the contract has not either, and that is why
//! it exists: with a general JSON crate the smallest policy has 100 kB, most of it for numbers that no policy reads.

mod deserialize;
mod parse;

pub use deserialize::Error as DeserializeError;
pub use parse::{ParseError, parse};

/// A value. Numbers are kept as they were written; only whole ones can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    Null,
    Flag(bool),
    Number(String),
    Text(String),
    List(Vec<Json>),
    /// In the order of the text; of a key that stands twice, the last counts.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The value of a key; null is as absent. None also when this is no object.
    pub fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Object(members) => {
                members.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value).filter(|v| **v != Json::Null)
            }
            Json::Null | Json::Flag(_) | Json::Number(_) | Json::Text(_) | Json::List(_) => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            Json::Null | Json::Flag(_) | Json::Number(_) | Json::List(_) | Json::Object(_) => None,
        }
    }

    pub fn list(&self) -> Option<&[Json]> {
        match self {
            Json::List(list) => Some(list),
            Json::Null | Json::Flag(_) | Json::Number(_) | Json::Text(_) | Json::Object(_) => None,
        }
    }

    /// A whole number. None also for one with a fraction or an exponent, and for one past 64 bits.
    pub fn number(&self) -> Option<i64> {
        match self {
            Json::Number(digits) => digits.parse().ok(),
            Json::Null | Json::Flag(_) | Json::Text(_) | Json::List(_) | Json::Object(_) => None,
        }
    }

    /// What it is, for messages: `a text`, `an object`.
    pub fn what(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Flag(_) => "a flag",
            Json::Number(_) => "a number",
            Json::Text(_) => "a text",
            Json::List(_) => "a list",
            Json::Object(_) => "an object",
        }
    }
}
