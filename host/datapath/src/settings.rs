//! The kernel's settings that egress needs. Those of our own devices end with them; of an interface of others only these are written,
//! and what stood there is kept: `forwarding` (IPv4), `force_forwarding` (IPv6) of the interfaces that ways leave by, and `rp_filter` of
//! one that is not the default route's, where it is strict.

use std::collections::{BTreeMap, BTreeSet};

use nicety_core::{
    address::Family,
    egress::program::{GateKind, Program},
    ids::IfName,
};
use nicety_kernel::forwarding::{self, SettingError};

use crate::{Datapath, Error, Keep, Outcome, chain};

/// `rp_filter`: the source must be reachable, by whichever interface.
const LOOSE: &str = "2";
const STRICT: &str = "1";

/// Of one of our devices, best effort where a kernel has no such file. Answers come in on it from everywhere, so that only a loose
/// check of sources lets them pass, also where the host's own is strict: the greater of the two counts.
pub fn of_device(name: &str) -> Vec<(String, &'static str)> {
    vec![
        (format!("net/ipv6/conf/{name}/disable_ipv6"), "0"),
        (format!("net/ipv6/conf/{name}/accept_ra"), "0"),
        (format!("net/ipv6/conf/{name}/force_forwarding"), "1"),
        (format!("net/ipv4/conf/{name}/rp_filter"), LOOSE),
        (format!("net/ipv4/conf/{name}/forwarding"), "1"),
    ]
}

impl Datapath {
    /// Settings of interfaces of others: those that are needed are written, those that are not are restored.
    pub(crate) fn write(&mut self, program: &Program, keep: Keep<'_>, outcome: &mut Outcome) -> Result<(), Error> {
        let (wanted, errors) = wanted(program, &self.kept.settings);
        outcome.faults.extend(errors.iter().map(|error| chain(error)));
        for (path, value) in &wanted {
            let before = match forwarding::present(path) {
                Ok(Some(before)) if before != *value => before,
                Ok(_) => continue,
                Err(error) => {
                    outcome.faults.push(chain(&error));
                    continue;
                }
            };
            if !self.kept.settings.contains_key(path) {
                self.kept.settings.insert(path.clone(), before);
                keep(&self.kept).map_err(Error::Keep)?;
            }
            match forwarding::set(path, value) {
                Ok(()) => outcome.changes += 1,
                Err(error) => outcome.faults.push(chain(&error)),
            }
        }
        let kept = self.kept.settings.clone();
        for (path, before) in kept.iter().filter(|(path, _)| !wanted.contains_key(*path)) {
            match forwarding::set(path, before) {
                Ok(()) => {
                    self.kept.settings.remove(path);
                    keep(&self.kept).map_err(Error::Keep)?;
                    outcome.changes += 1;
                }
                Err(error) => outcome.faults.push(chain(&error)),
            }
        }
        Ok(())
    }
}

/// Of interfaces of others. `kept`: those that are ours already.
fn wanted(program: &Program, kept: &BTreeMap<String, String>) -> (BTreeMap<String, String>, Vec<SettingError>) {
    let mut links: BTreeSet<(IfName, Family)> = BTreeSet::new();
    let mut others: BTreeSet<&IfName> = BTreeSet::new();
    for gate in program.gateways.values() {
        let GateKind::Own(outs) = &gate.kind else { continue };
        for (family, out) in outs {
            links.insert((out.link.clone(), *family));
            if out.routes.is_some() && *family == Family::V4 {
                others.insert(&out.link);
            }
        }
    }
    let (mut settings, mut errors) = forwarding::wanted(&links);
    for link in others {
        let path = format!("net/ipv4/conf/{link}/rp_filter");
        match strict(&path) {
            Ok(true) => drop(settings.insert(path, LOOSE.to_owned())),
            Ok(false) if kept.contains_key(&path) => drop(settings.insert(path, LOOSE.to_owned())),
            Ok(false) => {}
            Err(error) => errors.push(error),
        }
    }
    (settings, errors)
}

fn strict(path: &str) -> Result<bool, SettingError> {
    let each = [forwarding::present("net/ipv4/conf/all/rp_filter")?, forwarding::present(path)?];
    Ok(each.iter().flatten().map(String::as_str).max() == Some(STRICT))
}
