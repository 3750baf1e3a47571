//! One document of a manifest file: the envelope that Kubernetes objects have, and what is inside. A document is checked against
//! its schema, read into its type and then against the rules that a schema cannot say; all that is found comes back together.

use std::{fmt, sync::LazyLock};

use base64::{Engine, prelude::BASE64_STANDARD};
use nicety_core::{
    finding::Finding,
    ids::{InvalidName, NetworkName},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    API_VERSION, DeviceClass, EgressGateway, EgressHealth, EgressPolicy, EgressSlice, HostInterface, IpBlock, Network,
    PodNetwork, PodNetworkAttachment, Strategies,
    block::IpBlockSpec,
    class::DeviceClassSpec,
    egress_gateway::EgressGatewaySpec,
    egress_health::EgressHealthSpec,
    egress_policy::EgressPolicySpec,
    egress_slice::EgressSliceSpec,
    host_interface::{Author, HostInterfaceSpec, UNMANAGED},
    listed,
    network::spec::NetworkSpec,
    pod_network::{PodNetworkAttachmentSpec, PodNetworkSpec},
    schema::Compiled,
    strategies::{CONFIG_MAP, CONFIG_MAP_KEY, CONFIG_MAP_MODULE_MAX, Module, Modules},
    text::{self, is_subdomain},
    yaml,
};

/// Where an object is that has a namespace and does not say which.
const NAMESPACE: &str = listed::NAMESPACE;

/// An object of ours as a file carries it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope<Spec> {
    pub api_version: String,
    pub kind: String,
    pub metadata: Metadata,
    pub spec: Spec,
}

/// An object of ours that has a namespace.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Namespaced<Spec> {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    metadata: NamespacedMetadata,
    spec: Spec,
}

/// Most of our kinds are cluster-scoped: no namespace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    pub name: String,
    #[serde(default)]
    pub labels: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    pub annotations: std::collections::BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ConfigMap {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(rename = "metadata")]
    _metadata: NamespacedMetadata,
    data: ConfigMapData,
    /// Modules in base64.
    #[serde(default)]
    binary_data: std::collections::BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NamespacedMetadata {
    name: String,
    #[serde(default)]
    #[schemars(with = "Option<text::Namespace>")]
    namespace: Option<String>,
    #[serde(default, rename = "labels")]
    _labels: std::collections::BTreeMap<String, String>,
    #[serde(default, rename = "annotations")]
    _annotations: std::collections::BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ConfigMapData {
    #[serde(rename = "strategies.yaml")]
    strategies: String,
}

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
        (API_VERSION, "Network") => network(document),
        (API_VERSION, "IPBlock") => block(document),
        (API_VERSION, "DeviceClass") => class(document),
        (API_VERSION, "HostInterface") => host_interface(document),
        (API_VERSION, "EgressPolicy") => egress_policy(document),
        (API_VERSION, "EgressGateway") => egress_gateway(document),
        (API_VERSION, "PodNetwork") => pod_network(document),
        (API_VERSION, "PodNetworkAttachment") => attachment(document),
        (API_VERSION, "EgressSlice") => egress_slice(document),
        (API_VERSION, "EgressHealth") => egress_health(document),
        ("v1", "Node") => listed::Node::read(&document).map(Object::Node),
        ("v1", "Pod") => listed::Pod::read(&document).map(Object::Pod),
        ("v1", "Namespace") => listed::Namespace::read(&document).map(Object::Namespace),
        ("v1", "ConfigMap") => config_map(document, &identity.name),
        _ => Err(vec![unknown(&document, &api_version, &kind)]),
    };
    (identity, object)
}

/// Schema, type, rules. Fields that are not known are left out for the later two, so that what else is wrong is said as well.
pub(crate) fn read<Spec, Valid>(
    schema: &Compiled,
    mut value: Value,
    validate: impl FnOnce(Spec) -> Result<Valid, Vec<Finding>>,
) -> Result<Valid, Vec<Finding>>
where
    Spec: DeserializeOwned,
{
    let mut findings = schema.check(&value);
    prune(&schema.schema, &mut value);
    match serde_json::from_value(value) {
        Ok(spec) => match validate(spec) {
            Ok(valid) if findings.is_empty() => return Ok(valid),
            Ok(_) => (),
            Err(more) => findings.extend(more),
        },
        // The schema has said why, with a path; its formats are those of the types.
        Err(error) if findings.is_empty() => findings.push(Finding::new("", error.to_string())),
        Err(_) => (),
    }
    Err(findings)
}

