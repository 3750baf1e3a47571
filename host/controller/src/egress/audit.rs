//! Who holds which egress address, on disk, as daemons write it down. A controller that starts writes first what differs from what the folder
//! says, which may be another's or of long ago.

use std::{collections::BTreeSet, io, net::IpAddr, path::Path};

use k8s_openapi::jiff::Timestamp;
use nicety_core::{
    egress::{
        held::Line,
        leaving::{By, Leaving, changes},
        share::GatewayId,
    },
    millis::Millis,
};
use nicety_egress::{Assembly, assembly::Move, view::key};
use nicety_journal::HeldLog;
use tracing::warn;

/// Changes in one file: those of a cluster, not of a node.
const FILE_BYTES: u64 = 32 << 20;

/// Not open, as after [`Audit::default`]: what is missing is found by comparing all.
#[derive(Debug, Default)]
pub struct Audit {
    log: Option<HeldLog>,
}

impl Audit {
    /// After a recomputation. `now`: who leaves by what. A disk that is full holds up nobody; all of it is written once there is room.
    pub fn follow(&mut self, folder: &Path, assembly: &Assembly, moves: &[Move], now: impl FnOnce() -> Leaving) {
        if let Err(error) = self.write(folder, assembly, moves, now) {
            self.log = None;
            warn!(%error, "the audit of egress addresses cannot be written");
        }
    }

    fn write(
        &mut self,
        folder: &Path,
        assembly: &Assembly,
        moves: &[Move],
        now: impl FnOnce() -> Leaving,
    ) -> io::Result<()> {
        let at = Millis(u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default());
        match &mut self.log {
            Some(_) if moves.is_empty() => Ok(()),
            Some(log) => {
                let lines: Vec<Line> = assembly.lines(moves, at).into_iter().map(named).collect();
                log.append(&lines, now, at)
            }
            None => {
                let (mut log, before) = HeldLog::bounded(folder, FILE_BYTES)?;
                let now = now();
                log.append(&changes(&before, &now, at), || &now, at)?;
                self.log = Some(log);
                Ok(())
            }
        }
    }
}

/// By what was decided on.
pub fn leaving<'a>(assembly: &Assembly, policies: impl Iterator<Item = &'a String>) -> Leaving {
    let mut leaving = Leaving::new();
    for policy in policies {
        for (pod, primary, ..) in assembly.assigned(policy) {
            let (Some(gateway), Some(node)) = (primary.cloned(), pod.node.clone()) else { continue };
            let egress_ips = addresses(&gateway);
            let by = By { addresses: pod.addresses.clone(), node, gateway, egress_ips };
            leaving.insert((key(pod), policy.clone()), by);
        }
    }
    leaving
}

/// A gateway that has gone is known by its name alone, which has its addresses.
fn named(line: Line) -> Line {
    Line { egress_ips: addresses(&line.gateway), ..line }
}

/// Those in the name of a way; none where it is an interface's.
fn addresses(gateway: &GatewayId) -> BTreeSet<IpAddr> {
    let way = gateway.as_str().split_once('/').map_or("", |(_, way)| way);
    way.split('+').filter_map(|text| text.parse().ok()).collect()
}

#[cfg(test)]
mod tests;
