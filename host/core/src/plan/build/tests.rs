use super::*;
use crate::ipam::Pool;

fn key() -> AttachmentKey {
    AttachmentKey {
        netconf: "fast".parse().unwrap(),
        container: "c1".parse().unwrap(),
        ifname: "eth0".parse().unwrap(),
    }
}

fn chosen(ifname: &str, link: Link) -> Chosen {
    let claim = Claim { network: "fast".parse().unwrap(), family: Family::V4, pools: Vec::<Pool>::new(), want: None };
    Chosen {
        ifname: ifname.parse().unwrap(),
        network: "fast".parse().unwrap(),
        link,
        nic: Some((
            HostNic { name: "eth1".parse().unwrap(), index: 7 },
            NicSettings { mac: Mac([2, 0, 0, 0, 0, 1]), mtu: 1500 },
        )),
        bridge: None,
        mac: None,
        mtu: None,
        routes: vec![],
        claims: vec![claim],
    }
}

fn route(to: &str, via: Option<&str>) -> Route {
    Route { to: to.parse().unwrap(), via: via.map(|via| via.parse().unwrap()) }
}

/// The findings, as text.
fn refused(chosen: Vec<Chosen>) -> Vec<String> {
    Plan::build(key(), chosen, &[]).err().unwrap_or_default().iter().map(Finding::to_string).collect()
}

const MACVLAN: Link = Link::Macvlan { mode: MacvlanMode::Bridge };
const PASSTHRU: Link = Link::Macvlan { mode: MacvlanMode::Passthru };
const IPVLAN: Link = Link::Ipvlan { mode: IpvlanMode::L2 };

#[test]
fn every_fault_of_every_interface_is_found_at_once() {
    let first = Chosen { mtu: Some(9000), ..chosen("net1", MACVLAN) };
    let second = Chosen { nic: None, routes: vec![route("::/0", Some("10.0.0.1"))], ..chosen("net1", MACVLAN) };
    assert_eq!(
        refused(vec![first, second]),
        [
            "interfaces[0].mtu: is more than the 1500 bytes of its NIC `eth1`, which `macvlan/bridge` cannot exceed",
            "interfaces[1].nic: `macvlan/bridge` needs a NIC and none was chosen",
            "interfaces[1].routes[0].via: `10.0.0.1` is not of the address family of `::/0`",
            "interfaces[1].routes[0].to: `::/0` leaves by an interface without an address of its family",
            "interfaces[1].ifname: `net1` is the name of another interface of this attachment",
        ]
    );
}

#[test]
fn the_hardware_address_is_the_nics_where_the_kernel_takes_it_from_there() {
    let mac = |link, asked| {
        let one = Chosen { mac: asked, ..chosen("net1", link) };
        Plan::build(key(), vec![one], &[]).map(|plan| plan.interfaces[0].mac).ok()
    };
    let (own, other) = (Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 9]));
    for link in [IPVLAN, PASSTHRU] {
        assert_eq!((mac(link, None), mac(link, Some(own)), mac(link, Some(other))), (Some(own), Some(own), None));
    }
    assert_eq!((mac(Link::HostDevice, None), mac(Link::HostDevice, Some(other))), (Some(own), Some(other)));
    let derived = hash::mac("pod", &key(), &"net1".parse().unwrap());
    assert_eq!((mac(MACVLAN, None), mac(MACVLAN, Some(other))), (Some(derived), Some(other)));
}

#[test]
fn the_first_interface_keeps_a_destination() {
    let routes = || vec![route("0.0.0.0/0", Some("10.0.0.1")), route("0.0.0.0/0", Some("10.0.0.1"))];
    let two = ["net1", "net2"].map(|ifname| Chosen { routes: routes(), ..chosen(ifname, MACVLAN) });
    let plan = Plan::build(key(), two.to_vec(), &[]).unwrap();
    assert_eq!(plan.interfaces.iter().map(|one| one.routes.len()).collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn two_gateways_for_one_destination_are_refused() {
    let routes = vec![route("10.8.0.0/16", Some("10.0.0.1")), route("10.8.0.0/16", None)];
    let findings = refused(vec![Chosen { routes, ..chosen("net1", MACVLAN) }]);
    assert_eq!(
        findings,
        ["interfaces[0].routes[1].via: `10.8.0.0/16` has `10.0.0.1` and no gateway; one destination has one"]
    );
}

#[test]
fn links_that_exclude_each_other_are_refused_before_anything_is_leased() {
    let findings = refused(vec![chosen("net1", MACVLAN), chosen("net2", IPVLAN)]);
    assert!(
        findings.len() == 1 && findings[0].starts_with("interfaces[1].link: `ipvlan/l2` on NIC `eth1`"),
        "{findings:?}"
    );
}

#[test]
fn more_routed_veths_than_gateways_are_refused() {
    let many = |count: usize| {
        (0..count).map(|n| Chosen { nic: None, ..chosen(&format!("net{n}"), Link::VethRouted) }).collect()
    };
    assert_eq!(refused(many(254)), [""; 0]);
    assert_eq!(
        refused(many(255)),
        ["interfaces[254]: there are link-local gateways for 254 interfaces of one attachment"]
    );
}