fn network(document: Value) -> Result<Object, Vec<Finding>> {
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

fn block(document: Value) -> Result<Object, Vec<Finding>> {
    static SCHEMA: LazyLock<Compiled> = LazyLock::new(Compiled::new::<Envelope<IpBlockSpec>>);
    read(&SCHEMA, document, |envelope: Envelope<IpBlockSpec>| {
        let findings = unnamed(&envelope.metadata.name);
        joined(findings, IpBlock::new(envelope.metadata.name, envelope.spec).map(Object::IpBlock))
    })
}

/// A kind of which nothing but its name and its spec matters.
fn plain<Spec: DeserializeOwned>(
    schema: &Compiled,
    document: Value,
    make: impl FnOnce(String, Spec) -> Result<Object, Vec<Finding>>,
) -> Result<Object, Vec<Finding>> {
    read(schema, document, |envelope: Envelope<Spec>| {
        let findings = unnamed(&envelope.metadata.name);
        joined(findings, make(envelope.metadata.name, envelope.spec))
    })
}

fn class(document: Value) -> Result<Object, Vec<Finding>> {
    static SCHEMA: LazyLock<Compiled> = LazyLock::new(Compiled::new::<Envelope<DeviceClassSpec>>);
    plain(&SCHEMA, document, |name, spec| DeviceClass::new(name, spec).map(Object::DeviceClass))
}

fn egress_policy(document: Value) -> Result<Object, Vec<Finding>> {
    static SCHEMA: LazyLock<Compiled> = LazyLock::new(Compiled::new::<Envelope<EgressPolicySpec>>);
    plain(&SCHEMA, document, |name, spec| EgressPolicy::new(name, spec).map(Object::EgressPolicy))
}

fn egress_gateway(document: Value) -> Result<Object, Vec<Finding>> {
    static SCHEMA: LazyLock<Compiled> = LazyLock::new(Compiled::new::<Envelope<EgressGatewaySpec>>);
    plain(&SCHEMA, document, |name, spec| EgressGateway::new(name, spec).map(Object::EgressGateway))
}

fn egress_slice(document: Value) -> Result<Object, Vec<Finding>> {
    static SCHEMA: LazyLock<Compiled> = LazyLock::new(Compiled::new::<Envelope<EgressSliceSpec>>);
    plain(&SCHEMA, document, |name, spec| EgressSlice::new(name, spec).map(Object::EgressSlice))
}

fn egress_health(document: Value) -> Result<Object, Vec<Finding>> {
    static SCHEMA: LazyLock<Compiled> = LazyLock::new(Compiled::new::<Envelope<EgressHealthSpec>>);
    plain(&SCHEMA, document, |name: String, spec| {
        let observer = name.parse().or_else(|_| "unnamed".parse());
        let observer = observer.map_err(|error: InvalidName| vec![Finding::new("metadata.name", error.to_string())])?;
        EgressHealth::new(observer, spec).map(Object::EgressHealth)
    })
}

fn pod_network(document: Value) -> Result<Object, Vec<Finding>> {
    static SCHEMA: LazyLock<Compiled> = LazyLock::new(Compiled::new::<Envelope<PodNetworkSpec>>);
    plain(&SCHEMA, document, |name, spec| PodNetwork::new(name, spec).map(Object::PodNetwork))
}

fn attachment(document: Value) -> Result<Object, Vec<Finding>> {
    static SCHEMA: LazyLock<Compiled> = LazyLock::new(Compiled::new::<Namespaced<PodNetworkAttachmentSpec>>);
    read(&SCHEMA, document, |envelope: Namespaced<PodNetworkAttachmentSpec>| {
        let Namespaced { metadata, spec, .. } = envelope;
        let findings = unnamed(&metadata.name);
        let namespace = metadata.namespace.unwrap_or_else(|| NAMESPACE.to_owned());
        let made = PodNetworkAttachment::new(namespace, metadata.name, spec);
        joined(findings, made.map(Object::PodNetworkAttachment))
    })
}

fn host_interface(document: Value) -> Result<Object, Vec<Finding>> {
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

fn config_map(document: Value, name: &str) -> Result<Object, Vec<Finding>> {
    static SCHEMA: LazyLock<Compiled> = LazyLock::new(Compiled::new::<ConfigMap>);
    if name != CONFIG_MAP {
        let message = format!("`{name}` is no ConfigMap of ours; hint: the strategies are in `{CONFIG_MAP}`");
        return Err(vec![Finding::new("metadata.name", message)]);
    }
    read(&SCHEMA, document, |map: ConfigMap| {
        let inside = |findings: Vec<Finding>| -> Vec<Finding> {
            let path = format!("data[\"{CONFIG_MAP_KEY}\"]");
            findings.into_iter().map(|finding| finding.within(&path)).collect()
        };
        let documents = yaml::documents(&map.data.strategies);
        let documents = documents.map_err(|error| inside(vec![Finding::new("", error.to_string())]))?;
        let strategies = match <[Value; 1]>::try_from(documents) {
            Ok([document]) => Strategies::from_value(document).map_err(inside),
            Err(documents) if documents.is_empty() => Ok(Strategies::default()),
            Err(_) => Err(inside(vec![Finding::new("", "has more than one document; hint: remove the `---`")])),
        };
        let (modules, findings) = modules(map.binary_data);
        joined(findings, strategies).map(|strategies| Object::Strategies(Strategies { modules, ..strategies }))
    })
}

/// `binaryData` as bytes, and what of it is none.
fn modules(encoded: std::collections::BTreeMap<String, String>) -> (Modules, Vec<Finding>) {
    let (mut modules, mut findings) = (Modules::new(), Vec::new());
    for (key, text) in encoded {
        let path = format!("binaryData[\"{key}\"]");
        match BASE64_STANDARD.decode(text.trim_end()) {
            Err(error) => findings.push(Finding::new(path, format!("is not base64: {error}"))),
            Ok(bytes) if bytes.len() > CONFIG_MAP_MODULE_MAX => {
                let message = format!(
                    "has {} bytes, and a module in a ConfigMap at most {CONFIG_MAP_MODULE_MAX}; hint: push it to a registry and refer to it by `oci://`",
                    bytes.len()
                );
                findings.push(Finding::new(path, message));
            }
            Ok(bytes) => {
                modules.insert(key, Module(bytes.into()));
            }
        }
    }
    (modules, findings)
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

/// Kubernetes' rule for names: a DNS subdomain.
fn unnamed(name: &str) -> Vec<Finding> {
    if is_subdomain(name) {
        return Vec::new();
    }
    let rule =
        "of lower-case letters, digits, `-` and `.`, with a letter or digit at both ends, at most 253 bytes long";
    vec![Finding::new("metadata.name", format!("`{name}` is not a name {rule}"))]
}

fn joined<T>(mut findings: Vec<Finding>, result: Result<T, Vec<Finding>>) -> Result<T, Vec<Finding>> {
    match result {
        Ok(value) if findings.is_empty() => Ok(value),
        Ok(_) => Err(findings),
        Err(more) => {
            findings.extend(more);
            Err(findings)
        }
    }
}

/// Removes fields that the schema does not know, as far as its plain structure (fields, entries, maps) goes.
fn prune(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(object) => {
            let fields = schema.get("properties").and_then(Value::as_object);
            let rest = schema.get("additionalProperties");
            if let Some(fields) = fields.filter(|_| rest == Some(&Value::Bool(false))) {
                object.retain(|name, _| fields.contains_key(name));
            }
            for (name, inner) in object {
                if let Some(schema) = fields.and_then(|fields| fields.get(name)).or(rest) {
                    prune(schema, inner);
                }
            }
        }
        Value::Array(entries) => {
            if let Some(schema) = schema.get("items") {
                entries.iter_mut().for_each(|entry| prune(schema, entry));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
    }
}
