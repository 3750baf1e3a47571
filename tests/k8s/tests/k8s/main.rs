//! Promises that only a real API server can judge. A server's own folder is its test's; see the crate for how to write one.

mod blocks;
mod cluster;
mod controller;
mod egress;
mod harness;
mod node;
mod packets;
mod rules;
mod storms;

use std::process::ExitCode;

use nicety_tests_k8s::{Suite, controller_instead, enclosed, kubectl_instead};

fn main() -> ExitCode {
    controller_instead().or_else(kubectl_instead).unwrap_or_else(|| {
        let tests = [
            harness::tests(),
            rules::tests(),
            blocks::tests(),
            controller::tests(),
            storms::tests(),
            egress::tests(),
            node::tests(),
            cluster::tests(),
            packets::tests(),
        ];
        let suite = Suite::new(tests.into_iter().flatten());
        if suite.runs() { enclosed(|| suite.run()) } else { suite.run() }
    })
}
