//! Decisions over a local socket, for whoever keeps its own plumbing: HTTP/1.1 with JSON over a unix socket, described by an OpenAPI
//! document that is made from the types. Whoever asks is a stranger: facts are checked before a policy sees them, and everything
//! (who, how much, how many at once, how long) has a bound. Knows neither the kernel nor the CNI.
//!
//! | request | answer |
//! |---|---|
//! | `POST /v1/decisions/attach` | [`view::Answered`] of [`view::Networks`] |
//! | `POST /v1/decisions/nic-selection?network=NAME` | [`view::Answered`] of [`view::Nics`] |
//! | `POST /v1/decisions/gateway-distribution` | [`view::Answered`] of an [`Assignment`](nicety_core::decision::Assignment) |
//! | `GET /v1/strategies` | [`view::Strategies`] |
//! | `GET /v1/shadow` | [`Compared`](nicety_deciding::shadow::Compared) |
//! | `GET /v1/records/ID` | [`view::Recorded`] |
//! | `GET /v1/openapi.json` | the document |
//! | `GET /v1/health` | [`view::Health`] |

pub mod answer;
pub mod engine;
pub mod records;
pub mod server;
pub mod service;
pub mod source;
pub mod view;

mod body;
mod decide;
mod openapi;
mod query;
mod shape;
mod strict;

pub use answer::{Answer, failure, json};
pub use records::{Records, Ring};
pub use server::{Peers, Socket, listen, serve};
pub use service::{Limits, Service};
pub use source::{InForce, Source};
