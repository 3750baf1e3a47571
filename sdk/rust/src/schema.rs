//! The JSON Schema of a config is generated natively and checked in as text, because the generator would add 98 kB to a policy.

use serde::Serialize;

/// Set to anything, it makes `check` write the file.
const WRITE: &str = "NICETY_WRITE_SCHEMA";

/// Panics, for the use of tests, when the file is not what the config type says.
#[expect(clippy::panic, reason = "it is the body of the test that `policy!` writes")]
pub fn check(path: &str, schema: &impl Serialize) {
    let fail = |what: &str, error: &dyn std::fmt::Display| -> ! { panic!("cannot {what} `{path}`: {error}") };
    let current = match serde_json::to_string_pretty(schema) {
        Ok(text) => text + "\n",
        Err(error) => fail("write the schema for", &error),
    };
    if std::env::var_os(WRITE).is_some()
        && let Err(error) = std::fs::write(path, &current)
    {
        fail("write", &error);
    }
    match std::fs::read_to_string(path) {
        Ok(text) => assert!(text == current, "`{path}` is not current; hint: run this test with {WRITE}=1"),
        Err(error) => fail("read", &error),
    }
}
