//! DEL: by the record alone. It asks no policy, no manifest and no pod (invariant I7), and succeeds however often it is repeated.

use std::{path::Path, time::Instant};

use nicety_cni::{Attachment, CniError, Code};
use nicety_core::{ids::AttachmentKey, record::NetnsId};
use nicety_kernel::Netns;
use nicety_store::Store;
use tracing::{info, warn};

use crate::{delegate, intend, node::now};
use nicety_deciding::chain;

/// `netns` is what the runtime's path led to; none when it gave no path, or nothing is there any more.
pub fn del(
    store: &Store,
    attachment: &Attachment,
    netns: Option<Netns>,
    deadline: Instant,
) -> Result<String, CniError> {
    let key = intend::key(attachment)?;
    let Some(record) = store.get(&key) else {
        return Ok(String::new());
    };
    let inside = netns.filter(|netns| is(netns.id(), &record.netns)).or_else(|| reachable(&record.netns));
    match take_back(store, &key, inside.as_ref(), deadline) {
        Ok(()) => {
            info!(interfaces = record.interfaces.len(), "detached");
            Ok(String::new())
        }
        Err(errors) => {
            warn!(errors = %errors.join("; "), "not everything could be taken back; the record stays");
            let message = format!("attachment `{key}` could not be taken back whole; hint: DEL may be repeated");
            Err(CniError::new(Code::KernelRefused, message).with_details(errors.join("; ")))
        }
    }
}

/// Marks the record `Detaching`, runs its undo, and removes it with its leases when nothing is left. Nothing known: nothing done.
pub fn take_back(
    store: &Store,
    key: &AttachmentKey,
    netns: Option<&Netns>,
    deadline: Instant,
) -> Result<(), Vec<String>> {
    let text = |error: &dyn std::error::Error| vec![chain(error)];
    let Some(record) = store.detach(key).map_err(|error| text(&error))? else { return Ok(()) };
    let undone = nicety_kernel::undo(netns, &record.undo, deadline);
    let mut errors: Vec<String> = undone.iter().map(|error| chain(error)).collect();
    errors.extend(delegate::del(&record, netns, deadline));
    if !errors.is_empty() {
        return Err(errors);
    }
    store.release(key, now()).map_err(|error| text(&error))?;
    Ok(())
}

/// The namespace of a record, where its path still leads to it from here.
pub fn reachable(recorded: &NetnsId) -> Option<Netns> {
    let netns = Netns::open(Path::new(&recorded.path)).ok()?;
    is(netns.id(), recorded).then_some(netns)
}

fn is(found: &NetnsId, recorded: &NetnsId) -> bool {
    (found.device, found.inode) == (recorded.device, recorded.inode)
}
