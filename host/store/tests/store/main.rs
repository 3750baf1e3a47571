//! The promises of the store, kept through its public interface alone.

// For clippy, which lets helpers of tests unwrap only where it sees that they are tests.
#![cfg(test)]

mod addresses;
mod decisions;
mod fixture;
mod full;
mod kill;
mod lifecycle;
mod model;
mod opening;
mod together;
