//! A strategy's config: JSON text into the policy's own type. The type should be `deny_unknown_fields`, so that a misspelt key is
//! an error and not a default.

use serde::de::DeserializeOwned;

use crate::{
    Denial,
    json::{self, Json},
};

/// The code of the denial that a config gets which does not parse.
pub const INVALID: &str = "invalid-config";

/// Parses a config. Empty text is as `{}`.
pub fn parse<Config: DeserializeOwned>(text: &str) -> Result<Config, Denial> {
    read(text).map_err(|message| Denial::new(INVALID, message))
}

/// Parses a config and applies the policy's own rules to it. Every finding.
pub fn validate<Config: DeserializeOwned>(text: &str, rules: fn(&Config) -> Vec<String>) -> Result<(), Vec<String>> {
    match read(text) {
        Err(message) => Err(vec![message]),
        Ok(config) => Some(rules(&config)).filter(|findings| !findings.is_empty()).map_or(Ok(()), Err),
    }
}

/// For a policy whose schema says all.
pub fn no_rules<Config>(_: &Config) -> Vec<String> {
    Vec::new()
}

fn read<Config: DeserializeOwned>(text: &str) -> Result<Config, String> {
    let text = if text.trim_ascii().is_empty() { "{}" } else { text };
    let value = json::parse(text).map_err(|error| format!("the policy's config is {error}"))?;
    if !matches!(value, Json::Object(_)) {
        return Err(format!("the policy's config is {} where an object is expected", value.what()));
    }
    Config::deserialize(&value).map_err(|error| format!("the policy's config does not fit: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Config {
        limit: u32,
    }

    #[test]
    fn an_empty_config_is_the_default_one() {
        assert_eq!(parse::<Config>(" ").unwrap(), Config { limit: 0 });
        assert_eq!(parse::<Config>(r#"{"limit": 3}"#).unwrap(), Config { limit: 3 });
    }

    #[test]
    fn a_config_is_an_object() {
        for text in ["[]", "null", "7"] {
            assert!(parse::<Config>(text).unwrap_err().message.contains("where an object is expected"), "{text}");
        }
    }

    #[test]
    fn an_unknown_key_is_named_in_the_denial() {
        let denial = parse::<Config>(r#"{"limt": 3}"#).unwrap_err();
        assert_eq!(denial.code, INVALID);
        assert!(denial.message.contains("limt") && denial.message.contains("limit"), "{}", denial.message);
    }

    #[test]
    fn the_rules_see_a_config_that_parses() {
        let rules = |config: &Config| vec![format!("limit {} is too small", config.limit)];
        assert_eq!(validate::<Config>("{}", rules), Err(vec!["limit 0 is too small".to_owned()]));
        assert_eq!(validate::<Config>("{}", no_rules), Ok(()));
        assert!(validate::<Config>("[", no_rules).unwrap_err()[0].contains("config"));
    }
}
