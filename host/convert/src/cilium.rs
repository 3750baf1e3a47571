//! Egress policies of Cilium (`CiliumEgressGatewayPolicy`) and of its enterprise edition (`IsovalentEgressGatewayPolicy`).
//!
//! A condition of a selector that cannot be said here refuses the policy: left out, it would send more pods through the gateway.

mod gateways;
mod labels;

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use crate::{
    fields::Fields,
    foreign::Foreign,
    ours::{Converted, exact},
    report::Class,
};

pub(crate) fn is_ours(object: &Foreign) -> bool {
    matches!(
        (object.group(), object.kind.as_str()),
        ("cilium.io", "CiliumEgressGatewayPolicy") | ("isovalent.com", "IsovalentEgressGatewayPolicy")
    )
}

pub(crate) fn convert(mut foreign: Foreign) -> Converted {
    let spec = &mut foreign.spec;
    let selectors = selectors(spec);
    let destinations = nets(spec, "destinationCIDRs");
    let excluded = excluded(spec, &destinations);
    let gateways = gateways::read(spec);
    if spec.is_refused() || selectors.is_empty() {
        return foreign.converted(Vec::new(), Vec::new());
    }
    let mut written = Map::new();
    written.insert("selectors".to_owned(), Value::Array(selectors));
    let texts = |nets: &[IpNet]| json!(nets.iter().map(IpNet::to_string).collect::<Vec<_>>());
    written.insert("destinationCIDRs".to_owned(), texts(&destinations));
    if !excluded.is_empty() {
        written.insert("excludedCIDRs".to_owned(), texts(&excluded));
    }
    written.insert("egressGateways".to_owned(), Value::Array(gateways));
    let policy = exact("EgressPolicy", foreign.metadata(&foreign.name, &["cilium.io", "isovalent.com"]), written);
    foreign.converted(vec![policy], Vec::new())
}

fn selectors(spec: &mut Fields) -> Vec<Value> {
    let mut selectors = Vec::new();
    let mut with_node = 0;
    for mut rule in spec.parts("selectors") {
        let mut written = Map::new();
        let mut namespaces =
            rule.raw("namespaceSelector").map(|value| labels::plain(&mut rule, "namespaceSelector", value));
        if let Some(value) = rule.raw("podSelector") {
            let (pods, of_namespace) = labels::split(&mut rule, value);
            if let Some(of_namespace) = of_namespace {
                namespaces = Some(labels::both(namespaces.unwrap_or_default(), of_namespace));
            }
            written.insert("podSelector".to_owned(), pods);
        }
        if let Some(namespaces) = namespaces {
            written.insert("namespaceSelector".to_owned(), namespaces);
        }
        if let Some(value) = rule.raw("nodeSelector") {
            with_node += 1;
            let nodes = labels::plain(&mut rule, "nodeSelector", value);
            written.insert("nodeSelector".to_owned(), nodes);
        }
        if written.is_empty() {
            rule.note(Class::Refused, "", "selects no pods", "give `podSelector` or `namespaceSelector`");
        }
        spec.finish(rule);
        selectors.push(Value::Object(written));
    }
    if selectors.is_empty() {
        spec.note(Class::Refused, "selectors", "is missing", "say which pods leave through the gateway");
    }
    if with_node > 0 && with_node < selectors.len() {
        let meaning = "a `nodeSelector` there bound all rules of the policy; here it binds the rule that it stands in, so the others \
                       select more pods than they did";
        spec.note(
            Class::Changed,
            "selectors",
            meaning,
            "give the other rules a `nodeSelector` if they should stay bound",
        );
    }
    selectors
}

fn nets(spec: &mut Fields, name: &str) -> Vec<IpNet> {
    let mut nets: Vec<IpNet> = Vec::new();
    for (path, net) in spec.parsed_list::<IpNet>(name, "a prefix like `192.0.2.0/24`") {
        if net != net.trunc() {
            let meaning = format!("`{net}` has host bits set; it is `{}`", net.trunc());
            spec.take_over(vec![crate::Note::new(Class::Changed, path, meaning, "")]);
        }
        if !nets.contains(&net.trunc()) {
            nets.push(net.trunc());
        }
    }
    if nets.is_empty() && name == "destinationCIDRs" {
        spec.note(Class::Refused, name, "names no destination", "write at least one, `0.0.0.0/0` for all");
    }
    nets
}

fn excluded(spec: &mut Fields, destinations: &[IpNet]) -> Vec<IpNet> {
    let touches = |cut: &IpNet| destinations.iter().any(|wide| wide.contains(cut) || cut.contains(wide));
    let (excluded, apart): (Vec<IpNet>, Vec<IpNet>) = nets(spec, "excludedCIDRs").into_iter().partition(touches);
    for net in apart {
        let meaning = format!(
            "`{net}` touches no destination of this policy; there it also took it out of other policies with the same pods; here an \
             exclusion belongs to its own policy"
        );
        spec.note(Class::Changed, "excludedCIDRs", meaning, "write it into the policies that it was meant for");
    }
    if !excluded.is_empty() {
        let meaning = "there, an excluded prefix also took the pods' traffic out of other policies; here it belongs to this policy alone";
        spec.note(Class::Changed, "excludedCIDRs", meaning, "");
    }
    excluded
}
