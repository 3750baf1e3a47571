//! A pod that a policy captures does not leave before somebody has said where: it is held when its ADD is answered, and the
//! assignment lifts that.

use std::collections::BTreeSet;

use nicety_cni::{Attachment, CniError, Code};
use nicety_core::{
    egress::{hold::Hold, share::PodKey},
    record::{PodRef, Record},
};

use super::{capture, want};
use crate::node::Node;
use nicety_deciding::chain;

/// Where no policy is, this is a look at an empty map. An error leaves nothing held; the ADD must not succeed then.
pub fn new_pod(node: &Node, attachment: &Attachment, record: &Record) -> Result<(), CniError> {
    let Some(config) = &node.config.egress else { return Ok(()) };
    let policies = want::policies(node);
    if policies.is_empty() && !node.egress.is_active() {
        return Ok(());
    }
    let addresses = capture::sources(attachment, record);
    let PodRef { namespace, name, uid } = record.pod.clone();
    let captured = capture::Known::of(node, &record.pod).captured(policies.values());
    // A pod that nobody captures may have an address that one who was had, and whose going nobody has told of yet.
    if captured.is_empty() && !node.egress.has(&addresses) {
        return Ok(());
    }
    // The runtime knows a static pod by another UID than the API and the controller do.
    let known = node.source.cluster().and_then(|cluster| cluster.mirror.pod(&namespace, &name));
    let uid = known.filter(|known| known.is(&uid)).map_or(uid, |known| known.uid);
    let (namespace, name) = match node.source.cluster() {
        Some(_) => (namespace, name),
        None => super::alone::name(record),
    };
    let pod = PodKey { namespace, name, uid };
    let hold = Hold { pod, addresses: addresses.clone(), beside: BTreeSet::new(), policies: captured };
    let refused = |code, why: String| {
        CniError::new(code, "the pod cannot be held until it has an egress gateway").with_details(why)
    };
    if node.store.holds().get(&record.key).is_some_and(|known| **known == hold) {
        // As it was held when it was begun.
        node.egress.look();
        return Ok(());
    }
    if !node.store.hold(&record.key, hold).map_err(|error| refused(Code::StoreFailed, chain(&error)))? {
        return Ok(());
    }
    super::hold(node, config, &addresses).map_err(|why| refused(Code::TryAgainLater, why))?;
    // With the hold in place the rest may follow the answer: alone, this is where its gateway is chosen.
    node.egress.look();
    Ok(())
}

/// After a DEL or a GC: what it held is gone with its record.
pub fn gone(node: &Node) {
    if node.config.egress.is_some() && node.egress.is_active() {
        node.egress.look();
    }
}
