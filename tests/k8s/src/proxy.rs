//! Between a client and a server, on loopback: passes on, counts, and fails as it is told.
//!
//! Clients speak plain HTTP to it and show tokens, which pass through; to the server it speaks TLS. It never tries anything again.

mod fault;
mod seen;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{Request, Response, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use kube::Client;
use kube::client::Body;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use self::fault::Act;
pub use self::fault::Fault;
pub use self::seen::{Seen, Verb};
use crate::access::Serving;

#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
}

struct Shared {
    upstream: Client,
    seen: Mutex<Vec<Seen>>,
    faults: Mutex<Vec<Fault>>,
    line: watch::Sender<Line>,
}

/// The state of all connections: with each change those that are there end.
#[derive(Debug, Clone, Copy)]
struct Line {
    cuts: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Up,
    Down,
}

/// Why a connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("cut")]
struct Cut;

impl Proxy {
    pub async fn start(server: &impl Serving) -> anyhow::Result<Self> {
        Self::start_at(server, "127.0.0.1:0").await
    }

    /// For callers in other network namespaces, which do not share our loopback.
    pub async fn start_at(server: &impl Serving, address: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (line, _) = watch::channel(Line { cuts: 0, state: State::Up });
        let upstream = server.nobody().client().await?;
        let shared = Arc::new(Shared { upstream, seen: Mutex::default(), faults: Mutex::default(), line });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, accepting })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far, in order of arrival.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }

    /// Forgets what was seen.
    pub fn forget(&self) {
        lock(&self.shared.seen).clear();
    }

    /// How many requests so far are such.
    pub fn count(&self, such: impl Fn(&Seen) -> bool) -> usize {
        lock(&self.shared.seen).iter().filter(|seen| such(seen)).count()
    }

    /// Most requests within any one second.
    pub fn peak(&self) -> usize {
        let times: Vec<Instant> = lock(&self.shared.seen).iter().map(|seen| seen.at).collect();
        let mut first = 0;
        let mut peak = 0;
        for (last, time) in times.iter().enumerate() {
            while times.get(first).is_some_and(|start| time.duration_since(*start) >= Duration::from_secs(1)) {
                first += 1;
            }
            peak = peak.max(last + 1 - first);
        }
        peak
    }

    /// Fails requests from now on; of several faults that fit, the first is taken.
    pub fn fault(&self, fault: Fault) {
        lock(&self.shared.faults).push(fault);
    }

    /// No more faults.
    pub fn heal(&self) {
        lock(&self.shared.faults).clear();
    }

    /// Ends all connections, watches among them; new ones are welcome.
    pub fn cut(&self) {
        self.line(State::Up);
    }

    /// Ends all connections, and takes no more until [`Proxy::up`].
    pub fn down(&self) {
        self.line(State::Down);
    }

    pub fn up(&self) {
        self.line(State::Up);
    }

    fn line(&self, state: State) {
        self.shared.line.send_modify(|line| *line = Line { cuts: line.cuts + 1, state });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.line(State::Down);
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let line = shared.line.subscribe();
        if line.borrow().state == State::Up {
            tokio::spawn(serve(stream, line, Arc::clone(&shared)));
        }
    }
}

async fn serve(stream: TcpStream, mut line: watch::Receiver<Line>, shared: Arc<Shared>) {
    let service = hyper::service::service_fn(move |request| answer(request, Arc::clone(&shared)));
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // Either arm ends the connection, so nothing is lost that anybody waits for.
    tokio::select! {
        _ended = connection => (),
        _changed = line.changed() => (),
    }
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Body>, Cut> {
    let seen = Seen::of(&request);
    let index = {
        let mut all = lock(&shared.seen);
        all.push(seen.clone());
        all.len() - 1
    };
    let act = lock(&shared.faults).iter_mut().find_map(|fault| fault.take(&seen));
    let outcome = match act {
        None => pass(request, &shared).await,
        Some(Act::Answer(response)) => Ok(response.response()),
        Some(Act::Delay(time)) => {
            tokio::time::sleep(time).await;
            pass(request, &shared).await
        }
        Some(Act::Cut) => Err(Cut),
        Some(Act::Lose) => pass(request, &shared).await.and(Err(Cut)),
    };
    if let Some(entry) = lock(&shared.seen).get_mut(index) {
        entry.status = outcome.as_ref().ok().map(|response| response.status().as_u16());
    }
    outcome
}

async fn pass(request: Request<Incoming>, shared: &Shared) -> Result<Response<Body>, Cut> {
    let (mut parts, body) = request.into_parts();
    for name in [header::HOST, header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH] {
        parts.headers.remove(name);
    }
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    match shared.upstream.send(Request::from_parts(parts, Body::from(body))).await {
        Ok(mut response) => {
            response.headers_mut().remove(header::CONNECTION);
            response.headers_mut().remove(header::TRANSFER_ENCODING);
            Ok(response)
        }
        Err(_) => Err(Cut),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
