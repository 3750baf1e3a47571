//! What a proxy does instead of passing a request on.

use std::fmt;
use std::time::Duration;

use http::{Response, StatusCode, header};
use kube::client::Body;
use serde_json::{Value, json};

use super::seen::Seen;

/// Something that goes wrong; with every request, unless it is narrowed.
pub struct Fault {
    act: Act,
    on: Box<dyn Fn(&Seen) -> bool + Send>,
    left: Option<usize>,
}

#[derive(Debug, Clone)]
pub(super) enum Act {
    Answer(Refusal),
    Delay(Duration),
    Cut,
    Lose,
}

/// An answer that the server never gave.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    status: StatusCode,
    retry_after: Option<Duration>,
    body: Value,
}

impl Fault {
    /// Answered with an error of the API: 500, 429 and so on.
    pub fn answer(code: u16) -> Self {
        Self::answers(Refusal { status: known(code), retry_after: None, body: status(code) })
    }

    /// Too many requests: try again after `time`.
    pub fn busy(time: Duration) -> Self {
        Self::answers(Refusal { status: known(429), retry_after: Some(time), body: status(429) })
    }

    /// A watch that begins and at once says 410, as a server does whose history is too short.
    pub fn expired() -> Self {
        let body = json!({"type": "ERROR", "object": status(410)});
        Self::answers(Refusal { status: StatusCode::OK, retry_after: None, body })
            .on(|seen| seen.verb == super::Verb::Watch)
    }

    /// Passed on after `time`.
    pub fn delay(time: Duration) -> Self {
        Self::acts(Act::Delay(time))
    }

    /// The connection ends; the server never hears of it.
    pub fn cut() -> Self {
        Self::acts(Act::Cut)
    }

    /// The server does it; the connection ends before the answer.
    pub fn lost() -> Self {
        Self::acts(Act::Lose)
    }

    /// Only for such requests.
    pub fn on(self, such: impl Fn(&Seen) -> bool + Send + 'static) -> Self {
        let before = self.on;
        Self { on: Box::new(move |seen| before(seen) && such(seen)), ..self }
    }

    /// Only for the first `count` of them.
    pub fn times(self, count: usize) -> Self {
        Self { left: Some(count), ..self }
    }

    /// What to do with a request, if this fault is about it.
    pub(super) fn take(&mut self, seen: &Seen) -> Option<Act> {
        if self.left == Some(0) || !(self.on)(seen) {
            return None;
        }
        self.left = self.left.map(|left| left - 1);
        Some(self.act.clone())
    }

    fn answers(refusal: Refusal) -> Self {
        Self::acts(Act::Answer(refusal))
    }

    fn acts(act: Act) -> Self {
        Self { act, on: Box::new(|_| true), left: None }
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fault").field("act", &self.act).field("left", &self.left).finish_non_exhaustive()
    }
}

impl Refusal {
    pub fn response(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(format!("{}\n", self.body).into_bytes()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        if let Some(time) = self.retry_after {
            headers.insert(header::RETRY_AFTER, http::HeaderValue::from(time.as_secs()));
        }
        response
    }
}

fn known(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn status(code: u16) -> Value {
    let reason = match code {
        403 => "Forbidden",
        409 => "Conflict",
        410 => "Expired",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    };
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "a test's fault", "reason": reason, "code": code,
    })
}
