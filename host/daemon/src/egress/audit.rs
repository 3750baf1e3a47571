//! Who leaves with which address, written down as the kernel was told it.

use nicety_core::egress::{
    leaving::{By, Leaving, changes, egress_ips},
    program::{GateKind, Program, Wanted},
};
use nicety_journal::HeldLog;
use tracing::warn;

use crate::node::{Node, now};

/// Opened with the first change.
#[derive(Debug, Default)]
pub struct Audit {
    log: Option<(HeldLog, Leaving)>,
    failing: bool,
}

impl Audit {
    /// A disk that is full holds up no packet: it is said once.
    pub fn follow(&mut self, node: &Node, wanted: &Wanted, program: &Program) {
        match self.write(node, wanted, program) {
            Ok(()) => self.failing = false,
            Err(error) if !self.failing => {
                self.failing = true;
                warn!(%error, "who leaves with which address is not written down");
            }
            Err(_) => {}
        }
    }

    fn write(&mut self, node: &Node, wanted: &Wanted, program: &Program) -> std::io::Result<()> {
        let leaving = leaving(node, wanted, program);
        if leaving.is_empty() && self.log.is_none() && !node.config.held_dir().exists() {
            return Ok(());
        }
        let (log, before) = match &mut self.log {
            Some(open) => open,
            None => self.log.insert(HeldLog::open(&node.config.held_dir())?),
        };
        let at = now();
        let lines = changes(before, &leaving, at);
        if !lines.is_empty() {
            log.append(&lines, || &leaving, at)?;
            *before = leaving;
        }
        Ok(())
    }
}

/// What the kernel lets through, and by which gateway.
fn leaving(node: &Node, wanted: &Wanted, program: &Program) -> Leaving {
    let mut leaving = Leaving::new();
    for (pod, endpoint) in &wanted.share.endpoints {
        for policy in endpoint.exits.keys() {
            let exits = program.exits.get(policy);
            let number = endpoint.addresses.iter().find_map(|address| exits?.get(address));
            let Some(gate) = number.and_then(|number| program.gateways.get(number)) else { continue };
            let egress_ips = match &gate.kind {
                GateKind::Own(ways) => ways.values().map(|out| out.address).collect(),
                GateKind::Remote(_) => wanted.share.gateways.get(&gate.id).map(egress_ips).unwrap_or_default(),
            };
            let (addresses, node) = (endpoint.addresses.clone(), node.config.node.clone());
            let by = By { addresses, node, gateway: gate.id.clone(), egress_ips };
            leaving.insert((pod.clone(), policy.clone()), by);
        }
    }
    leaving
}
