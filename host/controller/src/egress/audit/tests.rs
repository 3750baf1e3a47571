use std::collections::BTreeMap;

use nicety_core::egress::{
    held::Event,
    leaving::open,
    share::{Endpoint, Exit, Gateway, PodKey, Share, Way},
};
use nicety_egress::Change;
use nicety_journal::read_held;
use nicety_objects::{EgressPolicy, listed};
use serde_json::json;

use super::*;

const GATEWAY: &str = "gw-1/192.0.2.1";

/// Pods of policy `out` that all leave through one gateway, as slices said it.
fn assembly(pods: std::ops::Range<u32>) -> Assembly {
    let mut assembly = Assembly::default();
    let spec = json!({
        "selectors": [{"podSelector": {}}],
        "destinationCIDRs": ["0.0.0.0/0"],
        "egressGateways": [{"nodeSelector": {}}],
    });
    let policy = EgressPolicy::new("out".to_owned(), serde_json::from_value(spec).unwrap()).unwrap();
    assembly.take(Change::Policy(Box::new(policy)));
    let exit = Exit { primary: Some(GATEWAY.to_owned().into()), standby: None, reason: "as it was".to_owned() };
    let mut share = Share::default();
    let way = Way::Addresses { addresses: ["192.0.2.1".parse().unwrap()].into(), floats: false };
    let gateway = Gateway { node: "gw-1".parse().unwrap(), underlay: Vec::new(), way, vni: 1 };
    share.gateways.insert(GATEWAY.to_owned().into(), gateway);
    for number in pods {
        let (name, address) = (format!("web-{number}"), format!("10.1.0.{number}"));
        let pod = json!({"metadata": {"name": name, "namespace": "shop", "uid": name},
            "spec": {"nodeName": "w-1"}, "status": {"podIP": address}});
        assembly.take(Change::Pod(Box::new(listed::Pod::read(&pod).unwrap())));
        let endpoint =
            Endpoint { addresses: [address.parse().unwrap()].into(), exits: [("out".to_owned(), exit.clone())].into() };
        share.endpoints.insert(PodKey { namespace: "shop".to_owned(), name: name.clone(), uid: name }, endpoint);
    }
    assembly.recall(&BTreeMap::from([("w-1".parse().unwrap(), share)]));
    assembly
}

fn held(folder: &Path) -> Vec<String> {
    open(read_held(folder).unwrap()).into_keys().map(|(pod, _)| pod.name).collect()
}

#[test]
fn a_controller_that_starts_writes_what_differs_from_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let policies = ["out".to_owned()];
    Audit::default().follow(folder.path(), &assembly(1..4), &[], || leaving(&assembly(1..4), policies.iter()));
    assert_eq!(held(folder.path()), ["web-1", "web-2", "web-3"]);
    let lines = read_held(folder.path()).unwrap().len();
    // The same once more is no news.
    Audit::default().follow(folder.path(), &assembly(1..4), &[], || leaving(&assembly(1..4), policies.iter()));
    assert_eq!(read_held(folder.path()).unwrap().len(), lines);
    Audit::default().follow(folder.path(), &assembly(2..5), &[], || leaving(&assembly(2..5), policies.iter()));
    assert_eq!(held(folder.path()), ["web-2", "web-3", "web-4"]);
    let lines = read_held(folder.path()).unwrap();
    assert!(lines.iter().any(|line| (line.name.as_str(), line.event) == ("web-1", Event::Released)));
}

#[test]
fn what_could_not_be_written_is_written_once_it_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let (place, policies) = (folder.path().join("audit"), ["out".to_owned()]);
    std::fs::write(&place, "a file where the folder should be").unwrap();
    let mut audit = Audit::default();
    audit.follow(&place, &assembly(1..3), &[], || leaving(&assembly(1..3), policies.iter()));
    std::fs::remove_file(&place).unwrap();
    audit.follow(&place, &assembly(1..3), &[], || leaving(&assembly(1..3), policies.iter()));
    assert_eq!(held(&place), ["web-1", "web-2"]);
}

#[test]
fn a_movement_is_a_release_and_a_hold_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (policies, assembly) = (["out".to_owned()], assembly(1..4));
    let mut audit = Audit::default();
    audit.follow(folder.path(), &assembly, &[], || leaving(&assembly, policies.iter()));
    let before = read_held(folder.path()).unwrap().len();
    let (pod, ..) = assembly.assigned("out").next().unwrap();
    let id = |text: &str| Some(std::sync::Arc::new(GatewayId::from(text.to_owned())));
    let (from, to) = (id(GATEWAY), id("gw-2/192.0.2.2+2001:db8::2"));
    let moved = Move { policy: "out".to_owned(), pod: pod.clone(), from, to, why: "why".into() };
    audit.follow(folder.path(), &assembly, &[moved], || leaving(&assembly, policies.iter()));
    let lines = read_held(folder.path()).unwrap().split_off(before);
    let told: Vec<(Event, usize)> = lines.iter().map(|line| (line.event, line.egress_ips.len())).collect();
    // The gateway that it has now is not among those that are known: its name has the addresses.
    assert_eq!(told, [(Event::Released, 1), (Event::Held, 2)]);
}

#[test]
fn a_gateway_that_is_gone_is_in_the_audit_with_its_addresses() {
    let line = json!({"at": 1, "policy": "out", "namespace": "shop", "name": "web", "node": "w-1",
        "gateway": "gw-1/192.0.2.1+2001:db8::1", "event": "released"});
    let named = named(serde_json::from_value(line).unwrap());
    assert_eq!(named.egress_ips, ["192.0.2.1", "2001:db8::1"].map(|one| one.parse().unwrap()).into());
}
