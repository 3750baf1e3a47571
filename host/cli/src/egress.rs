//! `nicety egress ...`.

mod held;
mod plan;
mod show;
pub mod time;
mod trace;

use std::process::ExitCode;

use crate::args::Egress;

pub fn main(command: &Egress) -> anyhow::Result<ExitCode> {
    match command {
        Egress::Show(arguments) => show::run(arguments),
        Egress::Trace(arguments) => trace::run(arguments),
        Egress::Plan(arguments) => plan::run(arguments),
        Egress::Picture(arguments) => plan::draw(arguments),
        Egress::Held(arguments) => held::run(arguments),
    }
}

/// The answer is no.
pub const NO: u8 = 3;
