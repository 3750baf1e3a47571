use proptest::prelude::*;

use super::{
    model::{Kernel, is_made},
    *,
};
use crate::{
    ipam::Pool,
    plan::{Bridge, Chosen, HostNic, IpvlanMode, MacvlanMode, NicSettings, Port},
};

fn key() -> AttachmentKey {
    AttachmentKey {
        netconf: "fast".parse().unwrap(),
        container: "c1".parse().unwrap(),
        ifname: "eth0".parse().unwrap(),
    }
}

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn claim(family: Family) -> Claim {
    Claim { network: "fast".parse().unwrap(), family, pools: Vec::<Pool>::new(), want: None }
}

fn bridge() -> Bridge {
    let port = Port { hairpin: true, isolated: false };
    Bridge { name: "br-fast".parse().unwrap(), mtu: None, gateways: vec![net("10.0.0.1/16")], port }
}

/// Interface `place` on a NIC of its own, with what a lease for each of its claims would be.
fn chosen(place: usize, link: Link, families: &[Family], routes: &[(&str, Option<&str>)]) -> (Chosen, Vec<Lease>) {
    let nic = HostNic { name: format!("eth{place}").parse().unwrap(), index: 10 + place as u32 };
    let own = NicSettings { mac: Mac([2, 0, 0, 0, 1, place as u8]), mtu: 9000 };
    let ifname: IfName = format!("net{place}").parse().unwrap();
    let routes =
        routes.iter().map(|(to, via)| Route { to: net(to), via: via.map(|via| via.parse().unwrap()) }).collect();
    let lease = |family: &Family| Lease {
        network: "fast".parse().unwrap(),
        ifname: ifname.clone(),
        address: match family {
            Family::V4 => net(&format!("10.{}.0.7/16", place / 2)),
            Family::V6 => net(&format!("fd00:{}::7/64", place / 2)),
        },
    };
    let leases = families.iter().enumerate().map(|(copy, family)| {
        // Two interfaces may share a link, never an address.
        let Lease { network, ifname, address } = lease(family);
        let at = family.address(number(address.addr()) + (copy + 8 * place) as u128).unwrap();
        Lease { network, ifname, address: IpNet::new(at, address.prefix_len()).unwrap() }
    });
    let leases: Vec<Lease> = leases.collect();
    let claims = families.iter().map(|family| claim(*family)).collect();
    let chosen = Chosen {
        ifname: ifname.clone(),
        network: "fast".parse().unwrap(),
        link,
        nic: Some((nic, own)),
        bridge: (link == Link::Bridge).then(bridge),
        mac: None,
        mtu: None,
        routes,
        claims,
    };
    (chosen, leases)
}

fn bound(parts: Vec<(Chosen, Vec<Lease>)>) -> Plan<Bound> {
    let (chosen, leases): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    Plan::build(key(), chosen, &[]).unwrap().bind(leases).unwrap()
}

const MACVLAN: Link = Link::Macvlan { mode: MacvlanMode::Bridge };

#[test]
fn a_macvlan_is_created_then_addressed_then_up_then_routed() {
    let plan =
        bound(vec![chosen(1, MACVLAN, &[Family::V4], &[("0.0.0.0/0", Some("10.0.0.1")), ("10.9.0.0/16", None)])]);
    let steps: Vec<String> = plan.state.steps.iter().map(|step| format!("{step:?}")).collect();
    let names: Vec<&str> = steps.iter().map(|step| step.split([' ', '{']).next().unwrap()).collect();
    assert_eq!(names, ["CreateMacvlan", "AddAddress", "SetUp", "AddRoute", "AddRoute"]);
    assert_eq!(
        plan.state.undo,
        [Undo::DeleteGroup { group: hash::link_group(&key()), ifnames: vec!["net1".parse().unwrap()] }]
    );
}

