//! Prints what the engine takes, as JSON. With the arguments `engine compile` it is the engine's compiler, as the `nicety` binary is.

use std::{error::Error, io::Write};

use nicety_tests_policies::report::{Arguments, measure};

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().skip(1).eq(["engine", "compile"]) {
        nicety_engine::compile::child_main();
    }
    let report = measure(&Arguments::from_environment()?)?;
    writeln!(std::io::stdout(), "{report:#}")?;
    Ok(())
}
