//! One engine for all tests of this binary, and the guests that the build script has made.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use nicety_core::{
    evaluate::{Evaluation, Evaluator},
    facts::{Facts, nic_selection},
};
use nicety_engine::{CompileCommand, Engine, EngineConfig, LoadError, Policy};
use nicety_tests_policies::memory::resident;

const GUESTS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/guests.rs"));

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(config()).unwrap());
/// Tests that look at the memory of this process, and those that take much of it, run one after the other.
static ALONE: Mutex<()> = Mutex::new(());

pub fn config() -> EngineConfig {
    let program = env!("CARGO_BIN_EXE_nicety-decisions").into();
    EngineConfig {
        compile: CompileCommand { program, arguments: vec!["engine".into(), "compile".into()] },
        ..EngineConfig::default()
    }
}

pub fn engine() -> &'static Engine {
    &ENGINE
}

pub fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn guest(name: &str) -> &'static [u8] {
    GUESTS.iter().find(|(guest, _)| *guest == name).unwrap_or_else(|| panic!("no guest {name}")).1
}

pub fn load(name: &str) -> Result<Policy, LoadError> {
    engine().load(guest(name))
}

/// One NIC to choose from.
pub fn facts() -> Facts {
    let nic = nic_selection::Nic { name: "eth1".to_owned(), ..Default::default() };
    Facts::NicSelection(nic_selection::Facts { candidates: vec![nic], ..Default::default() })
}

pub fn decide(policy: &Policy) -> Evaluation {
    policy.evaluate("{}", &facts())
}

/// Runs the body of a test in a process of its own, where no other test takes memory meanwhile. `test` is its path: `crowd::name`.
pub fn in_own_process(test: &str, body: impl FnOnce()) {
    const MARK: &str = "NICETY_TEST_ALONE";
    if std::env::var_os(MARK).is_some_and(|alone| alone == test) {
        return body();
    }
    let mut own = std::process::Command::new(std::env::current_exe().unwrap());
    let output = own.args([test, "--exact", "--nocapture"]).env(MARK, test).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// Bytes of resident memory that something leaves behind, after a first time for what is kept for the next one: the warm sandbox, the
/// allocator's own.
pub fn left_behind(act: impl Fn()) -> u64 {
    act();
    let before = resident().unwrap();
    act();
    resident().unwrap().saturating_sub(before)
}
