//! Review of attach: the requests can be served as they are written, whatever NICs will be chosen for them.

use std::collections::BTreeMap;

use super::{capped::Capped, text};
use crate::{
    address::Family,
    facts::{
        Request,
        attach::{Facts, Mode},
    },
    finding::Finding,
    ids::IfName,
    naming,
};

/// Most requests of one pod: as many as there are link-local gateways.
pub const REQUESTS_MAX: usize = 254;

/// All that is wrong with what an attach policy asks for.
pub fn attach(facts: &Facts, requests: &[Request]) -> Vec<Finding> {
    if requests.len() > REQUESTS_MAX {
        return vec![Finding::new("requests", format!("are {}; {REQUESTS_MAX} is the most", requests.len()))];
    }
    let mut findings = Capped::default();
    findings.extend(primaries(facts, requests));
    for (index, request) in requests.iter().enumerate() {
        findings.extend(one(facts, request).into_iter().map(|finding| finding.within(&format!("requests[{index}]"))));
    }
    findings.extend(names(&facts.call.ifname, requests));
    findings.extend(once_in_the_pod(requests));
    findings.finish()
}

/// How many primary requests the mode has, and that they are for the network of the NetConf under CNI_IFNAME.
fn primaries(facts: &Facts, requests: &[Request]) -> Vec<Finding> {
    let count = requests.iter().filter(|request| request.primary).count();
    let wrong = match facts.call.mode {
        Mode::Chained if count > 0 => "none may be primary: another plugin made CNI_IFNAME",
        Mode::OwnNetwork if count != 1 => "exactly one must be primary: Nicety makes CNI_IFNAME",
        Mode::Delegated if count != 1 || requests.len() != 1 => {
            "must be exactly one, the primary one: a meta plugin asked for it"
        }
        Mode::Chained | Mode::OwnNetwork | Mode::Delegated => "",
    };
    let mut findings = Vec::new();
    if !wrong.is_empty() {
        findings.push(Finding::new("requests", format!("{wrong}; there are {} with {count} primary", requests.len())));
    }
    for (index, request) in requests.iter().enumerate().filter(|(_, request)| request.primary) {
        let path = |field: &str| format!("requests[{index}].{field}");
        let offer = facts.networks.get(request.network as usize);
        if let Some(offer) = offer.filter(|offer| !offer.default) {
            let message = format!(
                "`{}` is not the network that the NetConf names; the primary interface is of that one",
                offer.name
            );
            findings.push(Finding::new(path("network"), message));
        }
        if let Some(asked) = request.ifname.as_deref().filter(|asked| *asked != facts.call.ifname) {
            let message =
                format!("`{asked}` is not CNI_IFNAME, `{}`; the primary interface has that name", facts.call.ifname);
            findings.push(Finding::new(path("ifname"), message));
        }
        if request.nics_min > 1 || request.nics_max.is_some_and(|most| most > 1) {
            findings.push(Finding::new(path("nicsMax"), "the primary interface is of one NIC"));
        }
    }
    findings
}

/// What is wrong with one request by itself.
fn one(facts: &Facts, request: &Request) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut found = |path: &str, message: String| findings.push(Finding::new(path, message));
    match facts.networks.get(request.network as usize) {
        None => {
            found("network", format!("{} is no network on offer; there are {}", request.network, facts.networks.len()))
        }
        Some(offer) if !offer.ready => {
            found("network", format!("network `{}` is not usable on this node now", offer.name))
        }
        Some(_) => {}
    }
    findings.extend(self::request(request));
    findings.extend(text::reason(|| "reason".to_owned(), &request.reason));
    findings
}

/// What is wrong with the fields of one request, whatever network it is for.
pub fn request(request: &Request) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut found = |path: &str, message: String| findings.push(Finding::new(path, message));
    let least = request.nics_min.max(1);
    if let Some(most) = request.nics_max.filter(|most| *most < least) {
        found("nicsMax", format!("{most} is less than the {least} NICs that are needed at least"));
    }
    let single = request.primary || request.nics_max == Some(1);
    if let Some(mac) = request.mac {
        if !mac.is_unicast() {
            found("mac", format!("`{mac}` is not the address of one interface"));
        }
        if !single {
            found("mac", format!("`{mac}` can be the address of one interface, and nicsMax is not 1"));
        }
    }
    let v6 =
        request.gateway6.is_some() || request.addresses.iter().any(|address| Family::of(address.addr()) == Family::V6);
    // 68: RFC 791 3.2; 1280: RFC 8200 5; 65535: the longest IPv4 packet.
    let smallest = if v6 { 1280 } else { 68 };
    if let Some(mtu) = request.mtu.filter(|mtu| !(smallest..=65_535).contains(mtu)) {
        found("mtu", format!("{mtu} is not between {smallest} and 65535 bytes"));
    }
    for (index, master) in request.masters.iter().enumerate() {
        if let Err(refused) = master.parse::<IfName>() {
            found(&format!("masters[{index}]"), refused.to_string());
        } else if request.masters.iter().take(index).any(|earlier| earlier == master) {
            found(&format!("masters[{index}]"), format!("`{master}` stands twice"));
        }
    }
    if request.class.as_deref().is_some_and(|class| class.trim().is_empty()) {
        found("class", "is empty; leave it out to take any NIC".to_owned());
    }
    findings.extend(addresses(request, single));
    findings.extend(gateways(request));
    findings.extend(text::attributes("attributes", &request.attributes));
    findings
}

