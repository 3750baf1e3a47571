//! One engine for all tests of this binary, and the guests that the build script has made.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use nicety_core::{
    evaluate::{Evaluation, Evaluator},
    facts::{Facts, nic_selection},
};
use nicety_engine::{CompileCommand, Engine, EngineConfig, LoadError, Policy};

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

/// Resident memory of this process, in KiB.
pub fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
