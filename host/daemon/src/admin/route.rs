//! Paths to answers.

use std::sync::Arc;

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
};
use nicety_core::{facts::Facts, ids::StrategyName};
use serde::Serialize;

use super::view::{
    self, Error, Ran,
    egress::{Picture, PlanWanted},
};
use crate::{
    egress::{self, plan, show},
    explain::{self, Depth, Wanted},
    node::Node,
};
use nicety_deciding::{chain, metrics::Now};

/// Facts of 100,000 endpoints are some 10 MiB of JSON.
const BODY_MAX: usize = 64 << 20;

type Answer = Response<Full<Bytes>>;

pub async fn answer(node: Arc<Node>, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    match (&head.method, segments.as_slice()) {
        (&Method::GET, ["v1", "status"]) => json(StatusCode::OK, &status(&node)),
        (&Method::GET, ["v1", "shadow"]) => json(StatusCode::OK, &node.shadows.board.compared()),
        (&Method::GET, ["v1", "egress"]) => shown(node).await,
        (&Method::GET, ["v1", "egress", "trace"]) => match head.uri.query().and_then(traced) {
            Some((of, to)) => match show::trace(&node, &of, to) {
                Ok(trace) => json(StatusCode::OK, &trace),
                Err(why) => failure(StatusCode::NOT_FOUND, &why),
            },
            None => failure(StatusCode::BAD_REQUEST, "name a pod and a destination: `?of=NAMESPACE/POD&to=ADDRESS`"),
        },
        (&Method::GET, ["v1", "egress", "picture", policy]) => match plan::drawn(&node, policy) {
            Ok(svg) => json(StatusCode::OK, &Picture { svg }),
            Err(why) => failure(StatusCode::CONFLICT, &why),
        },
        (&Method::POST, ["v1", "egress", "plan"]) => match Limited::new(body, BODY_MAX).collect().await {
            Ok(body) => planned(node, body.to_bytes()).await,
            Err(error) => failure(StatusCode::PAYLOAD_TOO_LARGE, &format!("the change cannot be read: {error}")),
        },
        (&Method::GET, ["metrics"]) => metrics(node).await,
        (&Method::GET, ["v1", "explain"]) => match head.uri.query().and_then(wanted) {
            Some((wanted, depth)) => explained(node, wanted, depth).await,
            None => failure(StatusCode::BAD_REQUEST, "name a container or NAMESPACE/POD: `?of=...`"),
        },
        (&Method::POST, ["v1", "strategies", name, "run"]) => match Limited::new(body, BODY_MAX).collect().await {
            Ok(body) => ran(node, (*name).to_owned(), body.to_bytes()).await,
            Err(error) => failure(StatusCode::PAYLOAD_TOO_LARGE, &format!("the facts cannot be read: {error}")),
        },
        _ => failure(StatusCode::NOT_FOUND, &format!("there is no `{} {path}` here", head.method)),
    }
}

fn status(node: &Node) -> view::Status {
    super::overview::of(node)
}

async fn metrics(node: Arc<Node>) -> Answer {
    // Counters of packets are read from the kernel.
    let reading = node.clone();
    let egress = tokio::task::spawn_blocking(move || egress::metrics::text(&show::of(&reading))).await;
    let world = node.world();
    let counts = node.journal.counts();
    let now = Now {
        generation: world.generation,
        refused: node.refused().len(),
        set: &world.strategies,
        board: &node.shadows.board,
        records_lost: counts.dropped.saturating_add(counts.failed),
    };
    let text = node.metrics.text(&now);
    let text = match (text.strip_suffix("# EOF\n"), egress) {
        (Some(before), Ok(egress)) => format!("{before}{egress}# EOF\n"),
        _ => text,
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    let openmetrics = header::HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, openmetrics);
    response
}

/// `of=TEXT`, and `history` for all of it.
fn wanted(query: &str) -> Option<(Wanted, Depth)> {
    let of = query.split('&').find_map(|part| part.strip_prefix("of="))?;
    let depth = if query.split('&').any(|part| part == "history") { Depth::All } else { Depth::Known };
    Some((Wanted::new(of), depth))
}

/// `of=NAMESPACE/POD&to=ADDRESS`.
fn traced(query: &str) -> Option<(String, std::net::IpAddr)> {
    let field = |name: &str| query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    Some((field("of")?.to_owned(), field("to")?.parse().ok()?))
}

/// Counters are read from the kernel.
async fn shown(node: Arc<Node>) -> Answer {
    match tokio::task::spawn_blocking(move || show::of(&node)).await {
        Ok(shown) => json(StatusCode::OK, &shown),
        Err(panic) => failure(StatusCode::INTERNAL_SERVER_ERROR, &panic.to_string()),
    }
}

async fn planned(node: Arc<Node>, body: Bytes) -> Answer {
    let wanted: PlanWanted = match serde_json::from_slice(&body) {
        Ok(wanted) => wanted,
        Err(error) => return failure(StatusCode::BAD_REQUEST, &format!("the change cannot be read: {error}")),
    };
    match tokio::task::spawn_blocking(move || plan::of(&node, wanted)).await {
        Ok(Ok(plan)) => json(StatusCode::OK, &plan),
        Ok(Err(why)) => failure(StatusCode::CONFLICT, &why),
        Err(panic) => failure(StatusCode::INTERNAL_SERVER_ERROR, &panic.to_string()),
    }
}

async fn explained(node: Arc<Node>, wanted: Wanted, depth: Depth) -> Answer {
    match tokio::task::spawn_blocking(move || explain::explain(&node, &wanted, depth)).await {
        Ok(Ok(found)) => json(StatusCode::OK, &found),
        Ok(Err(error)) => failure(StatusCode::INTERNAL_SERVER_ERROR, &chain(&error)),
        Err(panic) => failure(StatusCode::INTERNAL_SERVER_ERROR, &panic.to_string()),
    }
}

async fn ran(node: Arc<Node>, name: String, body: Bytes) -> Answer {
    let facts: Facts = match serde_json::from_slice(&body) {
        Ok(facts) => facts,
        Err(error) => return failure(StatusCode::BAD_REQUEST, &format!("the facts cannot be read: {error}")),
    };
    let world = node.world();
    let strategy = name.parse::<StrategyName>().ok().and_then(|name| world.strategies.strategies.get(&name).cloned());
    let Some(strategy) = strategy else {
        let known = world.strategies.strategies.keys().map(StrategyName::as_str).collect::<Vec<_>>().join("`, `");
        return failure(StatusCode::NOT_FOUND, &format!("there is no strategy `{name}`; hint: there are `{known}`"));
    };
    let generation = world.generation;
    let decided =
        tokio::task::spawn_blocking(move || nicety_strategies::dry_run(&strategy, &facts, &crate::decide::clock()))
            .await;
    match decided {
        Ok(decided) => json(StatusCode::OK, &Ran::of(generation, decided)),
        Err(panic) => failure(StatusCode::INTERNAL_SERVER_ERROR, &panic.to_string()),
    }
}

fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    let text = serde_json::to_vec(value).unwrap_or_default();
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

fn failure(status: StatusCode, message: &str) -> Answer {
    json(status, &Error { error: message.to_owned() })
}
