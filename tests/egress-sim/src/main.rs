//! Prints what a day does to each strategy, as JSON, and writes the charts. With the arguments `engine compile` it is the engine's compiler, as
//! the `nicety` binary is.

use std::{error::Error, io::Write};

use nicety_tests_egress_sim::arguments::Arguments;

fn main() -> Result<(), Box<dyn Error>> {
    #[cfg(feature = "modules")]
    if std::env::args().skip(1).eq(["engine", "compile"]) {
        nicety_engine::compile::child_main();
    }
    let arguments = Arguments::from_environment()?;
    let report = nicety_tests_egress_sim::run(&arguments)?;
    writeln!(std::io::stdout(), "{report:#}")?;
    Ok(())
}