#[test]
fn a_routed_veth_has_one_address_and_a_gateway_of_its_own() {
    let plan = bound(vec![chosen(0, Link::VethRouted, &[Family::V4, Family::V6], &[("0.0.0.0/0", Some("10.0.0.1"))])]);
    let (host, host_mac) =
        (hash::host_ifname(&key(), &"net0".parse().unwrap()), hash::mac("host", &key(), &"net0".parse().unwrap()));
    assert_eq!(plan.state.addresses, [[net("10.0.0.7/32"), net("fd00::8/128")]]);
    let route = |to, via: Option<&str>| Route { to: net(to), via: via.map(|via| via.parse().unwrap()) };
    assert_eq!(
        plan.state.routes,
        [[
            route("169.254.1.1/32", None),
            route("10.0.0.0/16", Some("169.254.1.1")),
            route("0.0.0.0/0", Some("169.254.1.1")),
            route("fe80::1/128", None),
            route("fd00::/64", Some("fe80::1")),
        ]]
    );
    for gateway in ["169.254.1.1", "fe80::1"] {
        let address = gateway.parse().unwrap();
        let neighbour = Step::AddNeighbor { ifname: "net0".parse().unwrap(), address, mac: host_mac };
        assert!(plan.state.steps.contains(&neighbour), "{gateway}");
    }
    let sysctl = |family, key, value| Step::HostSysctl { host: host.clone(), family, key, value };
    let mac = plan.interfaces[0].mac;
    assert!(plan.state.steps.ends_with(&[
        sysctl(Family::V6, LinkSysctl::AcceptRa, 0),
        sysctl(Family::V6, LinkSysctl::AcceptRedirects, 0),
        sysctl(Family::V4, LinkSysctl::Forwarding, 1),
        sysctl(Family::V6, LinkSysctl::Forwarding, 1),
        sysctl(Family::V6, LinkSysctl::ForceForwarding, 1),
        Step::HostSetUp { host: host.clone() },
        Step::HostAddNeighbor { host: host.clone(), address: net("10.0.0.7/32").addr(), mac },
        Step::HostAddRoute { host: host.clone(), to: net("10.0.0.7/32") },
        Step::HostAddNeighbor { host: host.clone(), address: net("fd00::8/128").addr(), mac },
        Step::HostAddRoute { host: host.clone(), to: net("fd00::8/128") },
    ]));
}

#[test]
fn the_second_routed_veth_reaches_its_own_link_and_leaves_the_default_route_alone() {
    let plan = bound(vec![
        chosen(0, Link::VethRouted, &[Family::V4], &[("0.0.0.0/0", None)]),
        chosen(2, Link::VethRouted, &[Family::V4], &[("0.0.0.0/0", None)]),
    ]);
    let second: Vec<String> = plan.state.routes[1].iter().map(|route| route.to.to_string()).collect();
    assert_eq!(second, ["169.254.1.2/32", "10.1.0.0/16"]);
}

#[test]
fn gateways_do_not_wrap() {
    assert_eq!(gateway(Family::V4, 253), Some("169.254.1.254".parse().unwrap()));
    assert_eq!(gateway(Family::V6, 253), Some("fe80::fe".parse().unwrap()));
    assert_eq!((gateway(Family::V4, 254), gateway(Family::V6, 256)), (None, None));
}

#[test]
fn a_gateway_off_the_link_gets_a_route_of_its_own_first() {
    let plan = bound(vec![chosen(
        0,
        MACVLAN,
        &[Family::V4, Family::V6],
        &[("0.0.0.0/0", Some("192.0.2.1")), ("::/0", Some("fe80::9"))],
    )]);
    let texts: Vec<String> = plan.state.routes[0].iter().map(|route| route.to.to_string()).collect();
    assert_eq!(texts, ["192.0.2.1/32", "0.0.0.0/0", "::/0"]);
}

#[test]
fn a_whole_nic_gets_back_what_the_move_changed_and_no_more() {
    let (mut one, leases) = chosen(3, Link::HostDevice, &[], &[]);
    let own = one.nic.clone().unwrap();
    let undo = |one: &Chosen| bound(vec![(one.clone(), leases.clone())]).state.undo;
    let ifname: IfName = "net3".parse().unwrap();
    let back = |mac, mtu| [Undo::MoveBack { ifname: ifname.clone(), nic: own.0.clone(), mac, mtu }];
    assert_eq!(undo(&one), back(None, None));
    (one.mac, one.mtu) = (Some(Mac([2, 9, 9, 9, 9, 9])), Some(1500));
    assert_eq!(undo(&one), back(Some(own.1.mac), Some(9000)));
}

#[test]
fn leases_that_do_not_fit_are_refused() {
    let (one, leases) = chosen(0, MACVLAN, &[Family::V4], &[]);
    let plan = Plan::build(key(), vec![one], &[]).unwrap();
    let bind = |leases: Vec<Vec<Lease>>| plan.clone().bind(leases).unwrap_err();
    assert!(matches!(bind(vec![]), BindError::Interfaces { .. }));
    assert!(matches!(bind(vec![vec![]]), BindError::Count { .. }));
    let with = |change: fn(&mut Lease)| {
        let mut lease = leases[0].clone();
        change(&mut lease);
        bind(vec![vec![lease]])
    };
    for refused in [
        with(|lease| lease.ifname = "net9".parse().unwrap()),
        with(|lease| lease.network = "slow".parse().unwrap()),
        with(|lease| lease.address = net("fd00::1/64")),
    ] {
        assert!(matches!(refused, BindError::Mismatch { .. }), "{refused}");
    }
}

