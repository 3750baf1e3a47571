//! Measures Nicety against its peers on the machine at hand: prints a table and writes it as JSON.
//!
//! Runs in network and mount namespaces made for it (`scripts/bench` does that): it lays NICs and writes below /run.
//! It must stay as light as a runtime's own fork and exec: standard library and JSON, no async, nothing of Nicety's crates.

mod arguments;
mod contender;
mod lab;
mod measure;
mod report;
mod rows;

use std::process::ExitCode;

fn main() -> ExitCode {
    match arguments::Arguments::from_environment().and_then(|arguments| rows::measure_all(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::complain(error.as_ref()),
    }
}
