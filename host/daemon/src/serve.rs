//! The plugin's socket: one connection is one request. Receives a frame and, beside it, the descriptor of the pod's network namespace;
//! serialises the requests of one container; holds every request to its deadline.

use std::{
    collections::HashMap,
    io,
    mem::MaybeUninit,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use nicety_cni::{
    CniError, Code, Request, Version,
    frame::{Call, FrameError, HEADER, Header, Kind, Reply},
};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use tokio::{
    io::{AsyncWriteExt, Interest},
    net::{UnixListener, UnixStream},
    sync::Mutex as AsyncMutex,
    task::JoinSet,
    time::{timeout, timeout_at},
};
use tracing::{Instrument, info_span, warn};

use crate::{after::After, config::REQUEST_DEADLINE, node::Node, pod, verb};

/// A plugin sends its frame at once; who does not is not one.
const FRAME_DEADLINE: std::time::Duration = std::time::Duration::from_secs(5);
/// Connections served at once. A runtime starts at most some hundred sandboxes together; more wait in the listener's queue.
const CONNECTIONS: usize = 256;

/// Listens on `path`, for the daemon's own user alone.
pub fn listen(path: &Path) -> io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt;
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves until `stop` resolves, then lets running requests end.
pub async fn serve(node: Arc<Node>, listener: UnixListener, stop: impl Future<Output = ()>) {
    let containers = Arc::new(Containers::default());
    let mut running = JoinSet::new();
    tokio::pin!(stop);
    loop {
        // Cancel-safe: `accept` and `join_next` lose nothing when dropped, and `stop` is pinned outside the loop.
        tokio::select! {
            () = &mut stop => break,
            Some(_) = running.join_next(), if !running.is_empty() => {}
            accepted = listener.accept(), if running.len() < CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    let (node, containers) = (node.clone(), containers.clone());
                    running.spawn(async move {
                        if let Err(error) = connection(&node, &containers, stream).await {
                            warn!(%error, "plugin connection broke");
                        }
                    });
                }
                Err(error) => {
                    warn!(%error, "cannot accept a plugin connection");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            }
        }
    }
    while running.join_next().await.is_some() {}
}

async fn connection(node: &Arc<Node>, containers: &Containers, mut stream: UnixStream) -> io::Result<()> {
    let peer = stream.peer_cred()?;
    if peer.uid() != rustix::process::geteuid().as_raw() {
        warn!(uid = peer.uid(), "refused a plugin connection of another user");
        return Ok(());
    }
    let start = Instant::now();
    let (call, netns) = timeout(FRAME_DEADLINE, receive(&stream)).await.map_err(|_| io::ErrorKind::TimedOut)??;
    let variable = |name| call.env.get(name).unwrap_or_default().to_owned();
    let container = variable("CNI_CONTAINERID");
    let (verb, ifname) = (variable("CNI_COMMAND"), variable("CNI_IFNAME"));
    let span = info_span!("cni", %verb, container_id = %container, %ifname);
    let (reply, after) = answer(node, containers, call, netns, start, &container).instrument(span).await;
    stream.write_all(&reply.encode().map_err(io::Error::other)?).await?;
    stream.shutdown().await?;
    after.run(node);
    Ok(())
}

async fn answer(
    node: &Arc<Node>,
    containers: &Containers,
    call: Call,
    netns: Option<OwnedFd>,
    start: Instant,
    container: &str,
) -> (Reply, After) {
    let deadline = start + REQUEST_DEADLINE;
    let turn = containers.turn_of(container);
    let Ok(held) = timeout_at(deadline.into(), turn.clone().lock_owned()).await else {
        let message = format!("an earlier call for container `{container}` is still running");
        return (failure(&call, Code::TryAgainLater, &message), After::default());
    };
    // Before the work takes a thread: DEL of other pods need not wait for pods that nobody has seen yet.
    let known = pod::known(node, &call, deadline.saturating_duration_since(Instant::now()) / 2).await;
    let (worker, for_panic, span) = (node.clone(), call.clone(), tracing::Span::current());
    // Netlink, the store and the sandboxes are synchronous; each has its own bound within the deadline. The container's turn goes
    // with the work, so that a call which outlives its connection still excludes the next one.
    let work = tokio::task::spawn_blocking(move || {
        let _turn = held;
        span.in_scope(|| verb::run(&worker, &call, netns, &known, deadline))
    });
    let answered = work.await.unwrap_or_else(|panic| {
        warn!(%panic, "a call ended in a panic");
        let says = "the daemon hit a defect while it served this call; its log says where";
        (failure(&for_panic, Code::Internal, says), After::default())
    });
    drop(turn);
    containers.forget(container);
    answered
}

/// An error for a call that was not served, in the version that it asked for.
fn failure(call: &Call, code: Code, message: &str) -> Reply {
    let version = Request::parse(&call.env, &call.stdin).map_or(Version::NEWEST, |request| request.version());
    Reply::failure(CniError::new(code, message).render(version))
}

/// Reads a whole frame; keeps the first descriptor that came with it and closes any other.
async fn receive(stream: &UnixStream) -> io::Result<(Call, Option<OwnedFd>)> {
    let invalid = |error: FrameError| io::Error::new(io::ErrorKind::InvalidData, error);
    let mut netns = None;
    let mut header = [0; HEADER];
    fill(stream, &mut header, &mut netns).await?;
    let header = Header::decode(&header).map_err(invalid)?;
    // Bounded: `decode` has held the length against the limit of its kind.
    let mut body = vec![0; header.length];
    fill(stream, &mut body, &mut netns).await?;
    match header.kind {
        Kind::Request => Ok((Call::decode(&body).map_err(invalid)?, None)),
        Kind::RequestWithNetns => Ok((Call::decode(&body).map_err(invalid)?, netns)),
        Kind::Reply => Err(io::Error::new(io::ErrorKind::InvalidData, "a reply where a request was expected")),
    }
}

async fn fill(stream: &UnixStream, mut buffer: &mut [u8], netns: &mut Option<OwnedFd>) -> io::Result<()> {
    while !buffer.is_empty() {
        stream.readable().await?;
        match stream.try_io(Interest::READABLE, || receive_some(stream, buffer, netns)) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => buffer = buffer.get_mut(length..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn receive_some(stream: &UnixStream, chunk: &mut [u8], netns: &mut Option<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [io::IoSliceMut::new(chunk)];
    let received = recvmsg(stream.as_fd(), &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            for descriptor in descriptors {
                netns.get_or_insert(descriptor);
            }
        }
    }
    Ok(received.bytes)
}

/// Whose turn it is, by container: requests of one container run one after the other, in the order in which they came.
#[derive(Debug, Default)]
struct Containers(Mutex<HashMap<String, Arc<AsyncMutex<()>>>>);

impl Containers {
    fn turn_of(&self, container: &str) -> Arc<AsyncMutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.entry(container.to_owned()).or_default().clone()
    }

    /// Nobody else holds or waits for the turn: the map need not remember it.
    fn forget(&self, container: &str) {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.get(container).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            turns.remove(container);
        }
    }
}
