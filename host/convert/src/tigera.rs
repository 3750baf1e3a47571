//! Egress gateways that run as pods: Tigera's `EgressGateway` and, as far as it goes, Calico's `EgressGatewayPolicy`.

mod template;

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use crate::{
    fields::Fields,
    foreign::Foreign,
    ours::{Converted, object},
    report::Class,
};

const ADDRESS: &str = "an address";

pub(crate) fn is_ours(object: &Foreign) -> bool {
    matches!(
        (object.group(), object.kind.as_str()),
        ("operator.tigera.io", "EgressGateway")
            | ("projectcalico.org" | "crd.projectcalico.org", "EgressGatewayPolicy")
    )
}

pub(crate) fn convert(foreign: Foreign) -> Converted {
    if foreign.kind == "EgressGateway" { gateway(foreign) } else { policy(foreign) }
}

fn gateway(mut foreign: Foreign) -> Converted {
    let namespace = foreign.namespace.clone();
    let spec = &mut foreign.spec;
    let written = json!({
        "replicas": spec.parsed::<u32>("replicas", "a number"),
        "namespace": namespace,
        "network": network(spec),
        "externalNetworks": external(spec),
        "additionalInterfaces": interfaces(spec),
        "ipPools": pools(spec),
        "logSeverity": severity(spec),
        "template": template::read(spec),
        "egressGatewayFailureDetection": detection(spec),
        "aws": aws(spec),
    });
    let gateway =
        object("EgressGateway", foreign.metadata(&foreign.name, &["tigera.io", "projectcalico.org"]), written);
    foreign.converted(vec![gateway], Vec::new())
}

fn network(spec: &mut Fields) -> Option<String> {
    let name = spec.text("network")?;
    let meaning =
        format!("`{name}` was a Network of Calico, in its VRF; here it is the Network `{name}` of this cluster");
    spec.note(Class::Check, "network", meaning, "make a Network of this name");
    Some(name)
}

fn external(spec: &mut Fields) -> Vec<String> {
    let names = spec.texts("externalNetworks");
    if !names.is_empty() {
        let meaning = "named ExternalNetworks of Calico; here they are Networks of this cluster";
        spec.note(Class::Check, "externalNetworks", meaning, "make Networks of these names");
    }
    names
}

/// Either the definition itself or, in an earlier form, below `attachment`.
fn interfaces(spec: &mut Fields) -> Vec<Value> {
    let mut interfaces = Vec::new();
    for mut entry in spec.parts("additionalInterfaces") {
        let mut outer = entry.part("attachment");
        let nested = outer.part("multus");
        let mut multus = if nested.names().is_empty() { entry.part("multus") } else { nested };
        let pools = entry.texts("ipPools");
        if !pools.is_empty() {
            let meaning = "was accepted there and had no effect; here the interface's IPAM gets these pools";
            entry.note(Class::Changed, "ipPools", meaning, "check that they are the ones that are meant");
        }
        interfaces.push(json!({
            "name": entry.text("name"),
            "multus": { "name": multus.text("name"), "namespace": multus.text("namespace") },
            "ipPools": pools,
        }));
        entry.finish(multus);
        entry.finish(outer);
        spec.finish(entry);
    }
    interfaces
}

fn pools(spec: &mut Fields) -> Vec<Value> {
    let mut pools = Vec::new();
    for mut pool in spec.parts("ipPools") {
        let cidr = pool.parsed::<IpNet>("cidr", "a prefix").map(|net| net.trunc().to_string());
        pools.push(json!({ "name": pool.text("name"), "cidr": cidr }));
        spec.finish(pool);
    }
    if !pools.is_empty() {
        let meaning = "named pools of Calico's IPAM; here the primary interface's own IPAM gets these names";
        spec.note(Class::Check, "ipPools", meaning, "make sure that the cluster's own network knows them");
    }
    pools
}

fn severity(spec: &mut Fields) -> Option<String> {
    let text = spec.text("logSeverity")?;
    if text == "Trace" {
        spec.note(Class::Changed, "logSeverity", "`Trace` is `Debug` here", "");
        return Some("Debug".to_owned());
    }
    Some(text)
}

fn detection(spec: &mut Fields) -> Value {
    let mut detection = spec.part("egressGatewayFailureDetection");
    let mut probe = |name: &str, list: &str, interval: u32, timeout: u32| {
        let mut probe = detection.part(name);
        if probe.names().is_empty() {
            return Value::Null;
        }
        let targets = probe.texts(list);
        let every = probe.parsed("intervalSeconds", "a number of seconds").unwrap_or(interval);
        let mut within = probe.parsed("timeoutSeconds", "a number of seconds").unwrap_or(timeout);
        if within == every {
            within = every.saturating_add(1);
            let meaning = format!("equals the interval, which left no time for a second try; here it is {within} s");
            probe.note(Class::Changed, "timeoutSeconds", meaning, "");
        }
        let mut written = Map::new();
        written.insert(list.to_owned(), json!(targets));
        written.insert("intervalSeconds".to_owned(), json!(every));
        written.insert("timeoutSeconds".to_owned(), json!(within));
        detection.finish(probe);
        Value::Object(written)
    };
    let (icmp, http) = (probe("icmpProbe", "ips", 5, 15), probe("httpProbe", "urls", 10, 30));
    let seconds = detection.parsed::<u32>("healthTimeoutDataStoreSeconds", "a number of seconds");
    spec.finish(detection);
    json!({ "healthTimeoutDataStoreSeconds": seconds, "icmpProbe": icmp, "httpProbe": http })
}

fn aws(spec: &mut Fields) -> Value {
    let mut aws = spec.part("aws");
    let native = aws.text("nativeIP");
    let addresses: Vec<String> = aws
        .parsed_list::<std::net::IpAddr>("elasticIPs", ADDRESS)
        .iter()
        .map(|(_, address)| address.to_string())
        .collect();
    spec.finish(aws);
    json!({ "nativeIP": native, "elasticIPs": addresses })
}

/// Its gateways are pods that a selector finds, and its clients name it in an annotation; ours are nodes, and the policy selects its
/// clients.
fn policy(mut foreign: Foreign) -> Converted {
    let mut destinations = Vec::new();
    for mut rule in foreign.spec.parts("rules") {
        destinations.extend(rule.part("destination").text("cidr"));
    }
    let to_do = format!(
        "write an EgressPolicy that selects these pods by label, with `destinationCIDRs: [{}]` and the gateways' nodes",
        if destinations.is_empty() { "0.0.0.0/0".to_owned() } else { destinations.join(", ") }
    );
    let why = "pods name such a policy in an annotation, and its gateways are pods; here a policy selects its pods itself, and its \
               gateways are nodes";
    foreign.refused("", why, &to_do)
}
