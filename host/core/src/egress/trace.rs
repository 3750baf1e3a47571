//! What becomes of a packet from one address to another, by the program alone: the words of `nicety egress trace`.

use std::{fmt, net::IpAddr};

use super::{
    program::{GateKind, Program, Range},
    share::GatewayId,
};
use crate::address::Family;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// No policy captures the source.
    NoEndpoint,
    /// Policies capture the source, and none of them this destination.
    NoDestination {
        policies: Vec<String>,
    },
    /// There is no gateway.
    Dropped {
        policy: String,
    },
    Leaves {
        policy: String,
        gateway: GatewayId,
        by: By,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// To this address of another node.
    Tunnel { underlay: IpAddr, vni: u32 },
    /// From this node, with this address, by this interface.
    Here { source: IpAddr, link: String },
}

/// Of a new flow: one that goes on stays on the gateway that it has while that lives.
pub fn trace(program: &Program, source: IpAddr, destination: IpAddr) -> Verdict {
    let family = Family::of(source);
    let class = program.endpoints.get(&source).and_then(|class| program.classes.get(class));
    let Some(class) = class else { return Verdict::NoEndpoint };
    let has =
        |range: &&Range| Family::of(destination) == family && range.first <= destination && destination <= range.last;
    let Some(policy) = class.intervals.iter().find(has).map(|range| range.policy.clone()) else {
        return Verdict::NoDestination { policies: class.policies.iter().cloned().collect() };
    };
    let number = program.exits.get(&policy).and_then(|exits| exits.get(&source));
    let gate = number.and_then(|number| program.gateways.get(number));
    let by = gate.and_then(|gate| match &gate.kind {
        GateKind::Remote(peer) => Some(By::Tunnel { underlay: peer.underlay, vni: gate.vni }),
        GateKind::Own(out) => out.get(&family).map(|out| By::Here { source: out.address, link: out.link.to_string() }),
    });
    match (gate, by) {
        (Some(gate), Some(by)) => Verdict::Leaves { policy, gateway: gate.id.clone(), by },
        _ => Verdict::Dropped { policy },
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::NoEndpoint => f.write_str("not captured: no policy captures the source on this node"),
            Verdict::NoDestination { policies } => {
                write!(
                    f,
                    "not captured: the destination is of none of the source's policies (`{}`)",
                    policies.join("`, `")
                )
            }
            Verdict::Dropped { policy } => write!(f, "dropped: policy `{policy}` has no gateway for the source"),
            Verdict::Leaves { policy, gateway, by: By::Tunnel { underlay, vni } } => {
                write!(f, "policy `{policy}`: by the tunnel {vni} to gateway `{gateway}` at {underlay}")
            }
            Verdict::Leaves { policy, gateway, by: By::Here { source, link } } => {
                write!(f, "policy `{policy}`: by gateway `{gateway}`, which is this node, from {source} on `{link}`")
            }
        }
    }
}
