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
    plain(&SCHEMA, document, |name, spec| EgressPolicy::new(name, spec).map(Object::EgressPolicy))
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
