//! One call of the plugin, from its frame to its reply.

use std::{
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use nicety_cni::{
    Attachment, CniError, Code, Request,
    frame::{Call, Reply},
};
use nicety_kernel::{Netns, NetnsError};
use tracing::{info, warn};

use crate::{
    add::add, after::After, check::check, cluster::told, del::del, egress::hold, gc::gc, node::Node, pod::Known,
    status::status,
};
use nicety_deciding::chain;

/// `known`: what is known of an ADD's pod.
pub fn run(node: &Node, call: &Call, netns: Option<OwnedFd>, known: &Known, deadline: Instant) -> (Reply, After) {
    let start = Instant::now();
    let request = match Request::parse(&call.env, &call.stdin) {
        Ok(request) => request,
        Err(refused) => {
            warn!(error = %refused, "call refused");
            return (Reply::failure(refused.render()), After::default());
        }
    };
    let version = request.version();
    let mut after = After::default();
    let outcome = answer(node, &request, netns, known, deadline, &mut after);
    if let (Request::Add(attachment), Err(error), Some(_)) = (&request, &outcome, node.source.cluster()) {
        after.told = told::failed(attachment, error);
    }
    if let Request::Del(_) | Request::Gc(_) = &request {
        hold::gone(node);
    }
    node.count();
    let microseconds = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
    let reply = match outcome {
        Ok(stdout) => {
            info!(microseconds, "served");
            Reply::success(stdout)
        }
        Err(error) => {
            warn!(%error, code = error.code.number(), microseconds, "failed");
            Reply::failure(error.render(version))
        }
    };
    (reply, after)
}

fn answer(
    node: &Node,
    request: &Request,
    netns: Option<OwnedFd>,
    known: &Known,
    deadline: Instant,
    after: &mut After,
) -> Result<String, CniError> {
    if deadline.saturating_duration_since(Instant::now()) == Duration::ZERO {
        return Err(CniError::new(Code::TryAgainLater, "this call waited too long for its turn"));
    }
    match request {
        Request::Add(attachment) => add(node, attachment, &inside(attachment, netns)?, known, deadline, after),
        Request::Check(attachment) => check(node, attachment, &inside(attachment, netns)?, deadline),
        // A namespace that is gone, or that is not one, is no reason to keep what the record holds.
        Request::Del(attachment) => del(&node.store, attachment, inside(attachment, netns).ok(), deadline),
        Request::Gc(netconf) => gc(node, netconf, deadline),
        Request::Status(netconf) => status(node, netconf, deadline),
        // The plugin binary answers it alone; one of another release may not.
        Request::Version(query) => Ok(query.answer()),
    }
}

/// The namespace whose descriptor came with the call.
fn inside(attachment: &Attachment, netns: Option<OwnedFd>) -> Result<Netns, CniError> {
    let Some(descriptor) = netns else {
        let message = format!(
            "no descriptor of `{}` came with the call; hint: plugin and daemon must be of one release",
            attachment.netns
        );
        return Err(CniError::new(Code::InvalidNetns, message));
    };
    Netns::from_fd(descriptor, &attachment.netns).map_err(|error| {
        let code = match &error {
            NetnsError::NotANamespace { .. } | NetnsError::Own { .. } => Code::InvalidNetns,
            _ => Code::IoFailure,
        };
        CniError::new(code, chain(&error))
    })
}
