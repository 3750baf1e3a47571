//! CHECK: the kernel still holds what the record says.

use std::time::Instant;

use nicety_cni::{Attachment, CniError, Code};
use nicety_core::record::State;
use nicety_kernel::Netns;

use crate::{delegate, intend, node::Node};
use nicety_deciding::chain;

pub fn check(node: &Node, attachment: &Attachment, netns: &Netns, deadline: Instant) -> Result<String, CniError> {
    let key = intend::key(attachment)?;
    let Some(record) = node.store.get(&key) else {
        let message = format!("attachment `{key}` is not known to this daemon; hint: the pod must be made anew");
        return Err(CniError::new(Code::UnknownContainer, message));
    };
    if record.state != State::Attached {
        let message = format!("attachment `{key}` is not complete; hint: DEL it and ADD it again");
        return Err(CniError::new(Code::Drift, message));
    }
    delegate::check(&record, netns, deadline)?;
    let drift = nicety_kernel::check(netns, &record.interfaces, deadline);
    let drift = drift.map_err(|error| CniError::new(Code::IoFailure, chain(&error)))?;
    if drift.is_empty() {
        return Ok(String::new());
    }
    let listed = drift.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let message = format!("the pod's network is not what it was made: {listed}");
    Err(CniError::new(Code::Drift, message))
}
