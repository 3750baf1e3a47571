//! Texts and attributes that a policy writes.

use crate::{
    facts::{Attribute, registry},
    finding::Finding,
};

/// Longest reason, in bytes: it goes into every decision record.
pub const REASON_MAX: usize = 1024;

/// Reasons are what `explain` shows: not empty, bounded, one line.
pub(super) fn reason(path: impl FnOnce() -> String, text: &str) -> Option<Finding> {
    let wrong = if text.trim().is_empty() {
        "is empty; every choice carries a reason".to_owned()
    } else if text.len() > REASON_MAX {
        format!("is {} bytes long; {REASON_MAX} is the most", text.len())
    } else if text.chars().any(char::is_control) {
        "has control characters".to_owned()
    } else {
        return None;
    };
    Some(Finding::new(path(), wrong))
}

/// Attributes are sorted by name, each name once, each known.
pub(crate) fn attributes(path: &str, attributes: &[Attribute]) -> Vec<Finding> {
    let unknown = attributes.iter().enumerate().filter(|(_, attribute)| !registry::is_known(&attribute.name));
    let unknown = unknown.map(|(index, attribute)| {
        let message = format!(
            "`{}` is no registered attribute; hint: put your own domain in front of a name of your own, `example.org/name`",
            attribute.name
        );
        Finding::new(format!("{path}[{index}].name"), message)
    });
    let disorder = attributes.windows(2).enumerate().filter_map(|(index, pair)| match pair {
        [one, other] if one.name >= other.name => {
            let message = format!("`{}` does not come after `{}`; names are sorted, each once", other.name, one.name);
            Some(Finding::new(format!("{path}[{}].name", index + 1), message))
        }
        _ => None,
    });
    unknown.chain(disorder).collect()
}
