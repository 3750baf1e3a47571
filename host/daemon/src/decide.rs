//! From an intent to a plan that lacks only its addresses: attach, then nic-selection for each request, then the host's own rules.
//! Everything that policies said is kept for `explain`, also when the answer is no.

use std::{sync::Arc, time::Instant};

use nicety_cni::{CniError, Code, Mode};
use nicety_core::{
    address::Family,
    facts::{Pod, Request, nic_selection::Nic},
    finding::Finding,
    ids::{IfName, NetworkName},
    ipam::Claim,
    naming,
    plan::{Chosen, HostNic, NicSettings, Plan, Route, Unbound, Use},
    record::Record,
    review,
};
use nicety_objects::{
    Network,
    network::{NicPool, Whose},
};
use nicety_strategies::{Run, Shadowed};

use crate::{
    gather::{self, Candidate, Snapshot},
    intend::Intent,
    outcome,
};

/// A plan, and for each of its interfaces who chose its NIC and why.
#[derive(Debug)]
pub struct Decided {
    pub plan: Plan<Unbound>,
    pub reasons: Vec<Reason>,
}

#[derive(Debug, Clone)]
pub struct Reason {
    pub strategy: String,
    pub reason: String,
    /// Bits per second.
    pub reserved: u64,
}

/// Everything that policies were asked, also when the answer was no.
#[derive(Debug, Default)]
pub struct Trace {
    /// Each with what it was asked, for people.
    pub runs: Vec<(String, Run)>,
    pub shadows: Vec<Shadowed>,
}

/// A NIC, or none for a network without NICs, and why.
type Selected = (Option<Candidate>, Reason);

/// One NIC for one interface.
struct Pick<'a> {
    network: &'a Network,
    request: &'a Request,
    ifname: IfName,
    candidate: Option<Candidate>,
    reason: Reason,
}

/// `records` are those of this node, for links that exclude each other.
pub fn decide(
    snapshot: &Snapshot,
    intent: &Intent,
    records: &[Arc<Record>],
    trace: &mut Trace,
) -> Result<Decided, CniError> {
    let requests = attach(snapshot, intent, trace)?;
    let mut chosen: Vec<(&Request, &Network, Vec<Selected>)> = Vec::new();
    let mut taken = Vec::new();
    for request in &requests {
        let network = network_of(snapshot, intent, request)?;
        let nics = select(snapshot, intent, network, request, &taken, trace)?;
        taken.extend(nics.iter().filter_map(|(candidate, _)| Some(candidate.as_ref()?.nic.name.clone())));
        chosen.push((request, network, nics));
    }
    let counts: Vec<usize> = chosen.iter().map(|(_, _, nics)| nics.len()).collect();
    let names =
        naming::names(&intent.call.ifname, &requests, &counts).map_err(|findings| outcome::review(&findings))?;
    let mut picks = Vec::new();
    for ((request, network, nics), names) in chosen.into_iter().zip(names) {
        for ((candidate, reason), ifname) in nics.into_iter().zip(names) {
            picks.push(Pick { network, request, ifname, candidate, reason });
        }
    }
    plan(snapshot, intent, picks, records)
}

fn attach(snapshot: &Snapshot, intent: &Intent, trace: &mut Trace) -> Result<Vec<Request>, CniError> {
    let name = intent.network.as_ref().map_or("", NetworkName::as_str);
    if let Some(network) = &intent.network {
        known(snapshot, network, &intent.pod)?;
    }
    let facts = snapshot.attach(intent);
    let decided = nicety_strategies::attach(&snapshot.world.strategies, name, &facts, &clock());
    trace.runs.extend(decided.runs.into_iter().map(|run| ("networks of the pod".to_owned(), run)));
    trace.shadows.extend(decided.shadows);
    decided.outcome.map_err(|no| outcome::no(&no))
}

/// The network that the NetConf names exists and serves the pod's namespace.
fn known(snapshot: &Snapshot, name: &NetworkName, pod: &Pod) -> Result<(), CniError> {
    match snapshot.network(name) {
        None => {
            let known =
                snapshot.world.objects.networks.keys().map(NetworkName::as_str).collect::<Vec<_>>().join("`, `");
            let message = format!(
                "the network configuration names network `{name}`, which does not exist; hint: there are `{known}`"
            );
            Err(CniError::new(Code::UnknownNetwork, message))
        }
        Some(network) if !gather::serves(network, pod) => {
            let namespace = &pod.namespace;
            let message = format!(
                "network `{name}` does not serve namespace `{namespace}`; hint: `spec.namespaces` and `spec.namespaceSelector` say which it serves"
            );
            Err(CniError::new(Code::UnknownNetwork, message))
        }
        Some(_) => Ok(()),
    }
}

/// The network of a reviewed request: its index is one of the offer's, which stands in the order of the objects.
fn network_of<'a>(snapshot: &'a Snapshot, intent: &'a Intent, request: &Request) -> Result<&'a Network, CniError> {
    let found = snapshot.offered(intent).nth(request.network as usize).map(|(_, network)| network);
    found.ok_or_else(|| CniError::new(Code::Internal, "a reviewed request names no network that was on offer"))
}

