//! A pod's network namespace: checked to be one and not our own, and a netlink socket born in it.
//!
//! No thread of the runtime ever changes its namespace: a throw-away thread enters the pod's, opens the socket and ends. The
//! socket stays where it was born.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd, RawFd},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use nicety_core::record::NetnsId;
use rustix::{
    fs::{Stat, fstat, stat},
    io::Errno,
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

use crate::conversation::{Conversation, ConversationError};

/// The network namespace of the calling thread.
pub(crate) const OWN: &str = "/proc/thread-self/ns/net";

#[derive(Debug, thiserror::Error)]
pub enum NetnsError {
    #[error("cannot open network namespace `{path}`")]
    Open { path: String, source: io::Error },
    #[error(
        "`{path}` is not a network namespace; hint: CNI_NETNS must name one, like `/run/netns/NAME` or `/proc/PID/ns/net`"
    )]
    NotANamespace { path: String },
    #[error(
        "`{path}` is the host's own network namespace; hint: a pod with `hostNetwork: true` takes no part in pod networks, and its \
         runtime must not call a plugin for it"
    )]
    Own { path: String },
    #[error(
        "may not enter network namespace `{path}`; hint: that takes CAP_SYS_ADMIN in the user namespaces of the daemon and of the pod"
    )]
    NotAllowed { path: String },
    #[error("cannot enter network namespace `{path}`")]
    Enter { path: String, source: io::Error },
    #[error("cannot tell which network namespace `{path}` is")]
    Identify { path: String, source: io::Error },
    #[error("cannot start a thread to enter network namespace `{path}`")]
    Thread { path: String, source: io::Error },
    #[error("cannot talk to the kernel in network namespace `{path}`")]
    Socket { path: String, source: ConversationError },
}

/// Keeps the namespace alive as long as it lives.
#[derive(Debug)]
pub struct Netns {
    fd: OwnedFd,
    id: NetnsId,
    conversation: Arc<Mutex<Conversation>>,
}

impl Netns {
    /// `path` is what the runtime called it, for messages and records; it is not opened.
    pub fn from_fd(fd: OwnedFd, path: &str) -> Result<Netns, NetnsError> {
        let path = || path.to_owned();
        let identify = |errno: Errno| NetnsError::Identify { path: path(), source: errno.into() };
        let (own, found) = (stat(OWN).map_err(identify)?, fstat(&fd).map_err(identify)?);
        if same(&own, &found) {
            return Err(NetnsError::Own { path: path() });
        }
        let conversation = conversation_in(&fd, &path())?;
        let id = NetnsId { device: found.st_dev, inode: found.st_ino, path: path() };
        Ok(Netns { fd, id, conversation: Arc::new(Mutex::new(conversation)) })
    }

    pub fn open(path: &Path) -> Result<Netns, NetnsError> {
        let text = path.display().to_string();
        match File::open(path) {
            Ok(file) => Netns::from_fd(file.into(), &text),
            Err(source) => Err(NetnsError::Open { path: text, source }),
        }
    }

    pub fn id(&self) -> &NetnsId {
        &self.id
    }

    pub fn raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// One conversation at a time. A caller that panicked left at most unread answers behind, which later conversations skip by
    /// their sequence numbers.
    pub(crate) fn conversation(&self) -> MutexGuard<'_, Conversation> {
        self.conversation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same conversation, for a thread that may outlive this value.
    pub(crate) fn shared(&self) -> Arc<Mutex<Conversation>> {
        Arc::clone(&self.conversation)
    }

    /// A second conversation, for looking on while the first one waits for the kernel.
    pub(crate) fn second(&self) -> Result<Conversation, NetnsError> {
        conversation_in(&self.fd, &self.id.path)
    }
}

/// Device and inode of the host's own network namespace, as [`Netns::id`] gives them for a pod's.
pub fn own() -> Result<NetnsId, NetnsError> {
    match stat(OWN) {
        Ok(found) => Ok(NetnsId { device: found.st_dev, inode: found.st_ino, path: OWN.to_owned() }),
        Err(errno) => Err(NetnsError::Identify { path: OWN.to_owned(), source: errno.into() }),
    }
}

fn same(a: &Stat, b: &Stat) -> bool {
    a.st_dev == b.st_dev && a.st_ino == b.st_ino
}

fn conversation_in(fd: &OwnedFd, path: &str) -> Result<Conversation, NetnsError> {
    let path = || path.to_owned();
    let enter = || {
        move_into_link_name_space(fd.as_fd(), Some(LinkNameSpaceType::Network)).map_err(|errno| match errno {
            // setns(2): `fd` refers to a namespace of another type, or to none.
            Errno::INVAL => NetnsError::NotANamespace { path: path() },
            Errno::PERM => NetnsError::NotAllowed { path: path() },
            errno => NetnsError::Enter { path: path(), source: errno.into() },
        })?;
        Conversation::open().map_err(|source| NetnsError::Socket { path: path(), source })
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("netns".to_owned()).stack_size(64 * 1024).spawn_scoped(scope, enter);
        match thread.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(entered)) => entered,
            Ok(Err(_)) => Err(NetnsError::Thread { path: path(), source: io::Error::other("the thread panicked") }),
            Err(source) => Err(NetnsError::Thread { path: path(), source }),
        }
    })
}
