//! An EgressPolicy that cannot be wrong by itself. How policies overlap is settled where they are computed, not here.

pub mod spec;

use std::net::IpAddr;

use ipnet::IpNet;
use nicety_core::{
    address::Family,
    finding::Finding,
    ids::{IfName, StrategyName},
};

pub use spec::{EgressPolicySpec, EgressPolicyStatus, EgressSelector, GatewayRole, GatewayStatus};
use spec::{GatewaySpec, SingleGatewaySpec};

use crate::selector::LabelSelector;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressPolicy {
    pub name: String,
    pub selectors: Vec<EgressSelector>,
    /// Canonical.
    pub destinations: Vec<IpNet>,
    /// Canonical.
    pub excluded: Vec<IpNet>,
    /// At least one.
    pub gateways: Vec<GatewayGroup>,
    pub strategy: Option<StrategyName>,
    pub priority: i32,
}

/// Nodes that are gateways alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayGroup {
    pub nodes: LabelSelector,
    pub source: EgressSource,
    /// None: all are active.
    pub active: Option<u32>,
    pub weight: u32,
    pub zone: Option<String>,
    pub home: EgressHome,
}

/// What packets leave with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EgressSource {
    /// The addresses of the interface with the default route.
    DefaultRoute,
    Interface(IfName),
    Addresses(Vec<IpAddr>),
}

/// Where an egress address is when its gateway dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EgressHome {
    Stays,
    Floats,
}

impl EgressPolicy {
    /// Paths of findings are those of the manifest.
    pub fn new(name: String, spec: EgressPolicySpec) -> Result<EgressPolicy, Vec<Finding>> {
        let EgressPolicySpec {
            selectors,
            destination_cidrs: destinations,
            excluded_cidrs: excluded,
            egress_gateways,
            egress_gateway,
            strategy,
            priority,
        } = spec;
        let mut findings = Vec::new();
        for (index, selector) in selectors.iter().enumerate() {
            findings.extend(rule(&format!("spec.selectors[{index}]"), selector));
        }
        findings.extend(nets("spec.destinationCIDRs", &destinations));
        findings.extend(nets("spec.excludedCIDRs", &excluded));
        for (index, cut) in excluded.iter().enumerate() {
            if !destinations.iter().any(|wide| wide.contains(cut) || cut.contains(wide)) {
                let message = format!("`{cut}` touches none of `destinationCIDRs`");
                findings.push(Finding::new(format!("spec.excludedCIDRs[{index}]"), message));
            }
        }
        let mut gateways = Vec::new();
        match (egress_gateway, egress_gateways.is_empty()) {
            (None, true) => {
                findings.push(Finding::new("spec.egressGateways", "is missing; hint: name the gateways' nodes"))
            }
            (Some(_), false) => {
                let message = "stands beside `spec.egressGateways`; hint: move it into the list";
                findings.push(Finding::new("spec.egressGateway", message));
            }
            (Some(single), true) => gateways.push(of_single(single, &destinations, &mut findings)),
            (None, false) => {
                for (index, group) in egress_gateways.into_iter().enumerate() {
                    let path = format!("spec.egressGateways[{index}]");
                    gateways.push(of_group(&path, group, &destinations, &mut findings));
                }
                findings.extend(addresses_twice(&gateways));
            }
        }
        // The schema has checked the strategy's name.
        let strategy = strategy.and_then(|name| name.parse().ok());
        if findings.is_empty() {
            Ok(EgressPolicy { name, selectors, destinations, excluded, gateways, strategy, priority })
        } else {
            Err(findings)
        }
    }
}

