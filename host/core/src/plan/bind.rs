//! Joins a plan with its leases: every step and the whole undo, before the first step runs.
//!
//! All links are created first, because those requests go to the host's network namespace; then each interface gets its
//! addresses, comes up and gets its neighbours and routes; the host's side of routed veths comes last.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;

use super::{Bound, Interface, Link, Plan, Route, Step, Unbound, Undo, step::LinkSysctl};
use crate::{
    address::{Family, Mac, number},
    hash,
    ids::{AttachmentKey, IfName},
    ipam::{Claim, Lease},
};

/// How many interfaces of one attachment have a link-local gateway of their own: 169.254.1.1 to 169.254.1.254.
pub const GATEWAYS: usize = 254;

/// Why leases do not fit their plan. Each is a defect of whoever leased; nothing of it can come from a user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    #[error("{leases} lists of leases for {interfaces} interfaces")]
    Interfaces { interfaces: usize, leases: usize },
    #[error("interface `{ifname}` claims {claims} addresses and {leases} are leased")]
    Count { ifname: IfName, claims: usize, leases: usize },
    #[error("the lease of `{address}` does not serve its claim on interface `{ifname}`: {why}")]
    Mismatch { ifname: IfName, address: IpNet, why: &'static str },
    #[error("interface `{ifname}` is number {place} of its attachment, and there are {GATEWAYS} link-local gateways")]
    NoGateway { ifname: IfName, place: usize },
    #[error("interface `{ifname}` has no bridge to be on")]
    NoBridge { ifname: IfName },
    #[error("interface `{ifname}` has no NIC, and `{}` needs one", .link.name())]
    NoNic { ifname: IfName, link: Link },
}

/// The steps of one interface, by the phase in which they run.
#[derive(Default)]
struct Parts {
    create: Vec<Step>,
    pod: Vec<Step>,
    host: Vec<Step>,
    addresses: Vec<IpNet>,
    routes: Vec<Route>,
}

impl Plan<Unbound> {
    /// `leases`: per interface, one per claim, in the order of the claims.
    pub fn bind(self, leases: Vec<Vec<Lease>>) -> Result<Plan<Bound>, BindError> {
        let Plan { key, interfaces, state: Unbound { claims } } = self;
        if leases.len() != interfaces.len() || claims.len() != interfaces.len() {
            return Err(BindError::Interfaces { interfaces: interfaces.len(), leases: leases.len() });
        }
        let mut routed = BTreeSet::new();
        let mut parts = Vec::new();
        for (place, interface) in interfaces.iter().enumerate() {
            let (claims, leases) =
                (claims.get(place).map_or(&[][..], Vec::as_slice), leases.get(place).map_or(&[][..], Vec::as_slice));
            serve(interface, claims, leases)?;
            parts.push(match interface.link {
                Link::VethRouted => routed_veth(&key, interface, place, leases, &mut routed)?,
                Link::Bridge => bridged(&key, interface, leases, &mut routed)?,
                Link::Macvlan { .. } | Link::Ipvlan { .. } | Link::HostDevice => {
                    on_nic(&key, interface, leases, &mut routed)?
                }
            });
        }
        let undo = undo(&key, &interfaces);
        let mut state = Bound { addresses: Vec::new(), routes: Vec::new(), steps: Vec::new(), undo };
        let (mut pod, mut host) = (Vec::new(), Vec::new());
        for part in parts {
            state.steps.extend(part.create);
            pod.extend(part.pod);
            host.extend(part.host);
            state.addresses.push(part.addresses);
            state.routes.push(part.routes);
        }
        state.steps.extend(pod);
        state.steps.extend(host);
        Ok(Plan { key, interfaces, state })
    }
}

/// The gateway that a veth-routed interface has on its own link, by the interface's place in its attachment.
pub fn gateway(family: Family, place: usize) -> Option<IpAddr> {
    let last = u8::try_from(place).ok().filter(|place| usize::from(*place) < GATEWAYS)? + 1;
    Some(match family {
        Family::V4 => Ipv4Addr::new(169, 254, 1, last).into(),
        Family::V6 => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, u16::from(last)).into(),
    })
}

/// Checks that each lease is what its claim asked for.
fn serve(interface: &Interface, claims: &[Claim], leases: &[Lease]) -> Result<(), BindError> {
    let ifname = interface.ifname.clone();
    if claims.len() != leases.len() {
        return Err(BindError::Count { ifname, claims: claims.len(), leases: leases.len() });
    }
    for (claim, lease) in claims.iter().zip(leases) {
        let why = if lease.ifname != interface.ifname {
            "it is another interface's"
        } else if lease.network != claim.network {
            "it is of another network"
        } else if Family::of(lease.ip()) != claim.family {
            "it is of the other address family"
        } else if claim.want.is_some_and(|want| want != lease.ip()) {
            "a static address was asked for, and not this one"
        } else {
            continue;
        };
        return Err(BindError::Mismatch { ifname, address: lease.address, why });
    }
    Ok(())
}

