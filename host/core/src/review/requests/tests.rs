use super::*;
use crate::{
    address::Mac,
    facts::{
        Attribute, Value,
        attach::{Call, Offer},
    },
};

fn facts(mode: Mode) -> Facts {
    let offer = |name: &str, default| Offer { name: name.into(), default, ready: true, attributes: vec![] };
    Facts {
        call: Call { ifname: "eth0".into(), mode, ..Call::default() },
        networks: vec![offer("node", true), offer("fast", false), Offer { ready: false, ..offer("dark", false) }],
        ..Facts::default()
    }
}

fn request(network: u32) -> Request {
    Request { network, reason: "annotation, element 1".into(), ..Request::default() }
}

fn primary() -> Request {
    Request { primary: true, ..request(0) }
}

fn check(mode: Mode, requests: &[Request]) -> Vec<String> {
    attach(&facts(mode), requests).iter().map(Finding::to_string).collect()
}

/// Findings about one request of a chained call.
fn one(request: Request) -> Vec<String> {
    check(Mode::Chained, &[request])
}

const PASSED: [&str; 0] = [];

#[test]
fn each_mode_has_its_number_of_primary_requests() {
    assert_eq!(check(Mode::OwnNetwork, &[primary(), request(1)]), PASSED);
    assert_eq!(check(Mode::Chained, &[]), PASSED);
    assert_eq!(check(Mode::Chained, &[request(1), request(1)]), PASSED);
    assert_eq!(check(Mode::Delegated, &[primary()]), PASSED);
    let refused = |mode, requests: &[Request]| check(mode, requests)[0].clone();
    assert_eq!(
        refused(Mode::OwnNetwork, &[request(1)]),
        "requests: exactly one must be primary: Nicety makes CNI_IFNAME; there are 1 with 0 primary"
    );
    assert!(refused(Mode::OwnNetwork, &[primary(), primary()]).contains("there are 2 with 2 primary"));
    assert!(refused(Mode::Chained, &[primary()]).contains("none may be primary"));
    for requests in [&[][..], &[request(0)], &[primary(), request(1)]] {
        assert!(refused(Mode::Delegated, requests).contains("exactly one, the primary one"), "{requests:?}");
    }
}

#[test]
fn the_primary_interface_is_one_nic_of_the_named_network_under_cni_ifname() {
    let own = |request| check(Mode::OwnNetwork, &[request]);
    assert_eq!(own(Request { ifname: Some("eth0".into()), nics_min: 1, nics_max: Some(1), ..primary() }), PASSED);
    assert_eq!(
        own(Request { ifname: Some("net1".into()), network: 1, nics_max: Some(2), ..primary() }),
        [
            "requests[0].network: `fast` is not the network that the NetConf names; the primary interface is of that one",
            "requests[0].ifname: `net1` is not CNI_IFNAME, `eth0`; the primary interface has that name",
            "requests[0].nicsMax: the primary interface is of one NIC",
        ]
    );
}

#[test]
fn a_network_is_on_offer_and_ready() {
    assert_eq!(one(request(3)), ["requests[0].network: 3 is no network on offer; there are 3"]);
    assert_eq!(one(request(2)), ["requests[0].network: network `dark` is not usable on this node now"]);
}

#[test]
fn counts_fit_each_other() {
    assert_eq!(one(Request { nics_min: 2, nics_max: Some(2), ..request(1) }), PASSED);
    assert_eq!(
        one(Request { nics_min: 3, nics_max: Some(2), ..request(1) }),
        ["requests[0].nicsMax: 2 is less than the 3 NICs that are needed at least"]
    );
    assert_eq!(
        one(Request { nics_max: Some(0), ..request(1) }),
        ["requests[0].nicsMax: 0 is less than the 1 NICs that are needed at least"]
    );
}

