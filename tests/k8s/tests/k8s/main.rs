//! Promises that only a real API server can judge. A server's own folder is its test's; see the crate for how to write one.

mod controller;
mod harness;
mod node;
mod rules;

use std::process::ExitCode;

use nicety_tests_k8s::Suite;

fn main() -> ExitCode {
    Suite::new(harness::tests().into_iter().chain(rules::tests()).chain(controller::tests()).chain(node::tests())).run()
}
