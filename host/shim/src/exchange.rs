//! One frame there and one back, within a deadline.

use std::{
    io::{self, ErrorKind, IoSlice, Read, Write},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::Path,
    time::{Duration, Instant},
};

use nicety_cni::frame::{Call, FrameError, HEADER, Header, Kind, Netns, Reply};
use rustix::{
    cmsg_space,
    io::Errno,
    net::{
        AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
        connect, sendmsg, socket_with,
    },
};

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("nobody listens there")]
    Nobody(#[source] io::Error),
    #[error("the daemon has no room for another call")]
    Full,
    #[error("the connection ended without an answer")]
    CutOff(#[source] io::Error),
    #[error("there was no answer within {} s", .0.as_secs())]
    Late(Duration),
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl Failure {
    /// Worth another try: a daemon that is absent or died comes back before `until`, one that is only busy before `deadline`.
    pub(crate) fn may_pass(&self, until: Instant, deadline: Instant) -> bool {
        match self {
            Failure::Nobody(_) | Failure::CutOff(_) => Instant::now() < until,
            Failure::Full => Instant::now() < deadline,
            Failure::Late(_) | Failure::Connect(_) | Failure::Frame(_) => false,
        }
    }
}

/// One try. `netns` goes beside the first byte.
pub(crate) fn exchange(
    socket: &Path,
    call: &Call,
    netns: Option<&OwnedFd>,
    deadline: Instant,
) -> Result<Reply, Failure> {
    let asked = Instant::now();
    let frame = call.encode(if netns.is_some() { Netns::Attached } else { Netns::Absent })?;
    let mut stream = open(socket)?;
    let settle = |error: io::Error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Failure::Late(asked.elapsed()),
        _ => Failure::CutOff(error),
    };
    stream.set_write_timeout(Some(left(deadline))).map_err(settle)?;
    send(&mut stream, &frame, netns).map_err(settle)?;

    let mut header = [0; HEADER];
    fill(&mut stream, &mut header, deadline).map_err(settle)?;
    let header = Header::decode(&header)?;
    if header.kind != Kind::Reply {
        return Err(Failure::Frame(FrameError::Magic));
    }
    let mut body = vec![0; header.length];
    fill(&mut stream, &mut body, deadline).map_err(settle)?;
    Ok(Reply::decode(&body)?)
}

/// Connected without blocking, because a full backlog would block for ever; blocking with time-outs from then on.
fn open(path: &Path) -> Result<UnixStream, Failure> {
    let refused = |error: Errno| match error {
        Errno::NOENT | Errno::CONNREFUSED => Failure::Nobody(error.into()),
        Errno::AGAIN => Failure::Full,
        error => Failure::Connect(error.into()),
    };
    let address = SocketAddrUnix::new(path).map_err(refused)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).map_err(refused)?;
    connect(&socket, &address).map_err(refused)?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false).map_err(Failure::Connect)?;
    Ok(stream)
}

fn send(stream: &mut UnixStream, frame: &[u8], netns: Option<&OwnedFd>) -> io::Result<()> {
    let Some(netns) = netns else { return stream.write_all(frame) };
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = [netns.as_fd()];
    if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("no room for a descriptor"));
    }
    let sent = sendmsg(&*stream, &[IoSlice::new(frame)], &mut control, SendFlags::NOSIGNAL)?;
    stream.write_all(frame.get(sent..).unwrap_or_default())
}

fn fill(stream: &mut UnixStream, mut into: &mut [u8], deadline: Instant) -> io::Result<()> {
    while !into.is_empty() {
        stream.set_read_timeout(Some(left(deadline)))?;
        match stream.read(into) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => into = into.get_mut(read..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Time left; never zero, which would mean no limit at all.
fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}
