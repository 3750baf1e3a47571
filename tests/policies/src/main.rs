//! Prints what one decision takes, sandboxed and native, as JSON in microseconds:
//! `{"sandboxed": {"p50": .., "p99": ..}, "native": {"p50": .., "p99": ..}}`.
//! With the arguments `engine compile` it is the engine's compiler, as the `nicety` binary is.

use std::{error::Error, io::Write};

use nicety_engine::{Engine, EngineConfig};
use nicety_tests_policies::{Figures, eight_nics, measure};

const POLICY: &str = "spread";
const DECISIONS: usize = 20_000;

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().skip(1).eq(["engine", "compile"]) {
        nicety_engine::compile::child_main();
    }
    let missing = || format!("there is no built-in policy `{POLICY}`");
    let engine = Engine::new(EngineConfig::default())?;
    let sandboxed = engine.load(nicety_builtins::get(POLICY).ok_or_else(missing)?)?;
    let native = nicety_native::get(POLICY).ok_or_else(missing)?;
    let facts = eight_nics();
    let json = |Figures { p50, p99 }| serde_json::json!({ "p50": p50, "p99": p99 });
    let figures = serde_json::json!({
        "sandboxed": json(measure(&sandboxed, "{}", &facts, DECISIONS)?),
        "native": json(measure(&*native, "{}", &facts, DECISIONS)?),
    });
    writeln!(std::io::stdout(), "{figures:#}")?;
    Ok(())
}
