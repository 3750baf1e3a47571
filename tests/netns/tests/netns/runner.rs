//! Runs the tests one after the other, each on a thread in a fresh network namespace.

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::Instant,
};

use crate::lab;

pub struct Test {
    pub name: &'static str,
    pub run: fn(),
}

/// A test's name and its function; a function that nobody lists is dead code, which the compiler reports.
#[macro_export]
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub const TESTS: &[$crate::runner::Test] =
            &[$($crate::runner::Test { name: concat!(module_path!(), "::", stringify!($name)), run: $name }),*];
    };
}

pub fn run(groups: &[&[Test]]) -> ExitCode {
    let required = env::var("NICETY_REQUIRE").is_ok_and(|list| list.split(',').any(|part| part == "netns"));
    if let Err(missing) = lab::enter() {
        println!("network namespace tests cannot run here: {missing}");
        return if required { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    let filters: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()));
    let (mut passed, mut failed) = (0, Vec::new());
    for test in groups.iter().copied().flatten().filter(|test| wanted(test.name)) {
        let name = test.name.strip_prefix("netns::").unwrap_or(test.name);
        let begun = Instant::now();
        let ended = catch_unwind(AssertUnwindSafe(|| lab::in_new_netns(test.run)));
        println!(
            "test {name} ... {} ({} ms)",
            if ended.is_ok() { "ok" } else { "FAILED" },
            begun.elapsed().as_millis()
        );
        if ended.is_ok() { passed += 1 } else { failed.push(name) }
    }
    println!(
        "\n{passed} passed, {} failed{}",
        failed.len(),
        failed.iter().map(|n| format!("\n    {n}")).collect::<String>()
    );
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
