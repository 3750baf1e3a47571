//! What a chained plugin answers: the result before it, with its own additions behind.

use super::{AddResult, Ip};
use crate::{netconf::PrevResult, version::Version};

/// `previous` with `ours` behind it; our indices into the list of interfaces move by the length of theirs. The resolver
/// configuration of `previous` stays, because CNI_IFNAME is its work.
pub fn merge(previous: &AddResult, ours: AddResult) -> AddResult {
    let shift = previous.interfaces.len();
    let AddResult { interfaces, ips, routes, dns } = ours;
    let moved = |ip: Ip| Ip { interface: ip.interface.map(|index| index + shift), ..ip };
    AddResult {
        interfaces: previous.interfaces.iter().cloned().chain(interfaces).collect(),
        ips: previous.ips.iter().cloned().chain(ips.into_iter().map(moved)).collect(),
        routes: previous.routes.iter().cloned().chain(routes).collect(),
        dns: if previous.dns.is_empty() { dns } else { previous.dns.clone() },
    }
}

/// The text to print. When we add nothing and the version is the same, it is the text that came in, to the byte: another plugin may
/// have put there what we do not know.
pub fn chained(previous: &PrevResult, ours: AddResult, version: Version) -> String {
    if ours.is_empty() && previous.version == version {
        previous.text.clone()
    } else {
        merge(&previous.result, ours).render(version)
    }
}