fn any_link() -> impl Strategy<Value = Link> {
    prop_oneof![
        Just(MACVLAN),
        Just(Link::Macvlan { mode: MacvlanMode::Passthru }),
        Just(Link::Ipvlan { mode: IpvlanMode::L3 }),
        Just(Link::VethRouted),
        Just(Link::Bridge),
        Just(Link::HostDevice),
    ]
}

/// Up to six interfaces of any kind, families, settings and routes, with their leases.
fn any_parts() -> impl Strategy<Value = Vec<(Chosen, Vec<Lease>)>> {
    let destination = prop_oneof![
        Just(("0.0.0.0/0", Some("10.0.0.1"))),
        Just(("0.0.0.0/0", None)),
        Just(("::/0", Some("fe80::99"))),
        Just(("10.0.0.0/16", None)),
        Just(("10.1.0.0/16", Some("10.0.0.1"))),
        Just(("192.168.7.0/24", Some("203.0.113.1"))),
        Just(("fd00:1::/64", Some("fd00::1"))),
    ];
    let one = (
        any_link(),
        prop_oneof![
            Just(vec![Family::V4]),
            Just(vec![Family::V6]),
            Just(vec![Family::V4, Family::V6]),
            Just(vec![Family::V4, Family::V4])
        ],
        proptest::collection::vec(destination, 0..4),
        proptest::option::of(Just(1400_u32)),
        any::<bool>(),
    );
    proptest::collection::vec(one, 1..6).prop_map(|list| {
        let make = |(place, (link, families, routes, mtu, own_mac)): (usize, (Link, Vec<Family>, Vec<_>, _, bool))| {
            let (mut chosen, leases) = chosen(place, link, &families, &routes);
            let mut seen = BTreeSet::new();
            chosen.routes.retain(|route| families.contains(&Family::of(route.to.addr())) && seen.insert(route.to));
            chosen.mtu = mtu;
            let free = matches!(link, Link::HostDevice | Link::VethRouted | Link::Bridge) || link == MACVLAN;
            chosen.mac = (own_mac && free).then_some(Mac([2, 7, 7, 7, 7, place as u8]));
            (chosen, leases)
        };
        list.into_iter().enumerate().map(make).collect()
    })
}

proptest! {
    #[test]
    fn a_kernel_takes_every_step_and_then_has_what_the_plan_says(parts in any_parts()) {
        let plan = bound(parts);
        let mut kernel = Kernel::of(&plan.interfaces);
        for step in &plan.state.steps {
            prop_assert_eq!(kernel.apply(step), Ok(()), "{:?}", step);
        }
        for (place, interface) in plan.interfaces.iter().enumerate() {
            let (addresses, routes) = (&plan.state.addresses[place], &plan.state.routes[place]);
            prop_assert!(is_made(&kernel, interface, addresses, routes), "{}: {:?}", interface.ifname, kernel);
        }
        prop_assert!(kernel.host.values().all(|link| link.up && link.sysctls.contains(&(Family::V6, LinkSysctl::AcceptRa, 0))));
    }

    #[test]
    fn stopped_after_any_step_the_undo_leaves_what_was_before(parts in any_parts()) {
        let plan = bound(parts);
        let before = Kernel::of(&plan.interfaces);
        for done in 0..=plan.state.steps.len() {
            let mut kernel = before.clone();
            for step in &plan.state.steps[..done] {
                kernel.apply(step).unwrap();
            }
            let mut lost = kernel.clone();
            for undo in plan.state.undo.iter().chain(&plan.state.undo) {
                kernel.undo(undo);
            }
            prop_assert_eq!(&kernel, &before, "after {} steps", done);

            // The pod's namespace went first: nothing of ours may stay on the host.
            lost.lose_pod();
            for undo in &plan.state.undo {
                lost.undo(undo);
            }
            prop_assert!(lost.pod.is_empty() && lost.host.is_empty());
            prop_assert!(lost.nics.keys().eq(before.nics.keys()));
        }
    }

    #[test]
    fn the_same_plan_binds_to_the_same_steps(parts in any_parts()) {
        prop_assert_eq!(bound(parts.clone()), bound(parts));
    }
}
