//! Kinds that networks are made of.

use std::sync::LazyLock;

use nicety_core::{
    finding::Finding,
    ids::{InvalidName, NetworkName},
};
use serde_json::Value;

use super::{
    Object,
    envelope::{Envelope, Metadata, NAMESPACE, Namespaced},
    read::{joined, plain, read, unnamed},
};
use crate::{
    DeviceClass, HostInterface, IpBlock, Network, PodNetwork, PodNetworkAttachment,
    block::IpBlockSpec,
    class::DeviceClassSpec,
    host_interface::{Author, HostInterfaceSpec, UNMANAGED},
    network::spec::NetworkSpec,
    pod_network::{PodNetworkAttachmentSpec, PodNetworkSpec},
    schema::Compiled,
};

pub(super) fn network(document: Value) -> Result<Object, Vec<Finding>> {
    static SCHEMA: LazyLock<Compiled> = LazyLock::new(Compiled::new::<Envelope<NetworkSpec>>);
    read(&SCHEMA, document, |envelope: Envelope<NetworkSpec>| {
        let (name, findings) = match envelope.metadata.name.parse::<NetworkName>() {
            Ok(name) => (name, Vec::new()),
            Err(error) => (stand_in()?, vec![Finding::new("metadata.name", error.to_string())]),
        };
        joined(findings, Network::new(name, envelope.spec).map(Object::Network))
    })
}

/// Instead of a name that is none, so that what is wrong with the rest is found too; with a finding nothing of it is used.
fn stand_in() -> Result<NetworkName, Vec<Finding>> {
    "unnamed".parse::<NetworkName>().map_err(|error| vec![Finding::new("metadata.name", error.to_string())])
}

pub(super) fn block(document: Value) -> Result<Object, Vec<Finding>> {
    static SCHEMA: LazyLock<Compiled> = LazyLock::new(Compiled::new::<Envelope<IpBlockSpec>>);
    read(&SCHEMA, document, |envelope: Envelope<IpBlockSpec>| {
        let findings = unnamed(&envelope.metadata.name);
        joined(findings, IpBlock::new(envelope.metadata.name, envelope.spec).map(Object::IpBlock))
    })
}

pub(super) fn class(document: Value) -> Result<Object, Vec<Finding>> {
    static SCHEMA: LazyLock<Compiled> = LazyLock::new(Compiled::new::<Envelope<DeviceClassSpec>>);
    plain(&SCHEMA, document, |name, spec| DeviceClass::new(name, spec).map(Object::DeviceClass))
}

pub(super) fn host_interface(document: Value) -> Result<Object, Vec<Finding>> {
    static SCHEMA: LazyLock<Compiled> = LazyLock::new(Compiled::new::<Envelope<HostInterfaceSpec>>);
    read(&SCHEMA, document, |envelope: Envelope<HostInterfaceSpec>| {
        let Metadata { name, labels, annotations: _ } = envelope.metadata;
        let findings = unnamed(&name);
        let unmanaged = labels.get(UNMANAGED).is_some_and(|value| value == "true");
        let author = if unmanaged { Author::People } else { Author::Daemon };
        let node = name.parse().or_else(|_| "unnamed".parse());
        let node = node.map_err(|error: InvalidName| vec![Finding::new("metadata.name", error.to_string())])?;
        joined(findings, HostInterface::new(node, author, envelope.spec).map(Object::HostInterface))
    })
}

pub(super) fn pod_network(document: Value) -> Result<Object, Vec<Finding>> {
    static SCHEMA: LazyLock<Compiled> = LazyLock::new(Compiled::new::<Envelope<PodNetworkSpec>>);
    plain(&SCHEMA, document, |name, spec| PodNetwork::new(name, spec).map(Object::PodNetwork))
}

pub(super) fn attachment(document: Value) -> Result<Object, Vec<Finding>> {
    static SCHEMA: LazyLock<Compiled> = LazyLock::new(Compiled::new::<Namespaced<PodNetworkAttachmentSpec>>);
    read(&SCHEMA, document, |envelope: Namespaced<PodNetworkAttachmentSpec>| {
        let Namespaced { metadata, spec, .. } = envelope;
        let findings = unnamed(&metadata.name);
        let namespace = metadata.namespace.unwrap_or_else(|| NAMESPACE.to_owned());
        let made = PodNetworkAttachment::new(namespace, metadata.name, spec);
        joined(findings, made.map(Object::PodNetworkAttachment))
    })
}
