//! What `nicety-kernel` and `nicety-health` do, in real network namespaces of a real kernel, judged by iproute2 and never by our own observer.
//!
//! Needs no root: the process enters a user, mount and network namespace of its own before its first thread starts, which is why it
//! has a `main` of its own. Each test gets a fresh network namespace as its host. What cannot run here prints what is missing;
//! `NICETY_REQUIRE=netns` turns that into a failure. Arguments are parts of test names to run.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "all of this is tests, which clippy cannot see without the usual harness"
)]

mod macvlan;

mod bridge;
mod check;
mod health;
mod host_device;
mod inventory;
mod netns;
mod peers;
mod rollback;
mod veth_routed;

mod lab;
mod runner;

fn main() -> std::process::ExitCode {
    runner::run(&[
        netns::TESTS,
        macvlan::TESTS,
        veth_routed::TESTS,
        bridge::TESTS,
        host_device::TESTS,
        rollback::TESTS,
        check::TESTS,
        inventory::TESTS,
        peers::TESTS,
        health::TESTS,
    ])
}
