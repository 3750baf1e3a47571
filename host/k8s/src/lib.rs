//! The only crate that knows kube: sources (watch, then an index in memory and on disk) and sinks (objects applied, status, events).
//! It decides nothing: what to write is computed by `nicety_core::cluster` from what was watched.
