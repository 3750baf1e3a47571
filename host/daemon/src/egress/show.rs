//! What of egress is told on the admin socket.

use std::{collections::BTreeSet, net::IpAddr};

use nicety_core::{
    address::Family,
    egress::{
        program::GateKind,
        share::{Endpoint, Exit, GatewayId, PodKey},
        trace::{self, By},
    },
};

use super::{Outcome, kernel::Counters};
use crate::{
    admin::view::egress::{Egress, EndpointView, ExitView, GatewayView, HeldView, PolicyView, Settings, Trace},
    node::Node,
};

pub fn of(node: &Node) -> Egress {
    let outcome = node.egress.outcome();
    let Counters { dropped, stopped } = node.egress.counters();
    let Outcome { active, wanted, program, standings, fault, faults, wrong, doubts, changed, changes } = &outcome;
    let config = node.config.egress.as_ref();
    let policies = wanted.policies.iter().map(|(name, policy)| PolicyView {
        name: name.clone(),
        priority: policy.priority,
        destinations: policy.destinations.clone(),
        excluded: policy.excluded.clone(),
        endpoints: wanted.share.endpoints.values().filter(|one| one.exits.contains_key(name)).count(),
        dropped: dropped.get(name).copied().unwrap_or_default(),
    });
    let gateways = wanted.share.gateways.iter().map(|(id, gateway)| {
        let number =
            program.gateways.iter().find(|(_, gate)| gate.id == *id).map(|(number, gate)| (*number, &gate.kind));
        let here = gateway.node == node.config.node;
        let health = match here {
            true => "this node".to_owned(),
            false => standings.get(&gateway.node).copied().unwrap_or_default().to_string(),
        };
        let leaves_with: BTreeSet<IpAddr> = match number {
            Some((_, GateKind::Own(ways))) => ways.values().map(|out| out.address).collect(),
            _ => nicety_core::egress::leaving::egress_ips(gateway),
        };
        GatewayView {
            id: id.clone(),
            node: gateway.node.clone(),
            underlay: gateway.underlay.clone(),
            vni: gateway.vni,
            here,
            health,
            leaves_with,
            mark: number.zip(config).map(|((number, _), config)| config.mask.mark(number)),
            pods: outcome.leaving_by(id),
            wrong: wrong.get(id).cloned(),
        }
    });
    let endpoints = wanted.share.endpoints.iter().map(|(pod, endpoint)| EndpointView {
        pod: pod.clone(),
        addresses: endpoint.addresses.clone(),
        exits: endpoint.exits.iter().map(|(policy, exit)| outcome.exit(policy, endpoint, exit)).collect(),
    });
    let held = wanted.waiting().map(|held| HeldView {
        pod: held.pod.clone(),
        addresses: held.sources().copied().collect(),
        policies: held.policies.clone(),
    });
    Egress {
        node: node.config.node.clone(),
        settings: config.map(|config| Settings {
            probe: config.probe.kind.to_string(),
            interval_ms: u64::try_from(config.probe.interval.as_millis()).unwrap_or(u64::MAX),
            mask: config.mask,
            port: config.port,
            addresses: super::want::addresses(node, &config.addresses),
            cluster: wanted.cluster.clone(),
        }),
        active: *active,
        policies: policies.collect(),
        gateways: gateways.collect(),
        endpoints: endpoints.collect(),
        unassigned: outcome.without().len(),
        held: held.collect(),
        senders: wanted.share.senders.clone(),
        watches: wanted.share.watches.clone(),
        dead: wanted.dead.clone(),
        stopped,
        faults: faults.iter().chain(fault).cloned().collect(),
        doubts: doubts.iter().map(|doubt| doubt.message.clone()).collect(),
        changed: changed.map(|(at, _)| at),
        changed_in_us: changed.map(|(_, took)| u64::try_from(took.as_micros()).unwrap_or(u64::MAX)),
        changes: *changes,
    }
}

impl Outcome {
    /// By which gateway the kernel leads an endpoint now.
    fn now(&self, policy: &str, endpoint: &Endpoint) -> Option<GatewayId> {
        let exits = self.program.exits.get(policy)?;
        let number = endpoint.addresses.iter().find_map(|address| exits.get(address))?;
        self.program.gateways.get(number).map(|gate| gate.id.clone())
    }

    /// Pods that are captured and that the kernel leads nowhere, each once with the first reason; not those that are held.
    pub fn without(&self) -> Vec<(PodKey, String)> {
        let endpoints = self.wanted.share.endpoints.iter();
        let without = endpoints.filter_map(|(pod, endpoint)| {
            let (policy, exit) = endpoint.exits.iter().find(|(policy, _)| self.now(policy, endpoint).is_none())?;
            Some((pod.clone(), format!("{pod} by policy `{policy}`: {}", self.exit(policy, endpoint, exit).why)))
        });
        without.collect()
    }

    fn exit(&self, policy: &str, endpoint: &Endpoint, exit: &Exit) -> ExitView {
        let now = self.now(policy, endpoint);
        let why = match (&now, &exit.primary) {
            (Some(now), Some(primary)) if now == primary => exit.reason.clone(),
            (Some(_), Some(primary)) => format!("the standby, since {}", self.unusable(primary)),
            (Some(_), None) => "the standby; no primary was assigned".to_owned(),
            (None, None) => match exit.reason.is_empty() {
                true => "no gateway was assigned: its packets are dropped".to_owned(),
                false => format!("its packets are dropped: {}", exit.reason),
            },
            (None, Some(primary)) => format!("its packets are dropped, since {}", self.unusable(primary)),
        };
        let Exit { primary, standby, reason } = exit.clone();
        ExitView { policy: policy.to_owned(), primary, standby, now, reason, why }
    }

