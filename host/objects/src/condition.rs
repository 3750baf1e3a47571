//! Conditions: what an object says of itself, one per type, with a reason for machines and a message for people.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One aspect of an object's state, as Kubernetes objects tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What the condition is about, in CamelCase. There is one condition of each type.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 316))]
    pub kind: String,
    pub status: ConditionStatus,
    /// Why, as one word in CamelCase that programs may compare.
    #[schemars(length(min = 1, max = 1024))]
    pub reason: String,
    /// Why, in words.
    #[serde(default)]
    #[schemars(length(max = 32768))]
    pub message: String,
    /// When `status` last changed: RFC 3339, in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub last_transition_time: String,
    /// The `metadata.generation` that the condition was computed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConditionStatus {
    True,
    False,
    Unknown,
}

/// Puts a condition among others. The time of its last transition stays when its status does, so that a status that says the same
/// is the same.
pub fn put(conditions: &mut Vec<Condition>, new: Condition) {
    match conditions.iter_mut().find(|old| old.kind == new.kind) {
        Some(old) if old.status == new.status => {
            let last_transition_time = std::mem::take(&mut old.last_transition_time);
            *old = Condition { last_transition_time, ..new };
        }
        Some(old) => *old = new,
        None => conditions.push(new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(status: ConditionStatus, time: &str) -> Condition {
        Condition {
            kind: "Ready".to_owned(),
            status,
            reason: "AllNodes".to_owned(),
            message: String::new(),
            last_transition_time: time.to_owned(),
            observed_generation: Some(1),
        }
    }

    #[test]
    fn the_time_of_a_transition_moves_with_the_status_alone() {
        let mut conditions = Vec::new();
        put(&mut conditions, ready(ConditionStatus::True, "1"));
        put(&mut conditions, ready(ConditionStatus::True, "2"));
        assert_eq!(conditions, [ready(ConditionStatus::True, "1")]);
        put(&mut conditions, ready(ConditionStatus::False, "3"));
        assert_eq!(conditions, [ready(ConditionStatus::False, "3")]);
    }
}
