//! `nicety policy` as its users meet it: the program itself, its exit codes, what it prints.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what cannot be run or read is a failure of the test"
)]

mod lab;

mod bench;
mod check;
mod completions;
mod documented;
mod golden;
mod run;
mod schema;
