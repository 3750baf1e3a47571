//! What `nicety-datapath` does, in network namespaces that stand for hosts: pods behind two source nodes, three gateways, and a server
//! outside that says from which address it was reached. The server and iproute2, nft, conntrack, ss and tcpdump are the judges, never our own
//! reading.
//!
//! Runs as `tests/netns` does, whose lab this is: without root, one after the other, `NICETY_REQUIRE=netns` turns what cannot run into a
//! failure.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "all of this is tests, which clippy cannot see without the usual harness"
)]

mod leaving;

mod changing;
mod neighbors;
mod owning;
mod storm;
mod underlay;

mod capture;
mod cluster;
mod outside;

#[expect(dead_code, reason = "the lab of the kernel crate's tests holds more than these need")]
#[path = "../../../netns/tests/netns/lab.rs"]
mod lab;
#[path = "../../../netns/tests/netns/runner.rs"]
mod runner;

fn main() -> std::process::ExitCode {
    if std::env::args().any(|argument| argument == owning::CHILD) {
        return owning::child();
    }
    runner::run(&[leaving::TESTS, changing::TESTS, neighbors::TESTS, owning::TESTS, underlay::TESTS, storm::TESTS])
}
