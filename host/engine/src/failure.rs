//! From wasmtime's errors to the failures that core names.

use nicety_core::evaluate::Failure;
use wasmtime::{PoolConcurrencyLimitError, Trap};

use crate::limits::Limits;

/// wasmtime keeps the type of this error to itself; the hostile tests notice when its text changes.
const TOO_MUCH_LIFTED: &str = "fuel allocated for hostcalls has been exhausted";

/// `output` is the bound that was in force for the answer; `starved` says that the policy was refused memory before.
pub(crate) fn of(error: &wasmtime::Error, limits: &Limits, output: u64, starved: bool) -> Failure {
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => return Failure::Fuel { limit: limits.fuel },
        Some(Trap::Interrupt) => return Failure::Deadline { milliseconds: limits.milliseconds },
        Some(Trap::StackOverflow) => return Failure::Stack,
        _ => {}
    }
    if starved {
        return Failure::Memory { bytes: limits.memory };
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return Failure::Trap { message: trap.to_string().trim_start_matches("wasm trap: ").to_owned() };
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return Failure::Busy { milliseconds: 0 };
    }
    let root = error.root_cause().to_string();
    if root.contains(TOO_MUCH_LIFTED) {
        return Failure::Output { bytes: output };
    }
    Failure::Contract { message: root.lines().next().unwrap_or_default().to_owned() }
}