#[test]
fn a_hardware_address_is_unicast_and_of_one_nic() {
    let with = |mac, nics_max| one(Request { mac: Some(Mac(mac)), nics_max, ..request(1) });
    assert_eq!(with([2, 0, 0, 0, 0, 1], Some(1)), PASSED);
    assert_eq!(
        with([3, 0, 0, 0, 0, 1], Some(1)),
        ["requests[0].mac: `03:00:00:00:00:01` is not the address of one interface"]
    );
    assert_eq!(
        with([2, 0, 0, 0, 0, 1], None),
        ["requests[0].mac: `02:00:00:00:00:01` can be the address of one interface, and nicsMax is not 1"]
    );
}

#[test]
fn an_mtu_is_what_its_address_family_allows() {
    let with = |mtu, gateway6: Option<&str>| {
        one(Request { mtu: Some(mtu), gateway6: gateway6.map(|text| text.parse().unwrap()), ..request(1) })
    };
    for good in [68, 1500, 65_535] {
        assert_eq!(with(good, None), PASSED);
    }
    assert_eq!(with(67, None), ["requests[0].mtu: 67 is not between 68 and 65535 bytes"]);
    assert_eq!(with(65_536, None), ["requests[0].mtu: 65536 is not between 68 and 65535 bytes"]);
    assert_eq!(with(1279, Some("fe80::1")), ["requests[0].mtu: 1279 is not between 1280 and 65535 bytes"]);
    assert_eq!(with(1280, Some("fe80::1")), PASSED);
}

#[test]
fn static_addresses_are_addresses_one_per_nic_and_once_in_the_pod() {
    let with = |addresses: &[&str], nics_max| Request {
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
        nics_max,
        ..request(1)
    };
    assert_eq!(one(with(&["10.0.0.1/24", "fd00::1/64"], Some(1))), PASSED);
    assert_eq!(one(with(&["10.0.0.1/24", "10.0.0.2/24"], None)), PASSED);
    assert_eq!(
        one(with(&["10.0.0.1/24", "10.0.0.2/24"], Some(1))),
        ["requests[0].addresses: are 2 of IPv4 for 1 NICs; each NIC takes one"]
    );
    for bad in ["10.0.0.0/24", "10.0.0.255/24", "0.0.0.0/0", "224.0.0.1/4", "127.0.0.1/8", "fd00::/64", "ff02::1/16"] {
        assert_eq!(
            one(with(&[bad], None)),
            [format!("requests[0].addresses[0]: `{bad}` is no address of an interface")]
        );
    }
    assert_eq!(
        check(Mode::Chained, &[with(&["10.0.0.1/24"], None), with(&["10.0.0.9/24", "10.0.0.1/16"], None)]),
        ["requests[1].addresses[1]: `10.0.0.1` is an address of requests[0] already"]
    );
}

#[test]
fn a_pod_has_one_default_route_of_each_family() {
    let with = |four: &str, six: &str| Request {
        gateway4: (!four.is_empty()).then(|| four.parse().unwrap()),
        gateway6: (!six.is_empty()).then(|| six.parse().unwrap()),
        ..request(1)
    };
    assert_eq!(check(Mode::Chained, &[with("10.0.0.1", ""), with("", "fe80::1")]), PASSED);
    assert_eq!(
        check(Mode::Chained, &[with("10.0.0.1", ""), with("10.0.0.2", "")]),
        ["requests[1].gateway4: `10.0.0.2` is a second default route; requests[0] has one"]
    );
    assert_eq!(
        one(with("fe80::1", "0.0.0.0")),
        [
            "requests[0].gateway4: `fe80::1` is of the other address family",
            "requests[0].gateway6: `0.0.0.0` is of the other address family",
        ]
    );
    assert_eq!(one(with("224.0.0.1", "")), ["requests[0].gateway4: `224.0.0.1` is no address of a gateway"]);
}

