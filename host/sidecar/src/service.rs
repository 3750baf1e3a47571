//! Paths to answers.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use hyper::{
    Method, Request, StatusCode,
    body::{Body, Bytes, Incoming},
    header::{self, HeaderValue},
};
use nicety_core::{
    facts::{Kind, attach, gateways, nic_selection},
    ids::NetworkName,
};
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    answer::{Answer, busy, failure, json, refusal, text_of, with},
    body::Room,
    decide, openapi, query,
    records::Records,
    source::Source,
    view,
};

/// What a caller may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Decisions at once; more are answered 503.
    pub decisions: usize,
    /// Bodies of all requests together, in bytes.
    pub bodies: usize,
    /// For a whole body to arrive.
    pub read: Duration,
    /// For a decision about gateways; the policies' own limits come first as a rule, and for other decisions always.
    pub decide: Duration,
}

/// Facts of 100,000 endpoints are some 10 MiB of JSON.
pub const GATEWAYS_BODY_MAX: usize = 64 << 20;
/// A node with 512 NICs and all that is known of them. An empty NIC in JSON is 3 bytes and 350 in memory.
pub const BODY_MAX: usize = 1 << 20;

/// The API, over whatever strategies are in force and whatever remembers the decisions.
#[derive(Debug)]
pub struct Service {
    source: Arc<dyn Source>,
    records: Arc<dyn Records>,
    limits: Limits,
    decisions: Arc<Semaphore>,
    room: Room,
    document: Bytes,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { decisions: 16, bodies: 128 << 20, read: Duration::from_secs(10), decide: Duration::from_secs(30) }
    }
}

impl Service {
    pub fn new(source: Arc<dyn Source>, records: Arc<dyn Records>, limits: Limits) -> Service {
        let (decisions, room) = (Arc::new(Semaphore::new(limits.decisions)), Room::of(limits.bodies));
        let document = openapi::document().to_string().into();
        Service { source, records, limits, decisions, room, document }
    }