/// macvlan, ipvlan or the NIC itself: the pod is on the NIC's own link. A veth on a bridge is on the bridge's.
fn on_nic(
    key: &AttachmentKey,
    interface: &Interface,
    leases: &[Lease],
    routed: &mut BTreeSet<IpNet>,
) -> Result<Parts, BindError> {
    let ifname = &interface.ifname;
    let mut parts = Parts { create: vec![creation(key, interface)?], ..Parts::default() };
    parts.addresses = leases.iter().map(|lease| lease.address).collect();
    // The kernel makes the on-link routes itself; a second one for the same prefix would be refused.
    routed.extend(leases.iter().map(|lease| lease.address.trunc()));
    for route in &interface.routes {
        if !routed.insert(route.to.trunc()) {
            continue;
        }
        // A gateway outside of every on-link prefix (clouds have such) is made reachable by a route of its own.
        if let Some(via) = route.via.filter(|via| !on_link(*via, leases))
            && routed.insert(IpNet::from(via))
        {
            parts.route(IpNet::from(via), None);
        }
        parts.route(route.to.trunc(), route.via);
    }
    parts.finish_pod(ifname, &[]);
    Ok(parts)
}

/// A veth whose host end is a port: for the pod as if it were on a NIC's link.
fn bridged(
    key: &AttachmentKey,
    interface: &Interface,
    leases: &[Lease],
    routed: &mut BTreeSet<IpNet>,
) -> Result<Parts, BindError> {
    let none = || BindError::NoBridge { ifname: interface.ifname.clone() };
    let bridge = interface.bridge.as_ref().ok_or_else(none)?;
    let host = hash::host_ifname(key, &interface.ifname);
    let mut parts = on_nic(key, interface, leases, routed)?;
    let fence = |key| Step::HostSysctl { host: host.clone(), family: Family::V6, key, value: 0 };
    parts.host = vec![
        fence(LinkSysctl::AcceptRa),
        fence(LinkSysctl::AcceptRedirects),
        Step::HostJoin { host: host.clone(), bridge: bridge.name.clone() },
        Step::HostPort { host: host.clone(), port: bridge.port },
        Step::HostSetUp { host },
    ];
    Ok(parts)
}

/// A veth: the pod has a single address and reaches everything through the host's end, by a gateway that exists on this link alone.
fn routed_veth(
    key: &AttachmentKey,
    interface: &Interface,
    place: usize,
    leases: &[Lease],
    routed: &mut BTreeSet<IpNet>,
) -> Result<Parts, BindError> {
    let ifname = &interface.ifname;
    let (host, host_mac) = (hash::host_ifname(key, ifname), hash::mac("host", key, ifname));
    let mut parts = Parts { create: vec![creation(key, interface)?], ..Parts::default() };
    parts.addresses = leases.iter().map(|lease| IpNet::from(lease.ip())).collect();

    let targets =
        leases.iter().map(|lease| lease.address.trunc()).filter(|link| link.prefix_len() < link.max_prefix_len());
    let targets: Vec<IpNet> = targets.chain(interface.routes.iter().map(|route| route.to.trunc())).collect();
    let of_address = |net: &IpNet| Family::of(net.addr());
    let families: BTreeSet<Family> = parts.addresses.iter().chain(&targets).map(of_address).collect();
    let mut neighbours = Vec::new();
    for family in &families {
        let gateway = gateway(*family, place).ok_or_else(|| BindError::NoGateway { ifname: ifname.clone(), place })?;
        neighbours.push((gateway, host_mac));
        parts.route(IpNet::from(gateway), None);
        for to in targets.iter().filter(|to| of_address(to) == *family) {
            if routed.insert(*to) {
                parts.route(*to, Some(gateway));
            }
        }
    }
    parts.finish_pod(ifname, &neighbours);
    parts.host = host_side(&host, &families, &parts.addresses, interface.mac);
    Ok(parts)
}

