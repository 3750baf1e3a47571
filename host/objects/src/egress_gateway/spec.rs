//! An EgressGateway as its author writes it. Fields that mean what another system's gateway means by them have its names.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{condition::Condition, text};

/// Gateways that run as pods: how many, with which interfaces, and when one counts as failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EgressGatewaySpec {
    /// Gateways that run at once.
    #[serde(default = "one")]
    #[schemars(range(max = 1000))]
    pub replicas: u32,
    /// Namespace in which the gateways' pods run. Never changes.
    #[serde(default = "system")]
    #[schemars(with = "text::Namespace")]
    pub namespace: String,
    /// Network of the gateways' primary interface. Excludes `externalNetworks`. Absent: the cluster's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::NetworkRef>")]
    pub network: Option<String>,
    /// Networks outside of the cluster that the gateways lead to. Excludes `network`, which replaces it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<text::NetworkRef>", length(max = 16))]
    pub external_networks: Vec<String>,
    /// Further interfaces of each gateway, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 9))]
    pub additional_interfaces: Vec<AdditionalInterface>,
    /// Where the primary interface's addresses come from. Absent: the network decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub ip_pools: Vec<IpPoolRef>,
    /// How much the gateways log.
    #[serde(default)]
    pub log_severity: LogSeverity,
    /// What the gateways' pods have beside what the gateway itself needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<PodTemplate>,
    /// When a gateway counts as failed. Absent: when its pod is not ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress_gateway_failure_detection: Option<FailureDetection>,
    /// Addresses of a cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws: Option<Aws>,
}

/// One more interface: of `network` or of `multus`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdditionalInterface {
    /// Interface name in the pod; each once, and not `eth0`.
    #[schemars(with = "text::Interface")]
    pub name: String,
    /// A Network of this cluster. Excludes `multus`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::NetworkRef>")]
    pub network: Option<String>,
    /// A NetworkAttachmentDefinition. Excludes `network`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multus: Option<NadRef>,
    /// Pools that the attachment's IPAM takes addresses from: given to it as `ipv4_pools` and `ipv6_pools` of its arguments. Of
    /// `multus` alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 253)))]
    pub ip_pools: Vec<String>,
}

/// A NetworkAttachmentDefinition by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NadRef {
    /// Name of the definition.
    #[schemars(with = "text::ObjectName")]
    pub name: String,
    /// Absent: the gateways' own namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::Namespace>")]
    pub namespace: Option<String>,
}

/// A pool by its name, its prefix or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IpPoolRef {
    /// Name of the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::ObjectName>")]
    pub name: Option<String>,
    /// Prefix of the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::Cidr>")]
    pub cidr: Option<IpNet>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LogSeverity {
    Debug,
    #[default]
    Info,
    Warn,
    Error,
    Fatal,
}

/// Of a pod, as Kubernetes has it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PodTemplate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<TemplateMetadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<TemplateSpec>,
}

/// Labels and annotations of the pods.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TemplateMetadata {
    /// Labels of the pods.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the pods.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// Where the pods run, and with what.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TemplateSpec {
    /// Labels of the nodes that the pods may run on.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// `affinity` of a pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::AnyObject>")]
    pub affinity: Option<Map<String, Value>>,
    /// `tolerations` of a pod.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<text::AnyObject>")]
    pub tolerations: Vec<Map<String, Value>>,
    /// `topologySpreadConstraints` of a pod.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<text::AnyObject>")]
    pub topology_spread_constraints: Vec<Map<String, Value>>,
    /// Priority class of the pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority_class_name: Option<String>,
    /// Seconds that a pod has to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub termination_grace_period_seconds: Option<i64>,
    /// `resources` of the gateway's container.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::AnyObject>")]
    pub resources: Option<Map<String, Value>>,
}

/// At least one probe is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FailureDetection {
    /// Seconds without the cluster's API after which a gateway counts as failed.
    #[serde(default = "datastore")]
    #[schemars(range(min = 1, max = 86400))]
    pub health_timeout_data_store_seconds: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icmp_probe: Option<IcmpProbe>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_probe: Option<HttpProbe>,
}

/// Echo requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IcmpProbe {
    /// The probe holds while one of them answers.
    #[schemars(with = "Vec<text::Address>", length(min = 1, max = 16))]
    pub ips: Vec<IpAddr>,
    /// Seconds between two tries.
    #[serde(default = "five")]
    #[schemars(range(min = 1, max = 86400))]
    pub interval_seconds: u32,
    /// Seconds without an answer after which the probe fails: more than `intervalSeconds`.
    #[serde(default = "fifteen")]
    #[schemars(range(min = 1, max = 86400))]
    pub timeout_seconds: u32,
}

/// Requests of web pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpProbe {
    /// The probe holds while one of them answers.
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 2048)))]
    pub urls: Vec<String>,
    /// Seconds between two tries.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 86400))]
    pub interval_seconds: u32,
    /// Seconds without an answer after which the probe fails: more than `intervalSeconds`.
    #[serde(default = "thirty")]
    #[schemars(range(min = 1, max = 86400))]
    pub timeout_seconds: u32,
}

/// Addresses of a cloud.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Aws {
    /// Whether the gateways have addresses of the cloud's own network. Excludes `network`.
    #[serde(rename = "nativeIP")]
    pub native_ip: NativeIp,
    /// Elastic addresses of the gateways. Needs `nativeIP: Enabled`.
    #[serde(rename = "elasticIPs", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<text::Address>", length(max = 64))]
    pub elastic_ips: Vec<IpAddr>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NativeIp {
    Enabled,
    #[default]
    Disabled,
}

/// Computed by the controller.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EgressGatewayStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Gateways that are ready.
    pub ready: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

fn one() -> u32 {
    1
}

fn system() -> String {
    "nicety-system".to_owned()
}

fn datastore() -> u32 {
    90
}

fn five() -> u32 {
    5
}

fn ten() -> u32 {
    10
}

fn fifteen() -> u32 {
    15
}

fn thirty() -> u32 {
    30
}
