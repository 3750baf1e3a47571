//! What `nicety-kernel` does, in real network namespaces of a real kernel, judged by iproute2 and never by our own observer.
//!
//! Needs no root: the process enters a user, mount and network namespace of its own before its first thread starts, which is why it
//! has a `main` of its own. Each test gets a fresh network namespace as its host. What cannot run here prints what is missing;
//! `NICETY_REQUIRE=netns` turns that into a failure. Arguments are parts of test names to run.

mod host_device;
mod lab;
mod macvlan;
mod runner;

fn main() -> std::process::ExitCode {
    runner::run(&[macvlan::TESTS, host_device::TESTS])
}
