//! One document of a manifest file: the envelope that Kubernetes objects have, and what is inside. A document is checked against
//! its schema, read into its type and then against the rules that a schema cannot say; all that is found comes back together.

mod config_map;
mod egress;
mod envelope;
mod networks;
mod read;

use std::fmt;

use nicety_core::finding::Finding;
use serde_json::Value;

pub use envelope::{Envelope, Metadata};
pub(crate) use read::read;

use self::envelope::NAMESPACE;
use crate::{
    API_VERSION, DeviceClass, EgressGateway, EgressHealth, EgressPolicy, EgressSlice, HostInterface, IpBlock, Network,
    PodNetwork, PodNetworkAttachment, Strategies, listed,
};

/// A document that is what it says it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Object {
    Network(Network),
    IpBlock(IpBlock),
    DeviceClass(DeviceClass),
    HostInterface(HostInterface),
    EgressPolicy(EgressPolicy),
    EgressGateway(EgressGateway),
    EgressSlice(EgressSlice),
    EgressHealth(EgressHealth),
    PodNetwork(PodNetwork),
    PodNetworkAttachment(PodNetworkAttachment),
    /// Of Kubernetes itself, as is what follows: read in part.
    Node(listed::Node),
    Pod(listed::Pod),
    Namespace(listed::Namespace),
    Strategies(Strategies),
}

/// What a document says of itself, as far as it can be made out. As text: `Network storage`, or
/// `PodNetworkAttachment team/storage` of a kind that has namespaces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    pub kind: String,
    /// Empty: cluster-scoped.
    pub namespace: String,
    pub name: String,
}

impl Identity {
    /// Of a cluster-scoped object.
    pub fn new(kind: &str, name: &str) -> Identity {
        Identity { kind: kind.to_owned(), namespace: String::new(), name: name.to_owned() }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Identity { kind, namespace, name } = self;
        if namespace.is_empty() { write!(f, "{kind} {name}") } else { write!(f, "{kind} {namespace}/{name}") }
    }
}

/// Whether a document without `apiVersion` and `kind` may be the strategies: only in a file that is named for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bare {
    Strategies,
    Nothing,
}

/// Paths of findings start at the document's root.
pub fn parse(document: Value, bare: Bare) -> (Identity, Result<Object, Vec<Finding>>) {
    let field = |path: &str| document.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (api_version, kind, name) = (field("/apiVersion"), field("/kind"), field("/metadata/name"));
    let namespace = match kind.as_str() {
        "PodNetworkAttachment" | "Pod" => Some(field("/metadata/namespace")).filter(|name| !name.is_empty()),
        _ => Some(String::new()),
    };
    let namespace = namespace.unwrap_or_else(|| NAMESPACE.to_owned());
    let identity = Identity { kind: kind.clone(), namespace, name };
    let object = match (api_version.as_str(), kind.as_str()) {
        ("", "") if bare == Bare::Strategies => Strategies::from_value(document).map(Object::Strategies),
        (API_VERSION, "Network") => networks::network(document),
        (API_VERSION, "IPBlock") => networks::block(document),
        (API_VERSION, "DeviceClass") => networks::class(document),
        (API_VERSION, "HostInterface") => networks::host_interface(document),
        (API_VERSION, "EgressPolicy") => egress::egress_policy(document),
        (API_VERSION, "EgressGateway") => egress::egress_gateway(document),
        (API_VERSION, "PodNetwork") => networks::pod_network(document),
        (API_VERSION, "PodNetworkAttachment") => networks::attachment(document),
        (API_VERSION, "EgressSlice") => egress::egress_slice(document),
        (API_VERSION, "EgressHealth") => egress::egress_health(document),
        ("v1", "Node") => listed::Node::read(&document).map(Object::Node),
        ("v1", "Pod") => listed::Pod::read(&document).map(Object::Pod),
        ("v1", "Namespace") => listed::Namespace::read(&document).map(Object::Namespace),
        ("v1", "ConfigMap") => config_map::config_map(document, &identity.name),
        _ => Err(vec![unknown(&document, &api_version, &kind)]),
    };
    (identity, object)
}

fn unknown(document: &Value, api_version: &str, kind: &str) -> Finding {
    if !document.is_object() {
        return Finding::new("", "is not an object; hint: a manifest starts with `apiVersion` and `kind`");
    }
    let known = "Network, IPBlock, HostInterface, DeviceClass, EgressPolicy, EgressGateway, PodNetwork and PodNetworkAttachment";
    match (api_version, kind) {
        (_, "") => Finding::new("kind", format!("is missing; hint: {known} of `{API_VERSION}` are served here")),
        ("", _) => Finding::new("apiVersion", format!("is missing; hint: write `{API_VERSION}`")),
        (API_VERSION, _) => Finding::new("kind", format!("`{kind}` is not served; hint: {known} are")),
        _ => {
            let message = format!(
                "`{api_version}` with kind `{kind}` is not served; hint: {known} of `{API_VERSION}` are, and Node, Pod and Namespace of `v1`"
            );
            Finding::new("apiVersion", message)
        }
    }
}
