use std::net::IpAddr;

use super::*;

fn name(text: &str) -> NodeName {
    text.parse().unwrap()
}

fn pod(name: &str) -> PodKey {
    PodKey { namespace: "shop".to_owned(), name: name.to_owned(), uid: name.to_owned() }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn gateway(node: &str, egress_ip: &str, vni: u32) -> (GatewayId, Gateway) {
    let way = Way::Addresses { addresses: [address(egress_ip)].into(), floats: true };
    let gateway = Gateway { node: name(node), underlay: Vec::new(), way, vni };
    (gateway.id(), gateway)
}

fn exit(primary: &str) -> Exit {
    Exit { primary: Some(primary.to_owned().into()), standby: None, reason: String::new() }
}

/// `web` leaves by `gw-1` under `bad` and by `gw-2` under `good`; `api` under `good` alone. `gw-1` sees both from `w-1`.
fn shares() -> BTreeMap<NodeName, Share> {
    let (one, two) = (gateway("gw-1", "192.0.2.1", 1), gateway("gw-2", "192.0.2.2", 2));
    let endpoint = |last: u8, exits: &[(&str, &str)]| Endpoint {
        addresses: [IpAddr::from([10, 1, 0, last])].into(),
        exits: exits.iter().map(|(policy, id)| ((*policy).to_owned(), exit(id))).collect(),
    };
    let web = endpoint(1, &[("bad", "gw-1/192.0.2.1"), ("good", "gw-2/192.0.2.2")]);
    let api = endpoint(2, &[("good", "gw-2/192.0.2.2")]);
    let worker = Share {
        gateways: [one.clone(), two.clone()].into(),
        endpoints: [(pod("web"), web), (pod("api"), api)].into(),
        watches: [(name("gw-1"), address("10.0.0.1")), (name("gw-2"), address("10.0.0.2"))].into(),
        ..Share::default()
    };
    let from = |node: &str| (name(node), BTreeSet::from([address("10.0.0.9")]));
    let of = |gateway: (GatewayId, Gateway)| Share {
        gateways: [gateway].into(),
        senders: [from("w-1"), from("w-2")].into(),
        ..Share::default()
    };
    [(name("w-1"), worker), (name("gw-1"), of(one)), (name("gw-2"), of(two))].into()
}

fn bad() -> BTreeSet<String> {
    ["bad".to_owned()].into()
}

#[test]
fn what_concerns_the_policy_is_kept_and_nothing_else() {
    let frozen = Frozen::of(&shares(), &bad());
    assert_eq!(frozen.shares.keys().map(NodeName::as_str).collect::<Vec<_>>(), ["gw-1", "w-1"]);
    let (gateway, worker) = (&frozen.shares[&name("gw-1")], &frozen.shares[&name("w-1")]);
    assert_eq!(gateway.senders.keys().map(NodeName::as_str).collect::<Vec<_>>(), ["w-1"]);
    assert_eq!(worker.endpoints.keys().map(|pod| pod.name.as_str()).collect::<Vec<_>>(), ["web"]);
    assert_eq!(worker.endpoints[&pod("web")].exits.keys().collect::<Vec<_>>(), ["bad"]);
    assert_eq!((worker.gateways.len(), worker.watches.len(), frozen.count("bad"), frozen.count("good")), (1, 1, 1, 0));
    assert!(Frozen::of(&shares(), &BTreeSet::new()).is_empty());
}

#[test]
fn beside_the_rest_it_is_the_whole_again() {
    let (all, kept) = (shares(), Frozen::of(&shares(), &bad()));
    let rest = Frozen::of(&shares(), &["good".to_owned()].into());
    let together = |node: &str| kept.beside(&name(node), rest.shares.get(&name(node)).cloned().unwrap_or_default());
    assert_eq!(together("w-1"), all[&name("w-1")]);
    assert_eq!(together("gw-1").gateways, all[&name("gw-1")].gateways);
    assert_eq!(together("gw-2"), rest.shares[&name("gw-2")]);
}

#[test]
fn pods_and_nodes_that_go_are_taken_out_with_what_they_alone_needed() {
    let mut frozen = Frozen::of(&shares(), &bad());
    assert!(frozen.keep(|_| true, |_, _| true).is_empty());
    let changed = frozen.keep(|_| true, |_, pod| pod.name != "web");
    assert_eq!((changed.len(), frozen.is_empty()), (2, true));
    let mut frozen = Frozen::of(&shares(), &bad());
    // The gateway's node is gone: its pods keep their entry, which leads nowhere until they are decided on.
    let changed = frozen.keep(|node| node.as_str() != "gw-1", |_, _| true);
    assert_eq!(changed, [name("gw-1")].into());
}

#[test]
fn a_policy_that_can_be_read_again_is_given_back_as_it_was() {
    let mut frozen = Frozen::of(&shares(), &["bad".to_owned(), "good".to_owned()].into());
    let (released, changed) = frozen.release(&bad());
    assert_eq!(released, Frozen::of(&shares(), &["good".to_owned()].into()).shares);
    assert_eq!(changed, [name("gw-2"), name("w-1")].into());
    assert_eq!((frozen.count("bad"), frozen.count("good")), (1, 0));
}

#[test]
fn what_is_decided_on_is_never_disturbed() {
    let other = |one: (GatewayId, Gateway)| Frozen::of(&shares(), &bad()).give_way(&[one].into());
    assert!(other(gateway("gw-1", "192.0.2.1", 1)).is_empty(), "the same gateway for another policy");
    assert!(other(gateway("gw-1", "192.0.2.9", 7)).is_empty());
    assert!(!other(gateway("gw-1", "192.0.2.9", 1)).is_empty(), "a tunnel of the same number");
    assert!(!other(gateway("gw-3", "192.0.2.1", 7)).is_empty(), "the floating address is elsewhere");
    let mut frozen = Frozen::of(&shares(), &bad());
    frozen.give_way(&[gateway("gw-3", "192.0.2.1", 7)].into());
    let worker = &frozen.shares[&name("w-1")];
    assert_eq!((worker.endpoints[&pod("web")].exits["bad"].primary.is_none(), worker.gateways.len()), (true, 0));
    assert_eq!(frozen.leaving().len(), 0);
}

#[test]
fn who_leaves_is_known_for_the_audit() {
    let leaving = Frozen::of(&shares(), &bad()).leaving();
    let (of, by) = leaving.first_key_value().unwrap();
    assert_eq!((leaving.len(), of.1.as_str(), by.egress_ips.first()), (1, "bad", Some(&address("192.0.2.1"))));
}