    pub async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        // A body that nobody reads ends the connection, and the caller is told so.
        let unread = !body.is_end_stream();
        let turned_away = move |answer| match unread {
            true => with(answer, header::CONNECTION, HeaderValue::from_static("close")),
            false => answer,
        };
        let path = head.uri.path().to_owned();
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let kind = match segments.as_slice() {
            ["v1", "decisions", "attach"] => Some(Kind::Attach),
            ["v1", "decisions", "nic-selection"] => Some(Kind::NicSelection),
            ["v1", "decisions", "gateway-distribution"] => Some(Kind::GatewayDistribution),
            ["v1", "strategies" | "shadow" | "health" | "openapi.json"] | ["v1", "records", _] => None,
            _ => {
                let message = format!("there is nothing at `{path}`; hint: `/v1/openapi.json` says what there is");
                return turned_away(failure(StatusCode::NOT_FOUND, &message));
            }
        };
        let method = if kind.is_some() { Method::POST } else { Method::GET };
        if head.method != method {
            let answer = failure(StatusCode::METHOD_NOT_ALLOWED, &format!("`{path}` answers {method} only"));
            let allowed = HeaderValue::from_static(if kind.is_some() { "POST" } else { "GET" });
            return turned_away(with(answer, header::ALLOW, allowed));
        }
        let field = (kind == Some(Kind::NicSelection)).then_some("network");
        let network = match query::only(head.uri.query(), field) {
            Ok(network) => network,
            Err(findings) => {
                let answer = refusal(StatusCode::BAD_REQUEST, "the query is not one of this request", findings);
                return turned_away(answer);
            }
        };
        match (kind, segments.as_slice()) {
            (Some(kind), _) => self.decide(kind, network, &head.headers, body).await,
            (None, ["v1", "strategies"]) => self.strategies(),
            (None, ["v1", "shadow"]) => json(StatusCode::OK, &self.source.shadows().board.compared()),
            (None, ["v1", "records", id]) => self.record(id),
            (None, ["v1", "openapi.json"]) => text_of(StatusCode::OK, self.document.clone()),
            (None, _) => self.health(),
        }
    }

    async fn decide(&self, kind: Kind, network: Option<String>, headers: &header::HeaderMap, body: Incoming) -> Answer {
        if let Some(refused) = network.as_ref().and_then(|name| name.parse::<NetworkName>().err()) {
            let finding = nicety_core::finding::Finding::new("query.network", refused.to_string());
            return refusal(StatusCode::BAD_REQUEST, "the query is not one of this request", vec![finding]);
        }
        let most = if kind == Kind::GatewayDistribution { GATEWAYS_BODY_MAX } else { BODY_MAX };
        let held = match self.room.read(headers, body, most, self.limits.read).await {
            Ok(held) => held,
            Err(answer) => return with(*answer, header::CONNECTION, HeaderValue::from_static("close")),
        };
        let Ok(turn) = self.decisions.clone().try_acquire_owned() else {
            return busy("as many decisions are under way as may be");
        };
        let (in_force, records, source) = (self.source.in_force(), self.records.clone(), self.source.clone());
        let work = move || {
            // Both are held until the work ends, also when nobody waits for it any more.
            let (_turn, held) = (turn, held);
            let (answer, trials) = match kind {
                Kind::Attach => decide::answer::<attach::Facts>(&held.text, network, &*in_force, &*records),
                Kind::NicSelection => {
                    decide::answer::<nic_selection::Facts>(&held.text, network, &*in_force, &*records)
                }
                Kind::GatewayFilter | Kind::GatewayDistribution => {
                    decide::answer::<gateways::Facts>(&held.text, network, &*in_force, &*records)
                }
            };
            if let Some(trials) = trials {
                source.shadows().offer(trials.job(records));
            }
            answer
        };
        let decided = match kind {
            // Over in microseconds as a rule, and in the policies' own limits in any case: another thread would have to be woken
            // for it, and this one after it, which takes longer than the decision.
            Kind::Attach | Kind::NicSelection => {
                Ok(catch_unwind(AssertUnwindSafe(|| tokio::task::block_in_place(work))).map_err(drop))
            }
            Kind::GatewayFilter | Kind::GatewayDistribution => {
                let work = timeout(self.limits.decide, tokio::task::spawn_blocking(work)).await;
                work.map(|done| done.map_err(drop))
            }
        };
        match decided {
            Ok(Ok(answer)) => answer,
            Ok(Err(())) => {
                // The panic itself has told where.
                tracing::error!("a decision ended in a panic");
                failure(StatusCode::INTERNAL_SERVER_ERROR, "a defect was hit; the log says where")
            }
            Err(_) => {
                let message = format!("there was no decision within {} s", self.limits.decide.as_secs());
                failure(StatusCode::GATEWAY_TIMEOUT, &message)
            }
        }
    }

    fn strategies(&self) -> Answer {
        let in_force = self.source.in_force();
        let (generation, refused) = (in_force.generation(), self.source.refused());
        json(StatusCode::OK, &view::Strategies::of(generation, refused, in_force.strategies()))
    }

    fn record(&self, id: &str) -> Answer {
        // `parse` alone would take a sign.
        let digits = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        let Some(id) = digits.then(|| id.parse::<u64>().ok()).flatten() else {
            return failure(StatusCode::BAD_REQUEST, "the id of a record is a whole number");
        };
        match self.records.of(id) {
            Some(runs) => json(StatusCode::OK, &view::Recorded { runs: runs.to_vec() }),
            None => failure(StatusCode::NOT_FOUND, &format!("decision {id} is not, or no longer, remembered")),
        }
    }

    fn health(&self) -> Answer {
        let health = view::Health {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            generation: self.source.in_force().generation(),
            current: self.source.refused().is_empty(),
        };
        json(StatusCode::OK, &health)
    }
}
