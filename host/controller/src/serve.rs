//! `/healthz`, `/readyz` and `/metrics` over plain HTTP, on loopback unless told otherwise: nothing there is secret, and nothing can be
//! done there.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::CONTENT_TYPE,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, sync::Semaphore, time::sleep};
use tracing::{debug, warn};

use crate::{metrics::Metrics, world::World};

/// More askers at once wait.
const CONNECTIONS: usize = 32;
const HEADER_PATIENCE: Duration = Duration::from_secs(10);

pub async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// For ever.
pub async fn serve(listener: TcpListener, world: World, metrics: Arc<Metrics>) {
    let lanes = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(lane) = lanes.clone().acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        let (world, metrics) = (world.clone(), metrics.clone());
        tokio::spawn(async move {
            let _lane = lane;
            let answer = service_fn(move |request| {
                let answer = answer(&request, &world, &metrics);
                async move { Ok::<_, Infallible>(answer) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_PATIENCE)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), answer);
            if let Err(error) = connection.await {
                debug!(%error, "a connection ended early");
            }
        });
    }
}

fn answer(request: &Request<Incoming>, world: &World, metrics: &Metrics) -> Response<Full<Bytes>> {
    match request.uri().path() {
        "/healthz" => text(StatusCode::OK, "text/plain", "ok\n".to_owned()),
        "/readyz" => {
            let missing = world.missing();
            match missing.is_empty() {
                true => text(StatusCode::OK, "text/plain", "ok\n".to_owned()),
                false => {
                    let waiting = format!("waiting for {}\n", missing.join(", "));
                    text(StatusCode::SERVICE_UNAVAILABLE, "text/plain", waiting)
                }
            }
        }
        "/metrics" => {
            text(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", metrics.text())
        }
        _ => text(StatusCode::NOT_FOUND, "text/plain", "there are /healthz, /readyz and /metrics\n".to_owned()),
    }
}

fn text(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    response
}
