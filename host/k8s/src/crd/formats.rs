//! What the API server knows of our kinds of text: a format of its own, a pattern, or a rule; and the longest such text, without
//! which the server could not bound what its rules cost.

use serde_json::{Map, Value, json};

/// A DNS subdomain.
const SUBDOMAIN: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// Formats that mean the same to the server.
const KEPT: &[&str] = &["date-time", "int32", "int64", "double"];

/// Replaces the keywords of a text's format.
pub(super) fn rewrite(object: &mut Map<String, Value>) {
    let Some(format) = object.get("format").and_then(Value::as_str).map(str::to_owned) else { return };
    if KEPT.contains(&format.as_str()) {
        return;
    }
    object.remove("format");
    if let Some(Value::Object(keywords)) = keywords(&format) {
        object.extend(keywords);
    }
}

/// What stands in a schema for a format of ours. None: a format of which the server is told nothing (the sizes of numbers, whose bounds stand beside them).
pub fn keywords(format: &str) -> Option<Value> {
    Some(match format {
        "cidr" => json!({"format": "cidr", "maxLength": 43}),
        "cidr-or-address" => json!({
            "maxLength": 43,
            "x-kubernetes-validations": [{"rule": "isIP(self) || isCIDR(self)", "message": "must be a prefix or an address"}],
        }),
        "ip-address" => json!({
            "maxLength": 39,
            "x-kubernetes-validations": [{"rule": "isIP(self)", "message": "must be an IP address"}],
        }),
        "ipv4-address" => json!({"format": "ipv4", "maxLength": 15}),
        "ipv6-address" => json!({"format": "ipv6", "maxLength": 39}),
        "pci-address" => {
            json!({"pattern": "^[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\\.[0-7]$", "maxLength": 16})
        }
        "hex16" => json!({"pattern": "^(0[xX])?[0-9a-fA-F]{1,4}$", "maxLength": 6}),
        "hardware-address" => json!({"pattern": "^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$", "maxLength": 17}),
        "interface-name" => {
            json!({"pattern": r"^([^./:\s][^/:\s]*|\.[^./:\s][^/:\s]*|\.\.[^/:\s]+)$", "minLength": 1, "maxLength": 15})
        }
        "node-name" | "object-name" => json!({"pattern": SUBDOMAIN, "minLength": 1, "maxLength": 253}),
        "network-name" | "strategy-name" => json!({"pattern": SUBDOMAIN, "minLength": 1, "maxLength": 63}),
        "namespace" => json!({"pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "minLength": 1, "maxLength": 63}),
        "resource-name" => json!({
            "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
            "maxLength": 317,
        }),
        _ => return None,
    })
}