    fn unusable(&self, id: &GatewayId) -> String {
        let dead = self.wanted.share.gateways.get(id).is_some_and(|one| self.wanted.dead.contains(&one.node));
        match self.wrong.get(id) {
            _ if dead => format!("gateway `{id}` is dead"),
            Some(why) => format!("gateway `{id}` cannot be used: {why}"),
            None => format!("gateway `{id}` cannot be used"),
        }
    }

    fn leaving_by(&self, id: &GatewayId) -> usize {
        let endpoints = self.wanted.share.endpoints.values();
        endpoints.filter(|one| one.exits.keys().any(|policy| self.now(policy, one).as_ref() == Some(id))).count()
    }

    /// `of`: NAMESPACE/POD, or an address of a pod of this node.
    fn sources(&self, of: &str) -> Vec<(PodKey, BTreeSet<IpAddr>)> {
        let address = of.parse::<IpAddr>().ok();
        let is = |pod: &PodKey, addresses: &BTreeSet<IpAddr>| match address {
            Some(address) => addresses.contains(&address),
            None => pod.to_string() == of,
        };
        let endpoints = self.wanted.share.endpoints.iter().map(|(pod, one)| (pod, &one.addresses));
        // What a pod that was made again waits with is what it has now.
        let waiting = self.wanted.waiting().map(|held| (&held.pod, &held.addresses));
        let held = self.wanted.held.iter().map(|held| (&held.pod, &held.addresses));
        waiting
            .chain(endpoints)
            .chain(held)
            .filter(|(pod, own)| is(pod, own))
            .map(|(pod, own)| (pod.clone(), own.clone()))
            .collect()
    }
}

/// What becomes of a packet. The error says why that cannot be told.
pub fn trace(node: &Node, of: &str, to: IpAddr) -> Result<Trace, String> {
    let outcome = node.egress.outcome();
    let named = outcome.sources(of).into_iter().next();
    let (pod, source) = match (named, of.parse::<IpAddr>()) {
        (Some((pod, own)), Ok(address)) if own.contains(&address) => (Some(pod), address),
        (Some((pod, own)), _) => {
            let source = source(&pod, &own, to)?;
            (Some(pod), source)
        }
        (None, Ok(address)) => (None, address),
        (None, Err(_)) => {
            let hint = "hint: `nicety egress show` names the pods that a policy captures here; ask the pod's own node";
            return Err(format!("egress knows no pod `{of}` on this node; {hint}"));
        }
    };
    let verdict = trace::trace(&outcome.program, source, to);
    let (policy, gateway, by) = match &verdict {
        trace::Verdict::Leaves { policy, gateway, by } => (Some(policy.clone()), Some(gateway.clone()), Some(by)),
        trace::Verdict::Dropped { policy } => (Some(policy.clone()), None, None),
        trace::Verdict::NoEndpoint | trace::Verdict::NoDestination { .. } => (None, None, None),
    };
    let number = gateway.as_ref().and_then(|id| outcome.program.gateways.iter().find(|(_, gate)| gate.id == *id));
    let config = node.config.egress.as_ref();
    let number = number.map(|(number, _)| *number);
    let exit = pod.as_ref().zip(policy.as_ref()).and_then(|(pod, policy)| {
        let endpoint = outcome.wanted.share.endpoints.get(pod)?;
        Some(outcome.exit(policy, endpoint, endpoint.exits.get(policy)?))
    });
    Ok(Trace {
        pod,
        source,
        destination: to,
        verdict: verdict.to_string(),
        policy,
        leaves_with: match by {
            Some(By::Here { source, .. }) => Some(*source),
            Some(By::Tunnel { .. }) => gateway.as_ref().and_then(|id| {
                let way = &outcome.wanted.share.gateways.get(id)?.way;
                way.address(Family::of(to))
            }),
            None => None,
        },
        gateway,
        why: exit.map(|exit| exit.why),
        mark: number.zip(config).map(|(number, config)| config.mask.mark(number)),
        table: number.zip(config).map(|(number, config)| config.tables.first().saturating_add(number)),
    })
}

/// The pod's address of the destination's family.
fn source(pod: &PodKey, own: &BTreeSet<IpAddr>, to: IpAddr) -> Result<IpAddr, String> {
    own.iter().copied().find(|address| address.is_ipv4() == to.is_ipv4()).ok_or_else(|| {
        let family = if to.is_ipv4() { "IPv4" } else { "IPv6" };
        let has = own.iter().map(ToString::to_string).collect::<Vec<_>>().join("`, `");
        format!("pod `{pod}` has no {family} address to send to `{to}` from; it has `{has}`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_sends_from_its_address_of_the_destinations_family_if_it_has_one() {
        let pod = PodKey { namespace: "shop".to_owned(), name: "web".to_owned(), uid: "1".to_owned() };
        let own = ["10.1.0.1".parse().unwrap()].into();
        assert_eq!(source(&pod, &own, "192.0.2.1".parse().unwrap()), Ok("10.1.0.1".parse().unwrap()));
        let said = source(&pod, &own, "2001:db8::1".parse().unwrap()).unwrap_err();
        assert_eq!(said, "pod `shop/web` has no IPv6 address to send to `2001:db8::1` from; it has `10.1.0.1`");
    }
}