fn rule(path: &str, selector: &EgressSelector) -> Vec<Finding> {
    let EgressSelector { pod_selector, namespace_selector, node_selector } = selector;
    let mut findings = Vec::new();
    if pod_selector.is_none() && namespace_selector.is_none() {
        findings
            .push(Finding::new(path, "selects no pods; hint: give `podSelector` or `namespaceSelector`, `{}` for all"));
    }
    if node_selector.is_some() && pod_selector.is_none() {
        let message = "needs `podSelector` beside it; hint: write `podSelector: {}` for all pods of the nodes";
        findings.push(Finding::new(format!("{path}.nodeSelector"), message));
    }
    let parts =
        [("podSelector", pod_selector), ("namespaceSelector", namespace_selector), ("nodeSelector", node_selector)];
    for (field, selector) in parts {
        let found = selector.iter().flat_map(LabelSelector::validate);
        findings.extend(found.map(|finding| finding.within(&format!("{path}.{field}"))));
    }
    findings
}

fn nets(path: &str, nets: &[IpNet]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, net) in nets.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if *net != net.trunc() {
            findings
                .push(Finding::new(path.as_str(), format!("`{net}` has host bits set; hint: write `{}`", net.trunc())));
        }
        if nets.iter().take(index).any(|before| before.trunc() == net.trunc()) {
            findings.push(Finding::new(path, format!("`{net}` is named twice")));
        }
    }
    findings
}

fn of_group(path: &str, group: GatewaySpec, destinations: &[IpNet], findings: &mut Vec<Finding>) -> GatewayGroup {
    let GatewaySpec { node_selector, egress_ips, interface, max_gateways, weight, zone, float } = group;
    findings
        .extend(node_selector.validate().into_iter().map(|finding| finding.within(&format!("{path}.nodeSelector"))));
    for (index, address) in egress_ips.iter().enumerate() {
        findings.extend(egress_address(&format!("{path}.egressIPs[{index}]"), *address, destinations));
    }
    if interface.is_some() && !egress_ips.is_empty() {
        let message = "stands beside `egressIPs`; hint: say one way or the other what packets leave with";
        findings.push(Finding::new(format!("{path}.interface"), message));
    }
    if float && egress_ips.is_empty() {
        findings.push(Finding::new(format!("{path}.float"), "has no meaning without `egressIPs`"));
    }
    // The schema has checked the interface's name.
    let source = match interface.and_then(|name| name.parse().ok()) {
        Some(name) => EgressSource::Interface(name),
        None if egress_ips.is_empty() => EgressSource::DefaultRoute,
        None => EgressSource::Addresses(egress_ips),
    };
    let active = Some(max_gateways).filter(|count| *count > 0);
    let home = if float { EgressHome::Floats } else { EgressHome::Stays };
    GatewayGroup { nodes: node_selector, source, active, weight, zone, home }
}

fn of_single(single: SingleGatewaySpec, destinations: &[IpNet], findings: &mut Vec<Finding>) -> GatewayGroup {
    let path = "spec.egressGateway";
    let SingleGatewaySpec { node_selector, egress_ip, interface } = single;
    findings.extend(egress_ip.and_then(|address| egress_address(&format!("{path}.egressIP"), address, destinations)));
    if interface.is_some() && egress_ip.is_some() {
        let message = "stands beside `egressIP`; hint: say one way or the other what packets leave with";
        findings.push(Finding::new(format!("{path}.interface"), message));
    }
    findings
        .extend(node_selector.validate().into_iter().map(|finding| finding.within(&format!("{path}.nodeSelector"))));
    let source = match (interface.and_then(|name| name.parse().ok()), egress_ip) {
        (Some(name), _) => EgressSource::Interface(name),
        (None, Some(address)) => EgressSource::Addresses(vec![address]),
        (None, None) => EgressSource::DefaultRoute,
    };
    GatewayGroup {
        nodes: node_selector,
        source,
        active: None,
        weight: spec::one(),
        zone: None,
        home: EgressHome::Stays,
    }
}

fn egress_address(path: &str, address: IpAddr, destinations: &[IpNet]) -> Option<Finding> {
    if address.is_unspecified() || address.is_multicast() || address.is_loopback() {
        return Some(Finding::new(path, format!("`{address}` is not an address that packets can leave with")));
    }
    let used = destinations.iter().any(|net| Family::of(net.addr()) == Family::of(address));
    (!used).then(|| Finding::new(path, format!("`{address}` is of a family that no destination has")))
}

