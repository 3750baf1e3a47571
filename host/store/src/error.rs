//! What the store refuses, and what to do about it.

use std::{fmt, io, net::IpAddr, path::PathBuf, sync::Arc};

use nicety_core::{
    address::Family,
    ids::{AttachmentKey, IfName, NetworkName},
    record::State,
};

/// Why the state file cannot be used. None of these has changed what stands in it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot prepare `{path}` for the state of this node")]
    Prepare { path: PathBuf, source: io::Error },
    #[error("`{path}` is in use by another process; hint: only one daemon runs per run directory")]
    InUse { path: PathBuf },
    #[error(
        "`{path}` has format {found}, written by a newer version; this one reads up to format {supported}; \
         hint: start the newer version again, or remove this node's pods and then the file"
    )]
    Newer { path: PathBuf, found: u64, supported: u64 },
    #[error("`{path}` is not the state of a Nicety daemon; hint: {REMEDY}")]
    Foreign { path: PathBuf, source: Option<Box<redb::Error>> },
    #[error("`{path}` is damaged: {what}; hint: {REMEDY}")]
    Damaged { path: PathBuf, what: String },
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: Box<redb::Error> },
}

const REMEDY: &str = "move it away and restart the node's pods, whose attachments it would have described";

/// Why a change was not made durable. Nothing of it is in force.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError {
    #[error("cannot write the state of this node; hint: is the file system of the run directory full?")]
    Write(#[source] Arc<redb::Error>),
    #[error("the state of this node could not be read again after a failed write")]
    Reopen(#[source] Arc<OpenError>),
    #[error("the state of this node is closed after a failed write")]
    Closed,
    #[error("the writer of this node's state panicked; it was read again from the file")]
    Panicked,
}

/// Why a decision cannot be looked up.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error("cannot read the decisions of this node")]
    Read(#[from] Box<redb::Error>),
    #[error("decision {id} step {step} is damaged")]
    Damaged { id: u64, step: u32, source: serde_json::Error },
}

/// Why an attachment got no addresses. Nothing is held for it then.
#[derive(Debug, thiserror::Error)]
pub enum AcquireError<E> {
    #[error(
        "`{ifname}`: network `{network}` has no {} address left on this node, {held} are held; \
         hint: enlarge the node's block, or remove pods", family_name(*.family)
    )]
    Exhausted { ifname: IfName, network: NetworkName, family: Family, held: u128 },
    #[error("`{ifname}`: address `{address}` of network `{network}` is held by `{holder}`")]
    Held { ifname: IfName, network: NetworkName, address: IpAddr, holder: Box<AttachmentKey> },
    #[error(
        "`{ifname}`: address `{address}` is in no pool of network `{network}` on this node, or excluded from it; \
         hint: ask for one of the node's own block"
    )]
    Outside { ifname: IfName, network: NetworkName, address: IpAddr },
    #[error("attachment `{key}` is known already: it is {}", state_name(*.state))]
    Known { key: AttachmentKey, state: State },
    /// The caller could not make a record of the leases.
    #[error(transparent)]
    Make(E),
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Why an attachment was not completed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommitError {
    #[error("attachment `{key}` is not known")]
    Unknown { key: AttachmentKey },
    #[error("attachment `{key}` cannot be completed: it is {}", state_name(*.state))]
    NotApplying { key: AttachmentKey, state: State },
    #[error(transparent)]
    Write(#[from] WriteError),
}

fn family_name(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

fn state_name(state: State) -> impl fmt::Display {
    match state {
        State::Applying => "being made",
        State::Attached => "attached",
        State::Detaching => "being taken back",
    }
}