/// The NICs of one request; one without a NIC for a network that has none.
fn select(
    snapshot: &Snapshot,
    intent: &Intent,
    network: &Network,
    request: &Request,
    taken: &[String],
    trace: &mut Trace,
) -> Result<Vec<Selected>, CniError> {
    if network.nics == NicPool::Without {
        let reason = format!("network `{}` has no NICs: the host routes", network.name);
        return Ok(vec![(None, Reason { strategy: String::new(), reason, reserved: 0 })]);
    }
    let candidates = snapshot.candidates(network);
    let nics: Vec<Nic> = candidates.iter().map(|candidate| candidate.nic.clone()).collect();
    let host: Vec<Nic> = snapshot.nics.iter().map(|one| one.nic.clone()).collect();
    let facts = snapshot.selection(intent, request, &candidates, taken);
    let findings = review::masters(request, &nics, &host, &facts.classes);
    if !findings.is_empty() {
        return Err(outcome::asked(&network.name, &findings));
    }
    let decided = nicety_strategies::selection(&snapshot.world.strategies, network.name.as_str(), &facts, &clock());
    let what = request.ifname.clone().unwrap_or_else(|| intent.call.ifname.clone());
    let what = format!("NICs of network `{}` for `{what}`", network.name);
    trace.runs.extend(decided.runs.into_iter().map(|run| (what.clone(), run)));
    trace.shadows.extend(decided.shadows);
    let chosen = decided.outcome.map_err(|no| outcome::no(&no))?;
    let picked = chosen.choices.iter().filter_map(|choice| {
        let candidate = candidates.get(choice.candidate as usize)?.clone();
        let reason = Reason {
            strategy: chosen.strategy.to_string(),
            reason: choice.reason.clone(),
            reserved: choice.reserve.unwrap_or_default(),
        };
        Some((Some(candidate), reason))
    });
    Ok(picked.collect())
}

fn plan(
    snapshot: &Snapshot,
    intent: &Intent,
    picks: Vec<Pick<'_>>,
    records: &[Arc<Record>],
) -> Result<Decided, CniError> {
    let mut chosen = Vec::new();
    let mut reasons = Vec::new();
    for (place, pick) in picks.iter().enumerate() {
        let first = picks.iter().take(place).filter(|other| std::ptr::eq(other.request, pick.request)).count();
        chosen.push(interface(snapshot, intent, pick, first)?);
        reasons.push(pick.reason.clone());
    }
    let by_host = snapshot.nics.iter().filter_map(|one| Use::of_nic(&one.nic));
    let uses: Vec<Use> = by_host.chain(records.iter().flat_map(|record| Use::of_record(record))).collect();
    let plan = Plan::build(intent.key.clone(), chosen, &uses).map_err(|findings| outcome::plan(&findings))?;
    Ok(Decided { plan, reasons })
}

/// `place`: which interface of its request it is, from 0; static addresses go by place.
fn interface(snapshot: &Snapshot, intent: &Intent, pick: &Pick<'_>, place: usize) -> Result<Chosen, CniError> {
    let Pick { network, request, ifname, candidate, reason: _ } = pick;
    let nic = candidate.as_ref().map(|candidate| (candidate.host.clone(), settings(candidate)));
    let host: Option<&HostNic> = nic.as_ref().map(|(host, _)| host);
    let pools = snapshot.world.pools(network, host.map(|nic| &nic.name));
    let pools = pools.map_err(|error| CniError::new(Code::UnknownNetwork, error.to_string()))?;
    let statics = request.addresses.get(place);
    let mut claims = Vec::new();
    for subnet in &network.subnets {
        let family = Family::of(subnet.addr());
        let of_family: Vec<_> = pools.iter().filter(|pool| pool.family() == family).cloned().collect();
        let want = statics.filter(|wanted| Family::of(wanted.addr()) == family).map(|wanted| wanted.addr());
        if !of_family.is_empty() {
            claims.push(Claim { network: network.name.clone(), family, pools: of_family, want });
        }
    }
    if let Some(wanted) = statics.filter(|wanted| !claims.iter().any(|claim| claim.want == Some(wanted.addr()))) {
        let message = format!("`{wanted}` is of a family in which network `{}` has no addresses", network.name);
        return Err(outcome::asked(&network.name, &[Finding::new("addresses", message)]));
    }
    let own = intent.mode == Mode::OwnNetwork && ifname.as_str() == intent.call.ifname;
    let whose = if own { Whose::Pods } else { Whose::Extra };
    Ok(Chosen {
        ifname: ifname.clone(),
        network: network.name.clone(),
        link: network.link,
        mac: request.mac,
        mtu: request.mtu.or(network.mtu),
        routes: routes(network, request, &firsts(&claims), whose),
        bridge: network.bridge_at(&firsts(&claims)),
        nic,
        claims,
    })
}

/// The first address of each pool, with the length of its on-link prefix.
fn firsts(claims: &[Claim]) -> Vec<ipnet::IpNet> {
    let pools = claims.iter().flat_map(|claim| &claim.pools);
    pools.filter_map(|pool| ipnet::IpNet::new(pool.first, pool.on_link).ok()).collect()
}

/// The network's routes, or, when the request names gateways, the default routes by those.
fn routes(network: &Network, request: &Request, on_link: &[ipnet::IpNet], whose: Whose) -> Vec<Route> {
    let mut routes = network.routes_of(on_link, whose);
    for gateway in request.gateway4.into_iter().chain(request.gateway6) {
        let to = match gateway {
            std::net::IpAddr::V4(_) => ipnet::IpNet::V4(ipnet::Ipv4Net::default()),
            std::net::IpAddr::V6(_) => ipnet::IpNet::V6(ipnet::Ipv6Net::default()),
        };
        routes.retain(|route| route.to != to);
        routes.push(Route { to, via: Some(gateway) });
    }
    routes
}

fn settings(candidate: &Candidate) -> NicSettings {
    let mac = nicety_core::address::Mac::from_u64(candidate.nic.mac).unwrap_or(nicety_core::address::Mac([0; 6]));
    NicSettings { mac, mtu: candidate.nic.mtu }
}

/// Microseconds since some moment before the decision.
pub fn clock() -> impl Fn() -> u64 {
    let start = Instant::now();
    move || u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX)
}
