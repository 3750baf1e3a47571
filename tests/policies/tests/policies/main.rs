//! Policies through the real engine.
#![expect(clippy::unwrap_used, reason = "what cannot go wrong in these tests fails them where it does")]

mod contract;
mod crowd;
mod golden;
mod hostile;
mod lab;
mod loading;
