//! Runs the tests of one binary, one after the other, each in a runtime of its own with a deadline.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::folder::{missing, required};
use crate::wait::secs;

/// A test: its name is a sentence.
pub struct Test {
    name: &'static str,
    run: Box<dyn Fn() -> Running>,
    patience: Duration,
}

type Running = Pin<Box<dyn Future<Output = anyhow::Result<()>>>>;

impl std::fmt::Debug for Test {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Test").field("name", &self.name).field("patience", &self.patience).finish_non_exhaustive()
    }
}

impl Test {
    pub fn new<F: Future<Output = anyhow::Result<()>> + 'static>(
        name: &'static str,
        run: impl Fn() -> F + 'static,
    ) -> Self {
        Self { name, run: Box::new(move || Box::pin(run())), patience: secs(300) }
    }

    /// Instead of five minutes.
    pub fn within(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}

/// All tests of a binary.
#[derive(Debug)]
pub struct Suite(Vec<Test>);

impl Suite {
    pub fn new(tests: impl IntoIterator<Item = Test>) -> Self {
        Self(tests.into_iter().collect())
    }

    /// Whether tests will run, not only be listed or named as what cannot run here.
    pub fn runs(&self) -> bool {
        asked() && missing().is_none() && !std::env::args().any(|argument| argument == "--list")
    }

    /// What `main` returns. Arguments that are no options choose tests by a part of their name; `--share=K/N` takes each N-th of them from
    /// the K-th on, so that several processes, which mostly wait for servers, take all of them together in less time.
    #[expect(clippy::print_stdout, reason = "it is what a test binary does")]
    pub fn run(self) -> ExitCode {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        if arguments.iter().any(|argument| argument == "--list") {
            self.0.iter().for_each(|test| println!("{}: test", test.name));
            return ExitCode::SUCCESS;
        }
        // Each test has a server of its own: that is minutes, so they are a suite of their own.
        if !asked() {
            println!("the tests against API servers are not run here; hint: `make test-k8s`");
            return ExitCode::SUCCESS;
        }
        if let Some(missing) = missing() {
            println!("k8s tests cannot run here: {missing}");
            return if required() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
        let filters: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
        let wanted =
            |test: &Test| filters.is_empty() || filters.iter().any(|filter| test.name.contains(filter.as_str()));
        let Some(share) = share(&arguments) else {
            println!("`--share=K/N` wants two numbers, K from 1 to N: {arguments:?}");
            return ExitCode::FAILURE;
        };
        let (mut passed, mut failed) = (0, Vec::new());
        let wanted = self.0.iter().filter(|test| wanted(test)).enumerate();
        for (_, test) in wanted.filter(|(place, _)| place % share.1 + 1 == share.0) {
            let start = Instant::now();
            let outcome = run(test);
            let took = start.elapsed().as_secs_f32();
            match outcome {
                Ok(()) => {
                    passed += 1;
                    println!("test {} ... ok ({took:.1} s)", test.name);
                }
                Err(error) => {
                    failed.push(test.name);
                    println!("test {} ... FAILED ({took:.1} s)\n{error:?}", test.name);
                }
            }
        }
        println!("\n{passed} passed, {} failed", failed.len());
        failed.iter().for_each(|name| println!("    {name}"));
        if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// One of one where nothing is said. None: it makes no sense.
fn share(arguments: &[String]) -> Option<(usize, usize)> {
    let Some(text) = arguments.iter().find_map(|argument| argument.strip_prefix("--share=")) else {
        return Some((1, 1));
    };
    let (one, of) = text.split_once('/')?;
    let (one, of) = (one.parse().ok()?, of.parse().ok()?);
    (1..=of).contains(&one).then_some((one, of))
}

/// By a script that names the programs under test.
fn asked() -> bool {
    std::env::var_os("NICETY_BIN").is_some()
}

/// Whatever a test has started ends with its runtime.
fn run(test: &Test) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    let timed = async { tokio::time::timeout(test.patience, (test.run)()).await };
    let outcome = match catch_unwind(AssertUnwindSafe(|| runtime.block_on(timed))) {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(anyhow::anyhow!("not done within {:?}", test.patience)),
        Err(_) => Err(anyhow::anyhow!("it panicked, as told above")),
    };
    runtime.shutdown_timeout(secs(5));
    outcome
}
