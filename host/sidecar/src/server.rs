//! HTTP/1.1 on a unix socket, for users that are known: who may connect, how many at once, and how long anybody may take.

mod patient;

use std::{
    collections::BTreeSet,
    convert::Infallible,
    fs, io,
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::UnixStream as Probe,
    },
    path::PathBuf,
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use hyper::{Request, StatusCode, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::{debug, warn};

use crate::answer::{Answer, failure};
use patient::Patient;

/// Nobody keeps a connection without a whole request for longer.
const HEADERS_WITHIN: Duration = Duration::from_secs(60);
/// Nobody leaves an answer unread for longer.
const READ_BY_PEER_WITHIN: Duration = Duration::from_secs(10);
/// Answers that are under way at the end.
const FINISH_WITHIN: Duration = Duration::from_secs(5);
const HEADERS_MAX: usize = 64;
/// Bytes of the headers together.
const HEAD_MAX: usize = 32 << 10;
/// More wait in the listener's queue.
const CONNECTIONS: usize = 256;

/// A socket's place, `unix:PATH` on the command line, and the file's mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    pub path: PathBuf,
    pub mode: u32,
}

/// Users that may connect: root and this process's own always.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peers(BTreeSet<u32>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no place to listen; hint: write `unix:/run/nicety/engine.sock`")]
pub struct InvalidSocket {
    text: String,
}

impl Socket {
    pub const MODE: u32 = 0o600;
}

impl FromStr for Socket {
    type Err = InvalidSocket;
    fn from_str(text: &str) -> Result<Self, InvalidSocket> {
        match text.strip_prefix("unix:") {
            Some(path) if !path.is_empty() && !path.contains('\0') => {
                Ok(Socket { path: path.into(), mode: Socket::MODE })
            }
            _ => Err(InvalidSocket { text: text.to_owned() }),
        }
    }
}

impl Peers {
    pub fn with(others: impl IntoIterator<Item = u32>) -> Peers {
        Peers(others.into_iter().chain([0, rustix::process::geteuid().as_raw()]).collect())
    }
}

/// Makes the socket. What a process before left is replaced; anything that is no socket, or that somebody listens on, is not.
pub fn listen(socket: &Socket) -> io::Result<UnixListener> {
    let Socket { path, mode } = socket;
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file that is no socket"));
        }
        Ok(_) if Probe::connect(path).is_ok() => {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens there"));
        }
        Ok(_) => fs::remove_file(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(path)?;
    // Who connects before this line is held to the peers all the same.
    fs::set_permissions(path, fs::Permissions::from_mode(*mode))?;
    Ok(listener)
}

/// Serves until `stop` resolves, then lets running answers end.
pub async fn serve<F, A>(listener: UnixListener, peers: Peers, answer: F, stop: impl Future<Output = ()>)
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
    let (stopping, stopped) = watch::channel(());
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut running = JoinSet::new();
    tokio::pin!(stop);
    loop {
        // Cancel-safe: a permit that is not used is given back, `accept` and `join_next` lose nothing, `stop` is pinned outside.
        tokio::select! {
            () = &mut stop => break,
            Some(_) = running.join_next(), if !running.is_empty() => {}
            accepted = accept(&listener, &room) => match accepted {
                Ok((stream, permit)) => {
                    let (peers, answer, stopped) = (peers.clone(), answer.clone(), stopped.clone());
                    running.spawn(async move {
                        if let Err(error) = connection(stream, &peers, answer, stopped).await {
                            debug!(%error, "connection broke");
                        }
                        drop(permit);
                    });
                }
                Err(error) => {
                    warn!(%error, "cannot accept a connection");
                    sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
    drop(stopping);
    let ended = timeout(FINISH_WITHIN, async { while running.join_next().await.is_some() {} }).await;
    if ended.is_err() {
        warn!("answers were still under way at the end");
        running.shutdown().await;
    }
}

async fn accept(
    listener: &UnixListener,
    room: &Arc<Semaphore>,
) -> io::Result<(UnixStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = room.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}

async fn connection<F, A>(
    stream: UnixStream,
    Peers(peers): &Peers,
    answer: F,
    mut stopped: watch::Receiver<()>,
) -> io::Result<()>
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
    let uid = stream.peer_cred()?.uid();
    let welcome = peers.contains(&uid);
    if !welcome {
        warn!(uid, "refused a connection of another user");
    }
    let service = service_fn(move |request| {
        let answer = answer.clone();
        async move {
            Ok::<_, Infallible>(match welcome {
                true => answer(request).await,
                false => failure(StatusCode::FORBIDDEN, &format!("this socket is not for user {uid}")),
            })
        }
    });
    let stream = TokioIo::new(Patient::new(stream, READ_BY_PEER_WITHIN));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_MAX);
    let connection = http.serve_connection(stream, service);
    tokio::pin!(connection);
    // Cancel-safe: the connection is pinned outside, and of the channel only its end is waited for.
    let ended = tokio::select! {
        ended = &mut connection => ended,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    ended.map_err(io::Error::other)
}

/// Resolves at SIGTERM or SIGINT.
pub async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    if let (Ok(mut terminate), Ok(mut interrupt)) = signals {
        // Both arms are cancel-safe: a signal that is not taken here ends the process all the same.
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}
