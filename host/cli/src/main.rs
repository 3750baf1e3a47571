//! Entry point; everything else is in the library, so that tests can call it.

use std::process::ExitCode;

fn main() -> ExitCode {
    nicety_cli::run()
}
