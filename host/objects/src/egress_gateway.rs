//! An EgressGateway that cannot be wrong by itself. Whether what it refers to exists is a condition of its status, so that objects
//! may be made in any order.

pub mod spec;

use std::collections::BTreeSet;

use nicety_core::finding::Finding;

pub use spec::{EgressGatewaySpec, EgressGatewayStatus};
use spec::{FailureDetection, NativeIp};

/// The pod's primary interface, which the runtime names.
const PRIMARY: &str = "eth0";

/// Its spec is as it was written: with what the rules below say, nothing in it contradicts itself.
#[derive(Debug, Clone, PartialEq)]
pub struct EgressGateway {
    pub name: String,
    pub spec: EgressGatewaySpec,
}

impl EgressGateway {
    /// Paths of findings are those of the manifest.
    pub fn new(name: String, spec: EgressGatewaySpec) -> Result<EgressGateway, Vec<Finding>> {
        let mut findings = Vec::new();
        if spec.network.is_some() && !spec.external_networks.is_empty() {
            let message = "stands beside `spec.network`, which replaces it; hint: leave it out";
            findings.push(Finding::new("spec.externalNetworks", message));
        }
        findings.extend(interfaces(&spec));
        for (index, pool) in spec.ip_pools.iter().enumerate() {
            let path = format!("spec.ipPools[{index}]");
            match pool.cidr {
                None if pool.name.is_none() => findings.push(Finding::new(path, "needs `name`, `cidr` or both")),
                Some(cidr) if cidr != cidr.trunc() => {
                    let message = format!("`{cidr}` has host bits set; hint: write `{}`", cidr.trunc());
                    findings.push(Finding::new(format!("{path}.cidr"), message));
                }
                Some(_) | None => (),
            }
        }
        findings.extend(spec.egress_gateway_failure_detection.iter().flat_map(probes));
        if let Some(aws) = &spec.aws {
            if !aws.elastic_ips.is_empty() && aws.native_ip == NativeIp::Disabled {
                let message = "needs `nativeIP: Enabled` beside it";
                findings.push(Finding::new("spec.aws.elasticIPs", message));
            }
            if aws.native_ip == NativeIp::Enabled && spec.network.is_some() {
                let message = "stands beside `spec.network`; hint: an interface has its address from one of the two";
                findings.push(Finding::new("spec.aws.nativeIP", message));
            }
        }
        if findings.is_empty() { Ok(EgressGateway { name, spec }) } else { Err(findings) }
    }
}

fn interfaces(spec: &EgressGatewaySpec) -> Vec<Finding> {
    let (mut seen, mut findings) = (BTreeSet::new(), Vec::new());
    for (index, one) in spec.additional_interfaces.iter().enumerate() {
        let path = format!("spec.additionalInterfaces[{index}]");
        if one.name == PRIMARY {
            let message = "`eth0` is the primary interface; hint: give another name";
            findings.push(Finding::new(format!("{path}.name"), message));
        } else if !seen.insert(one.name.as_str()) {
            findings.push(Finding::new(format!("{path}.name"), format!("`{}` is named twice", one.name)));
        }
        match (&one.network, &one.multus) {
            (Some(_), None) if !one.ip_pools.is_empty() => {
                let message = "belongs to `multus` alone; hint: a Network has its own addresses";
                findings.push(Finding::new(format!("{path}.ipPools"), message));
            }
            (Some(_), None) | (None, Some(_)) => (),
            (Some(_), Some(_)) | (None, None) => {
                findings.push(Finding::new(path, "needs either `network` or `multus`"))
            }
        }
    }
    findings
}

