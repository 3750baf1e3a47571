//! `runtimeConfig`: what the runtime fills in for the capabilities that the configuration declares. containerd writes some keys in
//! capitals where its Go types had no tags; keys are read without regard to case.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;

use crate::{
    fields::{Fields, address, mac},
    result::Dns,
};

/// The capability through which the pod's annotations come.
pub const POD_ANNOTATIONS: &str = "io.kubernetes.cri.pod-annotations";

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuntimeConfig {
    /// None: the runtime sent none, because it does not know the capability or the configuration does not declare it. A pod
    /// without annotations (null) is `Some` of nothing.
    pub pod_annotations: Option<BTreeMap<String, String>>,
    /// A bare address has its full length.
    pub ips: Vec<IpNet>,
    /// In lower case with colons.
    pub mac: Option<String>,
    pub infiniband_guid: Option<String>,
    pub device_id: Option<String>,
    pub aliases: Vec<String>,
    pub port_mappings: Vec<PortMapping>,
    pub bandwidth: Option<Bandwidth>,
    pub dns: Dns,
    pub cgroup_path: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortMapping {
    pub host_port: u16,
    pub container_port: u16,
    /// In lower case: `tcp`, `udp`, `sctp`.
    pub protocol: String,
    pub host_ip: Option<IpAddr>,
}

/// Rates in bits per second, bursts in bits. Zero: no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bandwidth {
    pub ingress_rate: u64,
    pub ingress_burst: u64,
    pub egress_rate: u64,
    pub egress_burst: u64,
}

impl RuntimeConfig {
    pub(crate) fn read(fields: &mut Fields) -> RuntimeConfig {
        let wanted = "an address like `10.0.0.5` or `10.0.0.5/24`";
        RuntimeConfig {
            pod_annotations: annotations(fields),
            ips: fields.texts("ips", wanted, address).unwrap_or_default(),
            mac: fields.parsed("mac", "a hardware address like `02:00:00:00:00:01`", mac),
            infiniband_guid: fields.parsed("infinibandGUID", "text", |text| Some(text.to_owned())),
            device_id: fields.parsed("deviceID", "text", |text| Some(text.to_owned())),
            aliases: fields.texts("aliases", "text", |text| Some(text.to_owned())).unwrap_or_default(),
            port_mappings: fields.objects("portMappings", PortMapping::read).unwrap_or_default(),
            bandwidth: fields.object("bandwidth").map(|mut rates| Bandwidth::read(&mut rates)),
            dns: fields.object("dns").map(|mut dns| Dns::read(&mut dns)).unwrap_or_default(),
            cgroup_path: fields.parsed("cgroupPath", "text", |text| Some(text.to_owned())),
        }
    }
}

fn annotations(fields: &mut Fields) -> Option<BTreeMap<String, String>> {
    if !fields.has(POD_ANNOTATIONS) {
        return None;
    }
    let mut annotations = BTreeMap::new();
    for (key, value) in fields.entries(POD_ANNOTATIONS).into_iter().flatten() {
        match value.as_str() {
            Some(value) => {
                annotations.insert(key.clone(), value.to_owned());
            }
            None => fields.wrong(POD_ANNOTATIONS, format!("`{key}` is not text")),
        }
    }
    Some(annotations)
}

impl PortMapping {
    fn read(fields: &mut Fields) -> Option<PortMapping> {
        let mut port = |key| {
            let port = fields.number(key).map(u16::try_from);
            if let Some(Err(_)) = port {
                fields.wrong(key, "is more than 65535");
            }
            port.and_then(Result::ok)
        };
        let (host_port, container_port) = (port("hostPort"), port("containerPort"));
        let protocol = fields.text("protocol").unwrap_or_default().to_ascii_lowercase();
        let host_ip = fields.parsed("hostIP", "an address", |text| text.parse().ok());
        Some(PortMapping {
            host_port: host_port.unwrap_or_default(),
            container_port: container_port?,
            protocol: if protocol.is_empty() { "tcp".to_owned() } else { protocol },
            host_ip,
        })
    }
}

impl Bandwidth {
    fn read(fields: &mut Fields) -> Bandwidth {
        let mut rate = |key| fields.number(key).unwrap_or_default();
        Bandwidth {
            ingress_rate: rate("ingressRate"),
            ingress_burst: rate("ingressBurst"),
            egress_rate: rate("egressRate"),
            egress_burst: rate("egressBurst"),
        }
    }
}
