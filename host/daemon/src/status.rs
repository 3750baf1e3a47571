//! STATUS: can an ADD with this NetConf be served now? Only for the NetConf that was asked: an error may make the whole node unready.

use std::time::Instant;

use nicety_cni::{CniError, Code, Mode, NetConf};
use nicety_core::ids::NetworkName;

use crate::{delegate, egress, node::Node};

pub fn status(node: &Node, netconf: &NetConf, deadline: Instant) -> Result<String, CniError> {
    delegate::status(node, netconf, deadline)?;
    let (Mode::OwnNetwork | Mode::Delegated, Some(name)) = (netconf.mode(), &netconf.network) else {
        return Ok(String::new());
    };
    let unavailable = |message: String| Err(CniError::new(Code::NotAvailable, message));
    let Ok(name) = name.parse::<NetworkName>() else {
        return unavailable(format!("`{name}` is not the name of a network"));
    };
    let snapshot = node.snapshot();
    if let Some(unready) = snapshot.world.unready.clone().or_else(|| egress::known::unready(node)) {
        return unavailable(unready);
    }
    match snapshot.network(&name) {
        None => unavailable(format!("there is no network `{name}`; hint: add its manifest")),
        Some(network) => snapshot.unready(network).map_or(Ok(String::new()), unavailable),
    }
}
