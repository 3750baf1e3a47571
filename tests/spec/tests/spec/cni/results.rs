//! Section 5, "ADD Success", in every version, and section 3, what a chained plugin does to prevResult.

#![expect(clippy::unwrap_used, reason = "the addresses of the rows are literals")]

use nicety_cni::{
    AddResult, Version,
    result::{Dns, Interface, Ip, Route, chained, merge},
};
use serde_json::{Value, json};

use super::{add, parse, variables};

fn whole() -> AddResult {
    AddResult {
        interfaces: vec![
            Interface { name: "nic0".to_owned(), ..Interface::default() },
            Interface {
                name: "eth0".to_owned(),
                mac: Some("02:00:00:00:00:01".to_owned()),
                mtu: Some(1450),
                sandbox: Some("/run/netns/c1".to_owned()),
                socket_path: Some("/run/vhost".to_owned()),
                pci_id: Some("0000:0c:05.0".to_owned()),
            },
        ],
        ips: vec![
            Ip {
                address: "10.0.0.5/24".parse().unwrap(),
                gateway: Some("10.0.0.1".parse().unwrap()),
                interface: Some(1),
            },
            Ip { address: "2001:db8::5/64".parse().unwrap(), gateway: None, interface: Some(1) },
        ],
        routes: vec![Route {
            mtu: Some(1400),
            advmss: Some(1360),
            priority: Some(10),
            table: Some(100),
            scope: Some(253),
            ..Route::new("0.0.0.0/0".parse().unwrap(), Some("10.0.0.1".parse().unwrap()))
        }],
        dns: Dns {
            nameservers: vec!["10.0.0.2".to_owned()],
            domain: Some("example.org".to_owned()),
            search: vec!["a.example.org".to_owned()],
            options: vec!["ndots:2".to_owned()],
        },
    }
}

fn rendered(result: &AddResult, version: Version) -> Value {
    serde_json::from_str(&result.render(version)).unwrap()
}

#[test]
fn r1_the_newest_version_carries_every_field() {
    let expected = json!({
        "cniVersion": "1.1.0",
        "interfaces": [
            {"name": "nic0"},
            {"name": "eth0", "mac": "02:00:00:00:00:01", "mtu": 1450, "sandbox": "/run/netns/c1",
             "socketPath": "/run/vhost", "pciID": "0000:0c:05.0"},
        ],
        "ips": [
            {"address": "10.0.0.5/24", "gateway": "10.0.0.1", "interface": 1},
            {"address": "2001:db8::5/64", "interface": 1},
        ],
        "routes": [{"dst": "0.0.0.0/0", "gw": "10.0.0.1", "mtu": 1400, "advmss": 1360, "priority": 10, "table": 100,
                    "scope": 253}],
        "dns": {"nameservers": ["10.0.0.2"], "domain": "example.org", "search": ["a.example.org"], "options": ["ndots:2"]},
    });
    assert_eq!(rendered(&whole(), Version::V1_1_0), expected);
}

#[test]
fn r2_an_older_version_carries_only_the_fields_that_it_knows() {
    let json = rendered(&whole(), Version::V1_0_0);
    assert_eq!(json["interfaces"][1], json!({"name": "eth0", "mac": "02:00:00:00:00:01", "sandbox": "/run/netns/c1"}));
    assert_eq!(json["routes"], json!([{"dst": "0.0.0.0/0", "gw": "10.0.0.1"}]));
    assert_eq!(json["ips"][0], json!({"address": "10.0.0.5/24", "gateway": "10.0.0.1", "interface": 1}));
    assert_eq!(json["cniVersion"], "1.0.0");
}

#[test]
fn r3_before_1_0_0_each_address_names_its_family() {
    for version in [Version::V0_3_0, Version::V0_3_1, Version::V0_4_0] {
        let json = rendered(&whole(), version);
        assert_eq!(json["cniVersion"], version.as_str());
        let expected = json!([
            {"version": "4", "address": "10.0.0.5/24", "gateway": "10.0.0.1", "interface": 1},
            {"version": "6", "address": "2001:db8::5/64", "interface": 1},
        ]);
        assert_eq!(json["ips"], expected);
        assert_eq!(
            json["interfaces"][1],
            json!({"name": "eth0", "mac": "02:00:00:00:00:01", "sandbox": "/run/netns/c1"})
        );
    }
}

#[test]
fn r4_a_result_of_any_version_is_read_back() {
    for version in Version::ALL {
        let read = AddResult::of(&rendered(&whole(), version), "").unwrap();
        let known = AddResult::of(&rendered(&read, Version::NEWEST), "").unwrap();
        assert_eq!(read, known);
        assert_eq!(read.ips, whole().ips);
        assert_eq!(read == whole(), version == Version::V1_1_0, "{version}");
    }
}

