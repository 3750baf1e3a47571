//! Answers as JSON.

use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{self, HeaderName, HeaderValue},
};
use nicety_core::finding::Finding;
use serde::Serialize;

use crate::view::Error;

pub type Answer = Response<Full<Bytes>>;

pub fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(text) => text_of(status, text.into()),
        Err(error) => failure(StatusCode::INTERNAL_SERVER_ERROR, &format!("the answer cannot be written: {error}")),
    }
}

/// JSON that is text already.
pub fn text_of(status: StatusCode, text: Bytes) -> Answer {
    let mut response = Response::new(Full::new(text));
    *response.status_mut() = status;
    with(response, header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
}

pub fn failure(status: StatusCode, message: &str) -> Answer {
    refusal(status, message, Vec::new())
}

/// A failure with everything that was found wrong.
pub fn refusal(status: StatusCode, message: &str, findings: Vec<Finding>) -> Answer {
    json(status, &Error { error: message.to_owned(), findings })
}

pub fn with(mut answer: Answer, name: HeaderName, value: HeaderValue) -> Answer {
    answer.headers_mut().insert(name, value);
    answer
}

/// There is no room now, and there will be soon.
pub fn busy(what: &str) -> Answer {
    with(failure(StatusCode::SERVICE_UNAVAILABLE, what), header::RETRY_AFTER, HeaderValue::from_static("1"))
}