/// What the host's end needs before the pod's packets may pass. IPv6 is fenced even where only IPv4 is used: a pod that sends
/// router advertisements must not give the host a route.
fn host_side(host: &IfName, families: &BTreeSet<Family>, addresses: &[IpNet], mac: Mac) -> Vec<Step> {
    let sysctl = |family, key, value| Step::HostSysctl { host: host.clone(), family, key, value };
    let mut steps =
        vec![sysctl(Family::V6, LinkSysctl::AcceptRa, 0), sysctl(Family::V6, LinkSysctl::AcceptRedirects, 0)];
    steps.extend(families.iter().map(|family| sysctl(*family, LinkSysctl::Forwarding, 1)));
    let six = families.contains(&Family::V6);
    steps.extend(six.then(|| sysctl(Family::V6, LinkSysctl::ForceForwarding, 1)));
    steps.push(Step::HostSetUp { host: host.clone() });
    for to in addresses {
        steps.push(Step::HostAddNeighbor { host: host.clone(), address: to.addr(), mac });
        steps.push(Step::HostAddRoute { host: host.clone(), to: *to });
    }
    steps
}

fn creation(key: &AttachmentKey, interface: &Interface) -> Result<Step, BindError> {
    let Interface { ifname, network: _, link, nic, bridge: _, settings, mac, mtu, routes: _ } = interface;
    let (ifname, mac, mtu, group) = (ifname.clone(), *mac, *mtu, hash::link_group(key));
    let nic = || nic.clone().ok_or_else(|| BindError::NoNic { ifname: ifname.clone(), link: *link });
    Ok(match link {
        Link::Macvlan { mode } => Step::CreateMacvlan { master: nic()?, ifname, mode: *mode, mac, mtu, group },
        Link::Ipvlan { mode } => Step::CreateIpvlan { master: nic()?, ifname, mode: *mode, mtu, group },
        Link::VethRouted | Link::Bridge => {
            let (host, host_mac) = (hash::host_ifname(key, &ifname), hash::mac("host", key, &ifname));
            Step::CreateVeth { ifname, mac, host, host_mac, mtu, group }
        }
        Link::HostDevice => {
            let own = settings.map(|own| own.mac);
            Step::MoveIn { nic: nic()?, ifname, mac: Some(mac).filter(|mac| own != Some(*mac)), mtu }
        }
    })
}

/// One request deletes all virtual links of the pod, and with them everything that hangs on them. A veth's host end is named once
/// more for a pod namespace that cannot be reached any longer. What was created last goes first.
fn undo(key: &AttachmentKey, interfaces: &[Interface]) -> Vec<Undo> {
    let backwards = || interfaces.iter().rev();
    let virtuals: Vec<IfName> =
        backwards().filter(|one| one.link != Link::HostDevice).map(|one| one.ifname.clone()).collect();
    let group = (!virtuals.is_empty()).then(|| Undo::DeleteGroup { group: hash::link_group(key), ifnames: virtuals });
    let veths = backwards().filter(|one| matches!(one.link, Link::VethRouted | Link::Bridge));
    let veths = veths.map(|one| Undo::DeleteHostLink { host: hash::host_ifname(key, &one.ifname) });
    let moved = backwards().filter(|one| one.link == Link::HostDevice).filter_map(|one| {
        let Interface { ifname, nic, settings, mac, mtu, .. } = one;
        // Only what the move changed is put back.
        let changed: Option<Mac> = settings.map(|own| own.mac).filter(|own| own != mac);
        let size = settings.map(|own| own.mtu).filter(|_| mtu.is_some());
        nic.clone().map(|nic| Undo::MoveBack { ifname: ifname.clone(), nic, mac: changed, mtu: size })
    });
    group.into_iter().chain(veths).chain(moved).collect()
}

/// True for an address that the pod reaches without a route of its own. Link-local IPv6 always is.
fn on_link(address: IpAddr, leases: &[Lease]) -> bool {
    let link_local = address.is_ipv6() && number(address) >> 118 == 0xfe80 >> 6;
    link_local || leases.iter().any(|lease| lease.address.contains(&address))
}

impl Parts {
    fn route(&mut self, to: IpNet, via: Option<IpAddr>) {
        let route = Route { to, via };
        if !self.routes.contains(&route) {
            self.routes.push(route);
        }
    }

    fn finish_pod(&mut self, ifname: &IfName, neighbours: &[(IpAddr, Mac)]) {
        let addresses =
            self.addresses.iter().map(|address| Step::AddAddress { ifname: ifname.clone(), address: *address });
        self.pod.extend(addresses);
        self.pod.push(Step::SetUp { ifname: ifname.clone() });
        let neighbour =
            |(address, mac): &(IpAddr, Mac)| Step::AddNeighbor { ifname: ifname.clone(), address: *address, mac: *mac };
        self.pod.extend(neighbours.iter().map(neighbour));
        let routes =
            self.routes.iter().map(|Route { to, via }| Step::AddRoute { ifname: ifname.clone(), to: *to, via: *via });
        self.pod.extend(routes);
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
