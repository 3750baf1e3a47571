//! The plugin binary that a container runtime executes, installed as `nicety` among the CNI plugins.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(nicety_shim::run(std::env::vars_os(), std::io::stdin(), std::io::stdout()))
}