/// Static addresses go to the NICs by place, each family by itself.
fn addresses(request: &Request, single: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, address) in request.addresses.iter().enumerate() {
        let (ip, net) = (address.addr(), address.trunc());
        let reserved = net.prefix_len() + 1 < net.max_prefix_len()
            && (ip == net.network() || (ip.is_ipv4() && ip == net.broadcast()));
        if reserved || ip.is_unspecified() || ip.is_multicast() || ip.is_loopback() {
            findings.push(Finding::new(
                format!("addresses[{index}]"),
                format!("`{address}` is no address of an interface"),
            ));
        }
    }
    let most = if single { Some(1) } else { request.nics_max };
    for family in [Family::V4, Family::V6] {
        let count = request.addresses.iter().filter(|address| Family::of(address.addr()) == family).count();
        if let Some(most) = most.filter(|most| count > *most as usize) {
            let name = if family == Family::V4 { "IPv4" } else { "IPv6" };
            findings
                .push(Finding::new("addresses", format!("are {count} of {name} for {most} NICs; each NIC takes one")));
        }
    }
    findings
}

fn gateways(request: &Request) -> Vec<Finding> {
    let gateways = [("gateway4", request.gateway4, Family::V4), ("gateway6", request.gateway6, Family::V6)];
    let wrong = gateways.into_iter().filter_map(|(field, gateway, family)| {
        let gateway = gateway?;
        let usable = !gateway.is_unspecified() && !gateway.is_multicast() && !gateway.is_loopback();
        let message = match (Family::of(gateway) == family, usable) {
            (true, true) => return None,
            (false, _) => format!("`{gateway}` is of the other address family"),
            (true, false) => format!("`{gateway}` is no address of a gateway"),
        };
        Some(Finding::new(field, message))
    });
    wrong.collect()
}

/// Names are legal, and no two interfaces can come to have the same one.
fn names(cni_ifname: &str, requests: &[Request]) -> Vec<Finding> {
    let stems = naming::stems(cni_ifname, requests);
    let most = |request: &Request| if request.primary { 1 } else { request.nics_max.unwrap_or(u32::MAX) };
    let mut findings = Vec::new();
    for (index, (request, stem)) in requests.iter().zip(&stems).enumerate() {
        let mut found = |message: String| findings.push(Finding::new(format!("requests[{index}].ifname"), message));
        if let Err(refused) = stem.parse::<IfName>() {
            found(refused.to_string());
        } else if naming::too_long(stem, request.nics_min) {
            found(format!("`{stem}` leaves no room for `-{}` in 15 bytes", request.nics_min - 1));
        }
        if stem == "lo" {
            found("`lo` is the pod's loopback".to_owned());
        }
        if !request.primary && naming::may_meet(stem, most(request), cni_ifname) {
            found(format!("`{stem}` may name the interface of CNI_IFNAME, `{cni_ifname}`"));
        }
        for (other_index, (other_request, other)) in requests.iter().zip(&stems).enumerate().take(index) {
            let meet =
                naming::may_meet(stem, most(request), other) || naming::may_meet(other, most(other_request), stem);
            if meet && !request.primary && !other_request.primary {
                found(format!("`{stem}` and `{other}` of requests[{other_index}] may name the same interface"));
            }
        }
    }
    findings
}

/// What a pod has once: each address, and a default route of each family.
fn once_in_the_pod(requests: &[Request]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut held = BTreeMap::new();
    let mut gateways: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, request) in requests.iter().enumerate() {
        for (place, address) in request.addresses.iter().enumerate() {
            if let Some(other) = held.insert(address.addr(), index) {
                let message = format!("`{}` is an address of requests[{other}] already", address.addr());
                findings.push(Finding::new(format!("requests[{index}].addresses[{place}]"), message));
            }
        }
        for (field, gateway) in [("gateway4", request.gateway4), ("gateway6", request.gateway6)] {
            if let Some(gateway) = gateway
                && let Some(other) = gateways.insert(field, index)
            {
                let message = format!("`{gateway}` is a second default route; requests[{other}] has one");
                findings.push(Finding::new(format!("requests[{index}].{field}"), message));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests;
