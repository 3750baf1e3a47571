//! Changes to routes, devices and addresses as the kernel is asked for them. One that it refuses stops no other: it becomes what is wrong
//! with the gateway that it is for, or a fault where it is for none.

use std::time::Instant;

use nicety_core::egress::{
    program::{GateKind, Program},
    share::GatewayId,
    table::LINK_PREFIX,
};
use nicety_kernel::tunnels::{self, Act, PROTOCOL};

use crate::{Datapath, Error, Outcome};

impl Datapath {
    pub(crate) fn act(
        &self,
        acts: &[Act],
        program: &Program,
        outcome: &mut Outcome,
        deadline: Instant,
    ) -> Result<(), Error> {
        let refused = tunnels::apply(acts, deadline)?;
        outcome.changes += acts.len().saturating_sub(refused.len());
        for (at, refusal) in refused {
            let Some(act) = acts.get(at) else { continue };
            let why = format!("{}: {refusal}", what(act));
            match self.gateway_of(act, program) {
                Some(id) => drop(outcome.wrong.insert(id, why)),
                None => outcome.faults.push(why),
            }
        }
        Ok(())
    }

    /// Whose a refused act is.
    fn gateway_of(&self, act: &Act, program: &Program) -> Option<GatewayId> {
        let of = |found: &dyn Fn(u32, &GateKind, u32) -> bool| {
            let gates = program.gateways.iter();
            gates
                .into_iter()
                .find(|(number, gate)| found(**number, &gate.kind, gate.vni))
                .map(|(_, gate)| gate.id.clone())
        };
        match act {
            Act::AddDevice { vxlan, .. } => of(&|_, kind, vni| matches!(kind, GateKind::Own(_)) && vni == vxlan.vni),
            Act::PutEntry(entry) => of(&|_, kind, _| matches!(kind, GateKind::Remote(peer) if peer.mac == entry.mac)),
            Act::PutNeighbor(one) => of(&|_, kind, _| matches!(kind, GateKind::Remote(peer) if peer.hop == one.to)),
            Act::PutRoute(route) => of(&|number, _, _| self.settings.table(number) == route.table),
            Act::AddRule(rule) => of(&|number, _, _| self.settings.table(number) == rule.table),
            _ => None,
        }
    }
}

fn what(act: &Act) -> String {
    match act {
        Act::AddDevice { name, .. } => format!("cannot make tunnel `{name}`"),
        Act::DeleteLink { index } => format!("cannot delete tunnel {index}"),
        Act::SetUp { index, .. } => format!("cannot set tunnel {index} up"),
        Act::PutNeighbor(one) => format!("cannot set neighbor `{}`", one.to),
        Act::PutEntry(one) => format!("cannot lead tunnel to {}", one.remote),
        Act::PutRoute(route) => format!("cannot set route `{}` in table {}", route.to, route.table),
        Act::AddRule(rule) => {
            format!("cannot set rule `fwmark {:#x}/{:#x} lookup {}`", rule.mark, rule.mask, rule.table)
        }
        Act::AddAddress { address, .. } => format!("cannot put address {address} on this node"),
        Act::DeleteAddress { net, .. } => format!("cannot take address {net} off this node"),
        Act::DeleteNeighbor(_) | Act::DeleteEntry(_) | Act::DeleteRoute(_) | Act::DeleteRule(_) => {
            format!("cannot delete what is of no use any more (protocol {PROTOCOL}, links `{LINK_PREFIX}*`)")
        }
    }
}
