//! Manifests as types: parse, validate, findings.