/// An address that two groups have would be on two gateways at once.
fn addresses_twice(gateways: &[GatewayGroup]) -> Vec<Finding> {
    let mut seen = std::collections::BTreeSet::new();
    let mut findings = Vec::new();
    for (group, gateway) in gateways.iter().enumerate() {
        let EgressSource::Addresses(addresses) = &gateway.source else { continue };
        for (index, address) in addresses.iter().enumerate() {
            if !seen.insert(address) {
                let path = format!("spec.egressGateways[{group}].egressIPs[{index}]");
                findings.push(Finding::new(path, format!("`{address}` is named twice")));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn policy(changes: Value) -> Result<EgressPolicy, Vec<String>> {
        let mut spec = json!({
            "selectors": [{"podSelector": {"matchLabels": {"app": "web"}}}],
            "destinationCIDRs": ["0.0.0.0/0"],
            "egressGateways": [{"nodeSelector": {}}],
        });
        for (field, value) in changes.as_object().unwrap() {
            spec[field] = value.clone();
        }
        spec.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        EgressPolicy::new("out".to_owned(), serde_json::from_value(spec).unwrap())
            .map_err(|findings| findings.iter().map(Finding::to_string).collect())
    }

    fn paths(changes: Value) -> Vec<String> {
        policy(changes).unwrap_err().iter().map(|line| line.split(": ").next().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_older_form_is_a_list_of_one() {
        let single = json!({"nodeSelector": {}, "egressIP": "192.0.2.1"});
        let policy = policy(json!({"egressGateways": null, "egressGateway": single})).unwrap();
        assert_eq!(policy.gateways.len(), 1);
        assert_eq!(policy.gateways[0].source, EgressSource::Addresses(vec!["192.0.2.1".parse().unwrap()]));
        assert_eq!((policy.gateways[0].weight, policy.gateways[0].active), (1, None));
    }

    #[test]
    fn what_would_be_ignored_is_refused() {
        let both = json!({"nodeSelector": {}, "interface": "eth1", "egressIPs": ["192.0.2.1"]});
        assert_eq!(paths(json!({"egressGateways": [both]})), ["spec.egressGateways[0].interface"]);
        assert_eq!(paths(json!({"egressGateway": {"nodeSelector": {}}})), ["spec.egressGateway"]);
        assert_eq!(paths(json!({"egressGateways": null})), ["spec.egressGateways"]);
        assert_eq!(
            paths(json!({"egressGateways": [{"nodeSelector": {}, "float": true}]})),
            ["spec.egressGateways[0].float"]
        );
        assert_eq!(paths(json!({"selectors": [{}]})), ["spec.selectors[0]"]);
        let only_node = json!({"namespaceSelector": {}, "nodeSelector": {}});
        assert_eq!(paths(json!({"selectors": [only_node]})), ["spec.selectors[0].nodeSelector"]);
        assert_eq!(paths(json!({"excludedCIDRs": ["fd00::/64"]})), ["spec.excludedCIDRs[0]"]);
    }

    #[test]
    fn an_egress_address_needs_a_destination_of_its_family() {
        let six = json!([{"nodeSelector": {}, "egressIPs": ["2001:db8::1", "192.0.2.1"]}]);
        assert_eq!(paths(json!({"egressGateways": six})), ["spec.egressGateways[0].egressIPs[0]"]);
        assert!(policy(json!({"egressGateways": six, "destinationCIDRs": ["0.0.0.0/0", "::/0"]})).is_ok());
    }

    #[test]
    fn one_address_is_on_one_gateway() {
        let twice =
            json!([{"nodeSelector": {}, "egressIPs": ["192.0.2.1"]}, {"nodeSelector": {}, "egressIPs": ["192.0.2.1"]}]);
        assert_eq!(paths(json!({"egressGateways": twice})), ["spec.egressGateways[1].egressIPs[0]"]);
    }
}
