//! Kinds that egress is made of.

use std::sync::LazyLock;

use nicety_core::{finding::Finding, ids::InvalidName};
use serde_json::Value;

use super::{Object, envelope::Envelope, read::plain};
use crate::{
    EgressGateway, EgressHealth, EgressPolicy, EgressSlice, egress_gateway::EgressGatewaySpec,
    egress_health::EgressHealthSpec, egress_policy::EgressPolicySpec, egress_slice::EgressSliceSpec, schema::Compiled,
};

pub(super) fn egress_policy(document: Value) -> Result<Object, Vec<Finding>> {
    static SCHEMA: LazyLock<Compiled> = LazyLock::new(Compiled::new::<Envelope<EgressPolicySpec>>);
    let mut judged = false;
    let read = plain(&SCHEMA, document, |name, spec| {
        judged = true;
        EgressPolicy::new(name, spec).map(Object::EgressPolicy)
    });
    // A value that is none of its type leaves no policy of which the rules could be asked.
    read.map_err(|mut findings| {
        if !judged {
            let rules = "addresses with bits of hosts, fields that exclude each other and the like";
            findings.push(Finding::new("", format!("is looked at for more once these are mended: {rules}")));
        }
        findings
    })
}

pub(super) fn egress_gateway(document: Value) -> Result<Object, Vec<Finding>> {
    static SCHEMA: LazyLock<Compiled> = LazyLock::new(Compiled::new::<Envelope<EgressGatewaySpec>>);
    plain(&SCHEMA, document, |name, spec| EgressGateway::new(name, spec).map(Object::EgressGateway))
}

pub(super) fn egress_slice(document: Value) -> Result<Object, Vec<Finding>> {
    static SCHEMA: LazyLock<Compiled> = LazyLock::new(Compiled::new::<Envelope<EgressSliceSpec>>);
    plain(&SCHEMA, document, |name, spec| EgressSlice::new(name, spec).map(Object::EgressSlice))
}

pub(super) fn egress_health(document: Value) -> Result<Object, Vec<Finding>> {
    static SCHEMA: LazyLock<Compiled> = LazyLock::new(Compiled::new::<Envelope<EgressHealthSpec>>);
    plain(&SCHEMA, document, |name: String, spec| {
        let observer = name.parse().or_else(|_| "unnamed".parse());
        let observer = observer.map_err(|error: InvalidName| vec![Finding::new("metadata.name", error.to_string())])?;
        EgressHealth::new(observer, spec).map(Object::EgressHealth)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(destinations: Value) -> String {
        let document = json!({"apiVersion": "nicety.dev/v1alpha1", "kind": "EgressPolicy", "metadata": {"name": "out"}, "spec": {
            "selectors": [{"podSelector": {}}], "destinationCIDRs": destinations, "typo": 1,
            "egressGateways": [{"nodeSelector": {}, "interface": "eth0", "egressIPs": ["192.0.2.1"]}],
        }});
        egress_policy(document).unwrap_err().iter().map(Finding::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn all_that_is_wrong_with_a_policy_is_said_at_once_or_that_there_may_be_more() {
        let all = said(json!(["10.0.0.1/8"]));
        assert!(all.contains("typo") && all.contains("host bits") && all.contains("egressIPs"), "{all}");
        assert!(!all.contains("for more once these are mended"), "{all}");
        // A value of no type leaves nothing of which rules could be asked.
        let some = said(json!(["10.0.0.1/8", "nonsense"]));
        assert!(some.contains("typo") && some.contains("nonsense"), "{some}");
        assert!(some.contains("is looked at for more once these are mended"), "{some}");
    }
}
