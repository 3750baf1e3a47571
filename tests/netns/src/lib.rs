//! Holds nothing: the promises are in `tests/netns.rs`.