fn probes(detection: &FailureDetection) -> Vec<Finding> {
    let path = "spec.egressGatewayFailureDetection";
    let FailureDetection { health_timeout_data_store_seconds: _, icmp_probe, http_probe } = detection;
    let mut findings = Vec::new();
    if icmp_probe.is_none() && http_probe.is_none() {
        findings.push(Finding::new(path, "needs `icmpProbe`, `httpProbe` or both"));
    }
    let times = [
        ("icmpProbe", icmp_probe.as_ref().map(|probe| (probe.interval_seconds, probe.timeout_seconds))),
        ("httpProbe", http_probe.as_ref().map(|probe| (probe.interval_seconds, probe.timeout_seconds))),
    ];
    for (field, times) in times {
        if let Some((interval, timeout)) = times
            && timeout <= interval
        {
            let message = format!("`{timeout}` is not more than `intervalSeconds`, `{interval}`");
            findings.push(Finding::new(format!("{path}.{field}.timeoutSeconds"), message));
        }
    }
    for (index, url) in http_probe.iter().flat_map(|probe| &probe.urls).enumerate() {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            let message = format!("`{url}` does not start with `http://` or `https://`");
            findings.push(Finding::new(format!("{path}.httpProbe.urls[{index}]"), message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn paths(spec: Value) -> Vec<String> {
        match EgressGateway::new("out".to_owned(), serde_json::from_value(spec).unwrap()) {
            Ok(_) => Vec::new(),
            Err(findings) => findings.into_iter().map(|finding| finding.path).collect(),
        }
    }

    #[test]
    fn an_empty_spec_is_one_gateway() {
        let gateway = EgressGateway::new("out".to_owned(), serde_json::from_value(json!({})).unwrap()).unwrap();
        assert_eq!((gateway.spec.replicas, gateway.spec.namespace.as_str()), (1, "nicety-system"));
    }

    #[test]
    fn an_interface_has_a_name_of_its_own_and_one_origin() {
        let nad = json!({"name": "macvlan", "namespace": "default"});
        let found = paths(json!({"additionalInterfaces": [
            {"name": "net1", "multus": nad, "ipPools": ["p1"]},
            {"name": "net1", "multus": nad},
            {"name": "eth0", "network": "rails"},
            {"name": "net2", "network": "rails", "multus": nad},
            {"name": "net3"},
            {"name": "net4", "network": "rails", "ipPools": ["p1"]},
        ]}));
        let list = "spec.additionalInterfaces";
        let expected = ["[1].name", "[2].name", "[3]", "[4]", "[5].ipPools"].map(|rest| format!("{list}{rest}"));
        assert_eq!(found, expected);
    }

    #[test]
    fn what_excludes_each_other_is_refused_together() {
        assert_eq!(paths(json!({"network": "blue", "externalNetworks": ["red"]})), ["spec.externalNetworks"]);
        let aws = json!({"network": "blue", "aws": {"nativeIP": "Enabled"}});
        assert_eq!(paths(aws), ["spec.aws.nativeIP"]);
        assert_eq!(paths(json!({"aws": {"elasticIPs": ["192.0.2.1"]}})), ["spec.aws.elasticIPs"]);
        assert_eq!(
            paths(json!({"ipPools": [{}, {"cidr": "10.0.0.1/24"}]})),
            ["spec.ipPools[0]", "spec.ipPools[1].cidr"]
        );
    }

    #[test]
    fn a_probe_has_time_for_more_than_one_try() {
        let detection = |probes: Value| json!({"egressGatewayFailureDetection": probes});
        let at = "spec.egressGatewayFailureDetection";
        assert_eq!(paths(detection(json!({}))), [at]);
        assert!(paths(detection(json!({"icmpProbe": {"ips": ["192.0.2.1"]}}))).is_empty());
        let equal = json!({"icmpProbe": {"ips": ["192.0.2.1"], "intervalSeconds": 5, "timeoutSeconds": 5}});
        assert_eq!(paths(detection(equal)), [format!("{at}.icmpProbe.timeoutSeconds")]);
        assert_eq!(paths(detection(json!({"httpProbe": {"urls": ["ftp://a"]}}))), [format!("{at}.httpProbe.urls[0]")]);
    }
}