#[test]
fn names_are_legal_and_cannot_meet() {
    let named =
        |name: &str, nics_min, nics_max| Request { ifname: Some(name.into()), nics_min, nics_max, ..request(1) };
    let pair = |one: Request, other: Request| check(Mode::Chained, &[one, other]);
    assert_eq!(pair(named("a", 1, None), named("b", 1, None)), PASSED);
    assert_eq!(
        one(named("much-too-long-a-name", 1, None)),
        ["requests[0].ifname: interface name `much-too-long-a-name` is longer than 15 bytes"]
    );
    assert_eq!(one(named("lo", 1, None)), ["requests[0].ifname: `lo` is the pod's loopback"]);
    assert_eq!(
        one(named("fourteen-bytes", 2, None)),
        ["requests[0].ifname: `fourteen-bytes` leaves no room for `-1` in 15 bytes"]
    );
    assert_eq!(
        one(named("eth0", 1, Some(1))),
        ["requests[0].ifname: `eth0` may name the interface of CNI_IFNAME, `eth0`"]
    );
    // The second one is `net2` by its place.
    assert_eq!(
        pair(named("net2", 1, None), request(1)),
        ["requests[1].ifname: `net2` and `net2` of requests[0] may name the same interface"]
    );
    assert_eq!(pair(named("a", 1, Some(1)), named("a-1", 1, Some(1))), PASSED);
    assert_eq!(
        pair(named("a-1", 1, Some(1)), named("a", 1, Some(2))),
        ["requests[1].ifname: `a` and `a-1` of requests[0] may name the same interface"]
    );
    let beside = Request { ifname: Some("eth0".into()), ..request(1) };
    assert_eq!(
        check(Mode::OwnNetwork, &[primary(), beside]),
        ["requests[1].ifname: `eth0` may name the interface of CNI_IFNAME, `eth0`"]
    );
}

#[test]
fn masters_and_classes_are_names() {
    let with = |masters: &[&str], class: Option<&str>| {
        one(Request {
            masters: masters.iter().map(|m| (*m).into()).collect(),
            class: class.map(str::to_owned),
            ..request(1)
        })
    };
    assert_eq!(with(&["eth1", "eth2"], Some("fast")), PASSED);
    assert_eq!(
        with(&["eth1", "eth/2", "eth1"], Some("")),
        [
            "requests[0].masters[1]: interface name `eth/2` has a `/`, a `:`, white space or a control character",
            "requests[0].masters[2]: `eth1` stands twice",
            "requests[0].class: is empty; leave it out to take any NIC",
        ]
    );
}

#[test]
fn reasons_and_attributes_keep_their_rules() {
    let attribute = |name: &str| Attribute { name: name.into(), value: Value::Flag(true) };
    let with =
        |names: &[&str]| one(Request { attributes: names.iter().map(|name| attribute(name)).collect(), ..request(1) });
    assert_eq!(with(&["example.org/a", "example.org/b"]), PASSED);
    assert_eq!(
        with(&["example.org/b", "example.org/a"]),
        [
            "requests[0].attributes[1].name: `example.org/a` does not come after `example.org/b`; names are sorted, each once"
        ]
    );
    assert!(with(&["rail"])[0].starts_with("requests[0].attributes[0].name: `rail` is no registered attribute"));
    assert_eq!(
        one(Request { reason: String::new(), ..request(1) }),
        ["requests[0].reason: is empty; every choice carries a reason"]
    );
}

#[test]
fn a_flood_of_requests_is_refused_as_one() {
    let many = vec![request(1); REQUESTS_MAX + 1];
    assert_eq!(check(Mode::Chained, &many), ["requests: are 255; 254 is the most"]);
}

#[test]
fn an_answer_that_is_wrong_everywhere_is_told_in_bounded_words() {
    let endless = "x".repeat(60 << 10);
    let request = Request { ifname: Some(endless.clone()), class: Some(" ".into()), network: 9, ..Request::default() };
    let findings = super::attach(&Facts::default(), &vec![request; REQUESTS_MAX]);
    assert_eq!(findings.len(), 21);
    assert!(findings[20].message.starts_with("and ") && findings[20].message.ends_with(" findings more"));
    let words: usize = findings.iter().map(|finding| finding.path.len() + finding.message.len()).sum();
    assert!(words < 64 << 10, "{words} bytes");
}
