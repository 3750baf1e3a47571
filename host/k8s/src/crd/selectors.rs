//! Label selectors stand in many places and have one rule.

use serde_json::{Value, json};

/// Adds the rule to every requirement of every selector.
pub(super) fn add(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    let is_requirement = object.get("properties").and_then(Value::as_object).is_some_and(|fields| {
        fields.len() == 3 && ["key", "operator", "values"].iter().all(|field| fields.contains_key(*field))
    });
    if is_requirement {
        let rule = "self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : !has(self.values) || size(self.values) == 0";
        let message = "`In` and `NotIn` need `values`; `Exists` and `DoesNotExist` take none";
        let cel = json!([{"rule": rule, "message": message, "fieldPath": ".values"}]);
        object.insert("x-kubernetes-validations".to_owned(), cel);
    }
    if let Some(Value::Object(fields)) = object.get_mut("properties") {
        fields.values_mut().for_each(add);
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(schema) = object.get_mut(inner) {
            add(schema);
        }
    }
}
