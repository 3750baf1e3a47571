//! Holds nothing: the promises are in `tests/egress`.