#[test]
fn r5_what_other_plugins_write_for_nothing_is_nothing() {
    let value = json!({
        "cniVersion": "0.3.1",
        "interfaces": [{"name": "lo", "mac": "", "sandbox": "", "mtu": 0}],
        "ips": [{"version": "4", "address": "127.0.0.1/8", "gateway": "", "interface": -1}],
        "routes": null,
        "dns": {},
    });
    let read = AddResult::of(&value, "").unwrap();
    let expected = AddResult {
        interfaces: vec![Interface { name: "lo".to_owned(), ..Interface::default() }],
        ips: vec![Ip { address: "127.0.0.1/8".parse().unwrap(), gateway: None, interface: None }],
        ..AddResult::default()
    };
    assert_eq!(read, expected);
}

#[test]
fn r6_a_record_keeps_a_result_as_it_was() {
    let text = serde_json::to_string(&whole()).unwrap();
    assert_eq!(serde_json::from_str::<AddResult>(&text).unwrap(), whole());
    assert_eq!(AddResult::of(&rendered(&whole(), Version::NEWEST), "").unwrap(), whole());
}

fn ours() -> AddResult {
    AddResult {
        interfaces: vec![Interface { name: "net1".to_owned(), ..Interface::default() }],
        ips: vec![Ip { address: "192.168.0.5/24".parse().unwrap(), gateway: None, interface: Some(0) }],
        routes: vec![Route::new("192.168.0.0/16".parse().unwrap(), None)],
        dns: Dns { domain: Some("ours".to_owned()), ..Dns::default() },
    }
}

#[test]
fn c1_what_we_add_stands_behind_what_was_there_and_points_at_our_interfaces() {
    let merged = merge(&whole(), ours());
    let names: Vec<_> = merged.interfaces.iter().map(|interface| interface.name.as_str()).collect();
    assert_eq!(names, ["nic0", "eth0", "net1"]);
    let owners: Vec<_> = merged.ips.iter().map(|ip| ip.interface).collect();
    assert_eq!(owners, [Some(1), Some(1), Some(2)]);
    assert_eq!(merged.routes.len(), 2);
    assert_eq!(merged.dns, whole().dns);
    assert_eq!(merge(&AddResult::default(), ours()), ours());
}

/// Spacing, order and unknown keys as another plugin may write them.
const STRANGE: &str = r#"{ "zone":"x", "ips" : [{"interface":0,"address":"10.1.0.9/24","extra":true}],
  "interfaces":[{"name":"eth0","sandbox":"/run/netns/c1"}],"cniVersion":"1.1.0","dns":{} }"#;

#[test]
fn c2_a_chained_add_that_asks_for_nothing_passes_prev_result_on_to_the_byte() {
    let netconf = add(&format!(r#""prevResult":{STRANGE}"#)).netconf;
    let previous = netconf.prev_result.unwrap();
    assert_eq!(chained(&previous, AddResult::default(), netconf.version), STRANGE);
}

#[test]
fn c3_a_chained_add_that_adds_answers_in_the_version_of_the_configuration() {
    let netconf = add(&format!(r#""prevResult":{STRANGE}"#)).netconf;
    let previous = netconf.prev_result.unwrap();
    let json: Value = serde_json::from_str(&chained(&previous, ours(), netconf.version)).unwrap();
    assert_eq!(json["interfaces"], json!([{"name": "eth0", "sandbox": "/run/netns/c1"}, {"name": "net1"}]));
    assert_eq!(json["ips"][1], json!({"address": "192.168.0.5/24", "interface": 1}));
}

#[test]
fn c4_a_prev_result_of_another_version_is_converted_even_when_nothing_is_added() {
    let old = r#"{"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.1.0.9/24"}]}"#;
    let netconf = add(&format!(r#""prevResult":{old}"#)).netconf;
    let previous = netconf.prev_result.unwrap();
    assert_eq!(previous.version, Version::V0_4_0);
    let json: Value = serde_json::from_str(&chained(&previous, AddResult::default(), netconf.version)).unwrap();
    assert_eq!(json, json!({"cniVersion": "1.1.0", "interfaces": [], "ips": [{"address": "10.1.0.9/24"}]}));
}

#[test]
fn c5_a_prev_result_without_a_version_is_of_the_configuration_s() {
    let stdin = r#"{"cniVersion":"0.4.0","name":"net","type":"nicety","prevResult":{"ips":[]}}"#;
    let request = parse(&variables(&[]), stdin).unwrap();
    assert_eq!(request.netconf().unwrap().prev_result.as_ref().unwrap().version, Version::V0_4_0);
}
