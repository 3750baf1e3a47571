//! Label selectors, as Kubernetes has them: every part must hold. An empty selector selects everything.

use std::collections::BTreeMap;

use nicety_core::finding::Finding;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{is_label_key, is_label_value};

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// Selects objects by their labels. Both parts must hold; an empty selector selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LabelSelector {
    /// Labels that must be there with these values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub match_labels: Labels,
    /// Requirements of which each must hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub match_expressions: Vec<Requirement>,
}

/// What one label must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Requirement {
    /// Key of the label.
    #[schemars(length(min = 1, max = 317))]
    pub key: String,
    /// `In` and `NotIn` compare with `values`; `Exists` and `DoesNotExist` take none.
    pub operator: Operator,
    /// Of `In` and `NotIn`, at least one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 63)))]
    pub values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Operator {
    In,
    /// Holds also for an object without the label.
    NotIn,
    Exists,
    DoesNotExist,
}

impl LabelSelector {
    pub fn matches(&self, labels: &Labels) -> bool {
        let LabelSelector { match_labels, match_expressions } = self;
        match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && match_expressions.iter().all(|requirement| requirement.matches(labels))
    }

    /// All that Kubernetes itself would refuse; paths start at the selector.
    pub fn validate(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (key, value) in &self.match_labels {
            let path = format!("matchLabels[\"{key}\"]");
            findings.extend(key_of(&path, key));
            findings.extend(value_of(&path, value));
        }
        for (index, Requirement { key, operator, values }) in self.match_expressions.iter().enumerate() {
            let path = format!("matchExpressions[{index}]");
            findings.extend(key_of(&format!("{path}.key"), key));
            for (place, value) in values.iter().enumerate() {
                findings.extend(value_of(&format!("{path}.values[{place}]"), value));
            }
            match (operator, values.is_empty()) {
                (Operator::In | Operator::NotIn, true) => {
                    findings.push(Finding::new(format!("{path}.values"), "is missing; hint: name at least one value"));
                }
                (Operator::Exists | Operator::DoesNotExist, false) => {
                    let message = "has no meaning for this operator; hint: leave it out";
                    findings.push(Finding::new(format!("{path}.values"), message));
                }
                (Operator::In | Operator::NotIn, false) | (Operator::Exists | Operator::DoesNotExist, true) => (),
            }
        }
        findings
    }
}

impl Requirement {
    fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        match self.operator {
            Operator::In => value.is_some_and(|value| self.values.contains(value)),
            Operator::NotIn => value.is_none_or(|value| !self.values.contains(value)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

fn key_of(path: &str, key: &str) -> Option<Finding> {
    let rule = "of letters, digits, `-`, `_` and `.`, at most 63 bytes, after an optional DNS name and `/`";
    (!is_label_key(key)).then(|| Finding::new(path, format!("`{key}` is not a label's key {rule}")))
}

fn value_of(path: &str, value: &str) -> Option<Finding> {
    let rule = "of letters, digits, `-`, `_` and `.`, with a letter or digit at both ends, at most 63 bytes";
    (!is_label_value(value)).then(|| Finding::new(path, format!("`{value}` is not a label's value {rule}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn selector(value: serde_json::Value) -> LabelSelector {
        serde_json::from_value(value).unwrap()
    }

    fn matches(value: serde_json::Value, labels: &[(&str, &str)]) -> bool {
        selector(value).matches(&labels.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect())
    }

    #[test]
    fn an_empty_selector_selects_everything() {
        assert!(matches(json!({}), &[]) && matches(json!({}), &[("a", "b")]));
    }

    #[test]
    fn every_part_must_hold() {
        let both = json!({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "In", "values": ["2", "3"]}]});
        assert!(matches(both.clone(), &[("a", "1"), ("b", "3")]));
        assert!(!matches(both.clone(), &[("a", "1")]));
        assert!(!matches(both, &[("b", "3")]));
    }

    #[test]
    fn a_label_that_is_not_there_is_not_in() {
        let not_in = json!({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]});
        assert!(
            matches(not_in.clone(), &[]) && matches(not_in.clone(), &[("a", "2")]) && !matches(not_in, &[("a", "1")])
        );
        let absent = json!({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]});
        assert!(matches(absent.clone(), &[]) && !matches(absent, &[("a", "")]));
        let there = json!({"matchExpressions": [{"key": "a", "operator": "Exists"}]});
        assert!(!matches(there.clone(), &[]) && matches(there, &[("a", "")]));
    }

    #[test]
    fn what_kubernetes_would_refuse_is_found() {
        let findings = selector(json!({
            "matchLabels": {"a/b/c": "x y"},
            "matchExpressions": [
                {"key": "a", "operator": "In"},
                {"key": "example.com/a", "operator": "Exists", "values": ["1"]},
            ],
        }))
        .validate();
        let paths: Vec<&str> = findings.iter().map(|finding| finding.path.as_str()).collect();
        let labels = "matchLabels[\"a/b/c\"]";
        assert_eq!(paths, [labels, labels, "matchExpressions[0].values", "matchExpressions[1].values"]);
    }
}
