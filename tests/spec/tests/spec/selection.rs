//! Rows N of NIC selection as far as the host itself decides them: the order of the inventory, what a request may name, and how
//! many NICs are taken in the end. What a policy decides is tested with the policies.

use nicety_core::{
    choose,
    decision::{Choice, Selection, Verdict},
    facts::{
        Request,
        nic_selection::{DeviceClass, Facts, Nic},
    },
    finding::Finding,
    inventory, review,
};

/// The host of the rows: three NICs, each on a network of its own.
fn host() -> Vec<Nic> {
    let nic = |name: &str, address: &str, vendor, product| Nic {
        name: name.to_owned(),
        addresses: vec![address.parse().unwrap()],
        vendor: Some(vendor),
        product: Some(product),
        ..Nic::default()
    };
    vec![
        nic("eth1", "10.244.0.7/24", 0x1d0f, 0xefa1),
        nic("eth2", "10.244.1.7/24", 0x15b3, 0x1019),
        nic("eth3", "10.244.2.7/24", 0x8086, 0x1572),
    ]
}

fn names(nics: &[Nic]) -> Vec<&str> {
    nics.iter().map(|nic| nic.name.as_str()).collect()
}

fn asks(masters: &[&str]) -> Request {
    Request { masters: masters.iter().map(|name| (*name).to_owned()).collect(), ..Request::default() }
}

/// Findings about masters and class, for a network whose pool is the NICs of these names.
fn findings(request: &Request, pool: &[&str]) -> Vec<String> {
    let host = host();
    let pool: Vec<Nic> = host.iter().filter(|nic| pool.contains(&nic.name.as_str())).cloned().collect();
    let classes = [DeviceClass { name: "highspeed".to_owned(), members: vec![] }];
    review::masters(request, &pool, &host, &classes).iter().map(Finding::to_string).collect()
}

/// The names taken when a chain chose these candidates of the host, in this order.
fn taken(request: &Request, chosen: &[u32]) -> Vec<String> {
    let host = host();
    let selection = Selection {
        chosen: chosen.iter().map(|n| Choice { candidate: *n, reason: "fits".into(), reserve: None }).collect(),
        dropped: (0..3)
            .filter(|n| !chosen.contains(n))
            .map(|n| Verdict { candidate: n, reason: "other".into() })
            .collect(),
        attributes: vec![],
    };
    let facts = Facts { candidates: host.clone(), ..Facts::default() };
    assert_eq!(review::selection(&facts, &selection), []);
    let choices = choose(request, &host, &selection).unwrap();
    choices.iter().map(|choice| host[choice.candidate as usize].name.clone()).collect()
}

#[test]
fn n01_a_network_that_names_no_nics_has_all_by_the_text_of_their_networks() {
    let mut nics = host();
    nics.reverse();
    inventory::sort(&mut nics);
    assert_eq!(names(&nics), ["eth1", "eth2", "eth3"]);
    nics[0].addresses = vec!["10.9.0.1/24".parse().unwrap()];
    inventory::sort(&mut nics);
    assert_eq!(names(&nics), ["eth2", "eth3", "eth1"], "`10.244...` is before `10.9...` as text");
}

#[test]
fn n04_masters_of_the_pool_may_be_named_in_any_order() {
    assert_eq!(findings(&asks(&["eth3", "eth1"]), &["eth1", "eth2", "eth3"]), [""; 0]);
    assert_eq!(taken(&Request { nics_max: Some(1), ..asks(&["eth3", "eth1"]) }, &[2, 0]), ["eth3"]);
}

#[test]
fn n05_a_master_outside_the_network_is_refused() {
    assert_eq!(
        findings(&asks(&["eth3"]), &["eth1"]),
        ["masters[0]: `eth3` is outside the network; its NICs on this node are `eth1`"]
    );
}

#[test]
fn n06_masters_that_the_node_does_not_have_are_an_error_and_not_all_nics() {
    assert_eq!(
        findings(&asks(&["ethX"]), &["eth1"]),
        ["masters: this node has no NIC `ethX`; the network's NICs on it are `eth1`"]
    );
}

#[test]
fn n07_n09_an_unknown_master_is_passed_over_while_a_known_one_is_left() {
    let request = Request { nics_max: Some(1), ..asks(&["eth1", "ethX"]) };
    assert_eq!(findings(&request, &["eth1"]), [""; 0]);
    assert_eq!(taken(&request, &[0]), ["eth1"]);
}

#[test]
fn n02_n10_the_number_asked_for_is_a_limit() {
    let of = |nics_max| taken(&Request { nics_max, ..Request::default() }, &[0, 1, 2]);
    assert_eq!(of(Some(2)), ["eth1", "eth2"]);
    assert_eq!(of(Some(9)), ["eth1", "eth2", "eth3"]);
    assert_eq!(of(None), ["eth1", "eth2", "eth3"]);
}

#[test]
fn n13_the_number_is_taken_after_the_class_and_not_before() {
    let request = Request { class: Some("highspeed".into()), nics_max: Some(1), ..Request::default() };
    assert_eq!(findings(&request, &["eth1", "eth2", "eth3"]), [""; 0]);
    assert_eq!(taken(&request, &[1]), ["eth2"]);
}

#[test]
fn n14_an_unknown_class_is_an_error_and_not_all_nics() {
    let request = Request { class: Some("higspeed".into()), ..Request::default() };
    assert_eq!(findings(&request, &["eth1"]), ["class: `higspeed` is no DeviceClass; there are `highspeed`"]);
}
