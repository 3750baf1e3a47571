//! From reviewed requests to a bound plan, over networks of each kind of link.

use std::collections::BTreeSet;

use ipnet::IpNet;
use nicety_core::{
    address::{Family, Mac},
    facts::Request,
    ids::{AttachmentKey, IfName},
    ipam::{Claim, Lease, Pool},
    plan::{Chosen, HostNic, Link, MacvlanMode, NicSettings, Plan, Route, Undo},
};

const LINKS: [Link; 3] = [Link::VethRouted, Link::Macvlan { mode: MacvlanMode::Bridge }, Link::HostDevice];

/// Each network by its number has a link and a NIC of its own. A refusal has findings; a plan binds, and its undo takes back every
/// interface that it makes.
pub fn made(requests: &[Request], names: &[Vec<IfName>]) {
    let mut all = Vec::new();
    for (request, names) in requests.iter().zip(names) {
        for (place, ifname) in names.iter().enumerate() {
            all.push(chosen(request, ifname, place, all.len()));
        }
    }
    let key = AttachmentKey {
        netconf: "fuzz".parse().expect("a name"),
        container: "c0ffee".parse().expect("a name"),
        ifname: "eth0".parse().expect("a name"),
    };
    let plan = match Plan::build(key, all, &[]) {
        Ok(plan) => plan,
        Err(findings) => return assert!(!findings.is_empty()),
    };
    let interfaces = plan.interfaces.clone();
    let leases = interfaces
        .iter()
        .zip(&plan.state.claims)
        .map(|(interface, claims)| claims.iter().map(|claim| lease(&interface.ifname, claim)).collect());
    let leases: Vec<Vec<Lease>> = leases.collect();
    let bound = plan.bind(leases.clone()).expect("leases that serve their claims");
    assert_eq!(bound.state.addresses.len(), interfaces.len());
    for (addresses, leases) in bound.state.addresses.iter().zip(&leases) {
        assert!(addresses.iter().map(IpNet::addr).eq(leases.iter().map(Lease::ip)), "{addresses:?}");
    }
    let destinations: Vec<IpNet> = bound.state.routes.iter().flatten().map(|route| route.to.trunc()).collect();
    assert_eq!(destinations.iter().collect::<BTreeSet<_>>().len(), destinations.len(), "{destinations:?}");
    for interface in &interfaces {
        let undone = bound.state.undo.iter().any(|undo| match undo {
            Undo::DeleteGroup { ifnames, .. } => ifnames.contains(&interface.ifname),
            Undo::DeleteHostLink { .. } => interface.link == Link::VethRouted,
            Undo::MoveBack { ifname, .. } => *ifname == interface.ifname,
        });
        assert!(undone, "nothing takes back `{}`", interface.ifname);
    }
}

fn chosen(request: &Request, ifname: &IfName, place: usize, index: usize) -> Chosen {
    let link = LINKS[request.network as usize % LINKS.len()];
    let own = NicSettings { mac: Mac([2, 0, 0, 0, (index >> 8) as u8, index as u8]), mtu: 9000 };
    let nic = HostNic { name: format!("nic{index}").parse().expect("a name"), index: index as u32 + 1 };
    let wanted = request.addresses.get(place).map(IpNet::addr);
    let claims = [Family::V4, Family::V6].map(|family| Claim {
        network: "net".parse().expect("a name"),
        family,
        pools: vec![pool(family, index)],
        want: wanted.filter(|wanted| Family::of(*wanted) == family),
    });
    let gateways = request.gateway4.into_iter().chain(request.gateway6);
    let routes = gateways.map(|gateway| {
        let all = if gateway.is_ipv4() { "0.0.0.0/0" } else { "::/0" };
        Route { to: all.parse().expect("a network"), via: Some(gateway) }
    });
    Chosen {
        bridge: None,
        ifname: ifname.clone(),
        network: "net".parse().expect("a name"),
        link,
        nic: (link != Link::VethRouted).then_some((nic, own)),
        mac: request.mac,
        mtu: request.mtu,
        routes: routes.collect(),
        claims: claims.into(),
    }
}

/// Sixteen addresses for each interface.
fn pool(family: Family, index: usize) -> Pool {
    let index = index as u32 * 16;
    let (base, on_link) = match family {
        Family::V4 => (0x0a00_0000, 8),
        Family::V6 => (0xfd00_u128 << 112, 64),
    };
    let at = |number: u32| family.address(base + u128::from(number)).expect("inside the family");
    Pool::range(at(index + 2), at(index + 15), on_link, Vec::new()).expect("a range")
}

fn lease(ifname: &IfName, claim: &Claim) -> Lease {
    let address = claim.want.unwrap_or(claim.pools[0].first);
    let address = IpNet::new(address, claim.pools[0].on_link).expect("a prefix that fits");
    Lease { network: claim.network.clone(), ifname: ifname.clone(), address }
}
