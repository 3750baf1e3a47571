//! YAML (and JSON, which is a part of it) to data, within bounds: a manifest is small, so whatever is large, deep or grows by its
//! own aliases is refused before it costs anything.

use serde_json::Value;
use serde_saphyr::{Options, alias_limits, budget, options};

/// Longest text of one file, in bytes. Thousands of IPBlocks fit; a file that is larger is not a manifest.
pub const MAX_BYTES: usize = 4 << 20;
/// Deepest nesting; a manifest needs about six, a policy's own config a few more.
pub const MAX_DEPTH: usize = 32;
/// Most nodes (scalars, sequences, mappings) of one file.
pub const MAX_NODES: usize = 250_000;
/// Most nodes that aliases may add. Anchors are for a repeated line or two, not for growth.
pub const MAX_REPLAYED: usize = 1_000;

/// Why a text is not data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum YamlError {
    #[error("is {bytes} bytes long, more than {MAX_BYTES}; hint: split it into several files")]
    TooLong { bytes: usize },
    #[error("cannot be read as YAML: {message}")]
    Syntax { message: String },
}

/// The documents of a text; empty ones are left out.
pub fn documents(text: &str) -> Result<Vec<Value>, YamlError> {
    if text.len() > MAX_BYTES {
        return Err(YamlError::TooLong { bytes: text.len() });
    }
    let values: Vec<Value> = serde_saphyr::from_multiple_with_options(text, bounds())
        .map_err(|error| YamlError::Syntax { message: error.to_string() })?;
    Ok(values.into_iter().filter(|value| !value.is_null()).collect())
}

/// Data as YAML, for people to read: fields in the order of their names, one line each where they fit. What it writes, `documents`
/// reads back.
pub fn write(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

fn block(value: &Value, indent: usize, text: &mut String) {
    let margin = " ".repeat(indent);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                text.push_str(&format!("{margin}{}:", scalar(name)));
                after(value, indent + 2, indent, text);
            }
        }
        Value::Array(entries) if !entries.is_empty() => {
            for entry in entries {
                let mut inner = String::new();
                block(entry, indent + 2, &mut inner);
                text.push_str(&format!("{margin}- {}", inner.trim_start()));
            }
        }
        other => text.push_str(&format!("{margin}{}\n", flow(other))),
    }
}

/// What stands behind a field's colon: a list is not indented any further than its field.
fn after(value: &Value, deeper: usize, here: usize, text: &mut String) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            text.push('\n');
            block(value, deeper, text);
        }
        Value::Array(entries) if !entries.is_empty() => {
            text.push('\n');
            block(value, here, text);
        }
        Value::String(words)
            if words.contains('\n')
                && !words.contains(['\r', '\t'])
                && !words.starts_with([' ', '\n'])
                && !words.ends_with("\n\n") =>
        {
            let keep = if words.ends_with('\n') { "" } else { "-" };
            text.push_str(&format!(" |{keep}\n"));
            for line in words.trim_end_matches('\n').split('\n') {
                let line = if line.is_empty() { String::new() } else { format!("{}{line}", " ".repeat(deeper)) };
                text.push_str(&format!("{line}\n"));
            }
        }
        other => text.push_str(&format!(" {}\n", flow(other))),
    }
}

/// On one line: JSON is YAML.
fn flow(value: &Value) -> String {
    match value {
        Value::String(words) => scalar(words),
        other => other.to_string(),
    }
}

/// Bare where nobody can take it for something else, else in quotes.
fn scalar(words: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '/' | '_' | '$');
    let number = words.starts_with(|letter: char| letter.is_ascii_digit() || matches!(letter, '-' | '.'));
    let word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&words.to_lowercase().as_str());
    if words.is_empty() || number || word || !words.chars().all(plain) {
        return Value::from(words).to_string();
    }
    words.to_owned()
}

/// YAML 1.2 booleans only (`no` is a word, and a country), no repeated keys, no merge keys, no pictures of the source in messages.
fn bounds() -> Options {
    options! {
        budget: budget! {
            max_reader_input_bytes: Some(MAX_BYTES),
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_aliases: MAX_REPLAYED,
            max_anchors: MAX_REPLAYED,
        },
        alias_limits: alias_limits! { max_total_replayed_events: MAX_REPLAYED, max_replay_stack_depth: 4 },
        strict_booleans: true,
        with_snippet: false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(text: &str) -> String {
        documents(text).unwrap_err().to_string()
    }

    #[test]
    fn documents_are_read_in_order_and_empty_ones_left_out() {
        let text = "---\na: 1\n---\n# nothing\n---\nb: [x, 'y']\n";
        assert_eq!(documents(text), Ok(vec![json!({"a": 1}), json!({"b": ["x", "y"]})]));
        assert_eq!(documents(""), Ok(vec![]));
    }

    #[test]
    fn json_is_read_as_it_is_with_tabs_too() {
        assert_eq!(documents("{\n\t\"a\": [1, null],\n\t\"b\": {}\n}\n"), Ok(vec![json!({"a": [1, null], "b": {}})]));
    }

    #[test]
    fn no_is_a_word() {
        assert_eq!(documents("country: no\nflag: false"), Ok(vec![json!({"country": "no", "flag": false})]));
    }

    #[test]
    fn a_text_that_grows_by_its_own_aliases_is_refused() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let inner = vec![format!("*a{}", level - 1); 9].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
        }
        let refused = refusal(&bomb);
        assert!(refused.starts_with("cannot be read as YAML: "), "{refused}");
        assert!(documents("a: &a [1, 2]\nb: *a\n").is_ok());
    }

    #[test]
    fn a_text_that_nests_without_end_is_refused() {
        for (open, close) in [("[", "]"), ("{a: ", "}")] {
            let deep = format!("x: {}1{}", open.repeat(5_000), close.repeat(5_000));
            assert!(refusal(&deep).starts_with("cannot be read as YAML: "));
        }
        let lines: String = (0..200).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
        assert!(refusal(&lines).starts_with("cannot be read as YAML: "));
    }

    #[test]
    fn a_text_past_its_size_is_refused_unread() {
        assert_eq!(documents(&" ".repeat(MAX_BYTES + 1)), Err(YamlError::TooLong { bytes: MAX_BYTES + 1 }));
    }

    #[test]
    fn a_repeated_key_is_refused() {
        assert!(refusal("a: 1\na: 2\n").contains("duplicate"), "{}", refusal("a: 1\na: 2\n"));
    }

    #[test]
    fn what_is_written_reads_back() {
        let value = json!({
            "a": {"list": [{"x": 1, "y": [1, 2]}, [], {}, "no", [["deep"]]], "text": "two\nlines\n\n- `x`: y", "end": "line\n"},
            "empty": "", "number": "0x10", "colon": "a: b", "quote": "say \"yes\"", "null": null, "tab": "a\tb\n",
        });
        assert_eq!(documents(&write(&value)).unwrap(), [value]);
    }
}
