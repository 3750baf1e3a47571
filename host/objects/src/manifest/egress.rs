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
