//! What egress costs the kernel of one node: programming the packet filter, against `nft` doing the same; and what the tunnel carries,
//! against a tunnel and a source translation made by hand, both in one run. Prints a table; its status says whether all targets are met.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement that cannot be made ends"
)]

#[expect(dead_code, reason = "tests need more of it")]
#[path = "../../../tests/egress/cluster.rs"]
mod cluster;
#[expect(dead_code, reason = "tests need more of it")]
#[path = "../../../../netns/tests/netns/lab.rs"]
mod lab;
#[expect(dead_code, reason = "tests need more of it")]
#[path = "../../../tests/egress/outside.rs"]
mod outside;

mod carrying;
mod programming;

use std::process::ExitCode;

use crate::lab::in_new_netns;

fn main() -> ExitCode {
    // In a user namespace the kernel takes no transaction as large as `nft`'s.
    if !rustix::process::getuid().is_root()
        && let Err(missing) = lab::enter()
    {
        println!("egress cannot be measured here: {missing}");
        return ExitCode::FAILURE;
    }
    let programmed = in_new_netns(programming::measure);
    let carried = in_new_netns(carrying::measure);
    if programmed && carried { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// `peer`: what it is compared with, and that one's figure.
fn row(name: &str, ours: f64, peer: Option<(&str, f64)>, unit: &str, target: &str, met: bool) -> bool {
    let peer = peer.map(|(peer, theirs)| format!("{peer}: {theirs:.2}")).unwrap_or_default();
    println!("{name:<48} {ours:>9.2} {unit:<6} {peer:>30}   {target:<16} {}", if met { "yes" } else { "NO" });
    met
}
