//! From what was decided to a plan that lacks only its addresses. What no kernel would take is found here, before anything is
//! leased.

use std::collections::BTreeSet;

use super::{
    Bridge, HostNic, Interface, IpvlanMode, Link, MacvlanMode, NicSettings, Plan, Route, Unbound, Use, bind::GATEWAYS,
    conflict,
};
use crate::{
    address::{Family, Mac},
    finding::Finding,
    hash,
    ids::{AttachmentKey, IfName, NetworkName},
    ipam::Claim,
};

/// One interface as attach, nic-selection and the Network object together want it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    pub ifname: IfName,
    pub network: NetworkName,
    pub link: Link,
    /// The NIC and what it has of its own. None only for an interface of a network without NICs: veth-routed or on a bridge.
    pub nic: Option<(HostNic, NicSettings)>,
    pub bridge: Option<Bridge>,
    /// None: derived from the attachment; for a link that has its NIC's address, that.
    pub mac: Option<Mac>,
    /// Bytes. None: as the NIC has it.
    pub mtu: Option<u32>,
    /// Where several interfaces name one destination, the first of them keeps it: the kernel has one route for it.
    pub routes: Vec<Route>,
    pub claims: Vec<Claim>,
}

impl Plan<Unbound> {
    /// A plan of these interfaces, in their order. `uses` is what uses NICs now: the kernel's view and the records'.
    pub fn build(key: AttachmentKey, chosen: Vec<Chosen>, uses: &[Use]) -> Result<Plan<Unbound>, Vec<Finding>> {
        let mut findings = Vec::new();
        let (mut names, mut routed) = (BTreeSet::new(), BTreeSet::new());
        let (mut interfaces, mut claims) = (Vec::new(), Vec::new());
        for (place, one) in chosen.into_iter().enumerate() {
            let path = format!("interfaces[{place}]");
            findings.extend(faults(place, &one).into_iter().map(|finding| finding.within(&path)));
            if !names.insert(one.ifname.clone()) {
                let message = format!("`{}` is the name of another interface of this attachment", one.ifname);
                findings.push(Finding::new("ifname", message).within(&path));
            }
            let Chosen { ifname, network, link, nic, bridge, mac, mtu, mut routes, claims: wanted } = one;
            routes.retain(|route| routed.insert(route.to.trunc()));
            let (nic, settings) = nic.unzip();
            let own = settings.map(|own| own.mac).filter(|_| inherits_mac(link) || link == Link::HostDevice);
            let mac = mac.or(own).unwrap_or_else(|| hash::mac("pod", &key, &ifname));
            interfaces.push(Interface { ifname, network, link, nic, bridge, settings, mac, mtu, routes });
            claims.push(wanted);
        }
        findings.extend(conflict::find(&interfaces, uses));
        if findings.is_empty() { Ok(Plan { key, interfaces, state: Unbound { claims } }) } else { Err(findings) }
    }
}

/// True for a link whose hardware address the kernel takes from its NIC.
fn inherits_mac(link: Link) -> bool {
    match link {
        Link::Ipvlan { mode: IpvlanMode::L2 | IpvlanMode::L3 | IpvlanMode::L3s } => true,
        Link::Macvlan { mode } => mode == MacvlanMode::Passthru,
        Link::VethRouted | Link::Bridge | Link::HostDevice => false,
    }
}

/// What is wrong with one interface by itself.
fn faults(place: usize, chosen: &Chosen) -> Vec<Finding> {
    let mut findings = Vec::new();
    let link = chosen.link.name();
    match (&chosen.nic, chosen.link) {
        (None, Link::Macvlan { .. } | Link::Ipvlan { .. } | Link::HostDevice) => {
            findings.push(Finding::new("nic", format!("`{link}` needs a NIC and none was chosen")));
        }
        (Some((nic, own)), Link::Macvlan { .. }) if chosen.mtu.is_some_and(|mtu| mtu > own.mtu) => {
            let message =
                format!("is more than the {} bytes of its NIC `{}`, which `{link}` cannot exceed", own.mtu, nic.name);
            findings.push(Finding::new("mtu", message));
        }
        (_, Link::Bridge) if chosen.bridge.is_none() => {
            findings.push(Finding::new("bridge", "`bridge` needs a bridge and none was named"));
        }
        (_, Link::VethRouted) if place >= GATEWAYS => {
            findings.push(Finding::new(
                "",
                format!("there are link-local gateways for {GATEWAYS} interfaces of one attachment"),
            ));
        }
        _ => {}
    }
    if let (Some(mac), Some((nic, own)), true) = (chosen.mac, &chosen.nic, inherits_mac(chosen.link))
        && mac != own.mac
    {
        let message =
            format!("`{link}` has the address of its NIC `{}`, `{}`; it cannot have `{mac}`", nic.name, own.mac);
        findings.push(Finding::new("mac", message));
    }
    for (index, route) in chosen.routes.iter().enumerate() {
        findings.extend(route_faults(index, route, chosen));
    }
    findings
}

fn route_faults(index: usize, route: &Route, chosen: &Chosen) -> Vec<Finding> {
    let mut findings = Vec::new();
    let family = Family::of(route.to.addr());
    if let Some(via) = route.via
        && Family::of(via) != family
    {
        let message = format!("`{via}` is not of the address family of `{}`", route.to);
        findings.push(Finding::new(format!("routes[{index}].via"), message));
    }
    if !chosen.claims.iter().any(|claim| claim.family == family) {
        let message = format!("`{}` leaves by an interface without an address of its family", route.to);
        findings.push(Finding::new(format!("routes[{index}].to"), message));
    }
    let earlier = chosen.routes.iter().take(index);
    if let Some(other) =
        earlier.filter(|other| other.to.trunc() == route.to.trunc()).find(|other| other.via != route.via)
    {
        let gateway = |route: &Route| route.via.map_or_else(|| "no gateway".to_owned(), |via| format!("`{via}`"));
        let message = format!("`{}` has {} and {}; one destination has one", route.to, gateway(other), gateway(route));
        findings.push(Finding::new(format!("routes[{index}].via"), message));
    }
    findings
}

#[cfg(test)]
mod tests;
