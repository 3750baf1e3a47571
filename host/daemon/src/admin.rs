//! The admin socket: HTTP/1.1 with JSON, for the daemon's own user alone. Reads, and runs policies on facts that are given; changes
//! nothing.
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/status` | [`view::Status`] |
//! | `GET /v1/explain?of=TEXT[&history]` | [`view::Explained`]s of a container (or the beginning of its ID) or `namespace/pod`, newest first; `history`: also what is in the journal alone |
//! | `POST /v1/strategies/NAME/run` with [`Facts`](nicety_core::facts::Facts) | [`view::Ran`]: every policy of the live strategy |

mod overview;
mod route;
pub mod view;

use std::{io, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tracing::{debug, warn};

use crate::node::Node;

/// Nobody keeps a connection without a request for longer.
const HEADERS_WITHIN: Duration = Duration::from_secs(5);

/// Serves until its task is dropped.
pub async fn serve(node: Arc<Node>, listener: UnixListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let node = node.clone();
                tokio::spawn(async move {
                    if let Err(error) = connection(node, stream).await {
                        debug!(%error, "admin connection broke");
                    }
                });
            }
            Err(error) => {
                warn!(%error, "cannot accept an admin connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(node: Arc<Node>, stream: UnixStream) -> io::Result<()> {
    if stream.peer_cred()?.uid() != rustix::process::geteuid().as_raw() {
        warn!("refused an admin connection of another user");
        return Ok(());
    }
    let service = service_fn(move |request| {
        let node = node.clone();
        async move { Ok::<_, std::convert::Infallible>(route::answer(node, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .serve_connection(TokioIo::new(stream), service);
    connection.await.map_err(io::Error::other)
}
