//! What the host keeps of one running policy: how much memory it may still take, and what it logged.

use nicety_core::evaluate::{Level, LogLine};
use wasmtime::{ResourceLimiter, StoreContextMut, component::WasmStr};

use crate::{
    bindings::nicety::policy::log::Level as WireLevel,
    limits::Limits,
    settings::{MEMORIES_PER_POLICY, MODULES_PER_POLICY, TABLE_ELEMENTS, TABLES_PER_POLICY},
};

/// What a log line costs besides its text, so that a flood of empty ones ends too.
const LINE_BYTES: u64 = 32;

/// The state of a store.
#[derive(Debug)]
pub(crate) struct Sandbox {
    /// What all memories of the policy together may still take, in bytes.
    pub(crate) memory_left: u64,
    /// Bytes granted last, in case wasmtime then cannot provide them.
    granted: u64,
    /// True once the policy was refused memory or table elements: a trap that follows is put down to that.
    pub(crate) starved: bool,
    log: Vec<LogLine>,
    log_left: u64,
    log_dropped: u64,
}

impl Sandbox {
    pub(crate) fn new(limits: &Limits) -> Sandbox {
        Sandbox {
            memory_left: limits.memory,
            granted: 0,
            starved: false,
            log: Vec::new(),
            log_left: limits.log_bytes,
            log_dropped: 0,
        }
    }

    /// The lines in order; the last one says how many were dropped, when some were.
    pub(crate) fn into_log(mut self) -> Vec<LogLine> {
        if self.log_dropped > 0 {
            let message = format!("{} more log lines were dropped: the policy's log is full", self.log_dropped);
            self.log.push(LogLine { level: Level::Warn, message });
        }
        self.log
    }

    /// The whole cost of a line, or None when it does not fit; from then on none does, so that no gap hides between lines.
    fn charge(&mut self, bytes: u64) -> Option<()> {
        match self.log_left.checked_sub(bytes.saturating_add(LINE_BYTES)).filter(|_| self.log_dropped == 0) {
            Some(left) => {
                self.log_left = left;
                Some(())
            }
            None => {
                self.log_dropped += 1;
                None
            }
        }
    }
}

/// `log.emit`. The text stays in the guest until it is known to fit.
pub(crate) fn emit(
    mut store: StoreContextMut<'_, Sandbox>,
    (level, text): (WireLevel, WasmStr),
) -> wasmtime::Result<()> {
    let level = match level {
        WireLevel::Debug => Level::Debug,
        WireLevel::Info => Level::Info,
        WireLevel::Warn => Level::Warn,
    };
    let left = store.data().log_left;
    let message = text.to_str(&store)?;
    let bytes = message.len() as u64;
    let message = (bytes <= left).then(|| message.into_owned());
    let sandbox = store.data_mut();
    if let (Some(()), Some(message)) = (sandbox.charge(bytes), message) {
        sandbox.log.push(LogLine { level, message });
    }
    Ok(())
}

impl ResourceLimiter for Sandbox {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current) as u64;
        let left = self.memory_left.checked_sub(more);
        self.starved |= left.is_none();
        if let Some(left) = left {
            (self.memory_left, self.granted) = (left, more);
        }
        Ok(left.is_some())
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.starved = true;
        self.memory_left = self.memory_left.saturating_add(std::mem::take(&mut self.granted));
        Ok(())
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired <= TABLE_ELEMENTS;
        self.starved |= !fits;
        Ok(fits)
    }

    fn instances(&self) -> usize {
        MODULES_PER_POLICY as usize
    }

    fn tables(&self) -> usize {
        TABLES_PER_POLICY as usize
    }

    fn memories(&self) -> usize {
        MEMORIES_PER_POLICY as usize
    }
}

#[cfg(test)]
mod tests {
    use nicety_core::facts::Kind;

    use super::*;

    #[test]
    fn a_full_log_says_how_much_is_missing() {
        let mut sandbox = Sandbox::new(&Limits { log_bytes: 100, ..Limits::of(Kind::Attach) });
        assert_eq!(sandbox.charge(60), Some(()));
        assert_eq!(sandbox.charge(60), None);
        assert_eq!(sandbox.charge(0), None, "a short line after a dropped one would hide the gap");
        let log = sandbox.into_log();
        assert_eq!(log.len(), 1);
        assert!(log[0].message.contains("2 more log lines"), "{}", log[0].message);
    }

    #[test]
    fn the_memories_of_a_policy_share_its_limit() {
        let mut sandbox = Sandbox::new(&Limits { memory: 100, ..Limits::of(Kind::Attach) });
        let mut grows = |current, desired| sandbox.memory_growing(current, desired, None).unwrap();
        assert!(grows(0, 40) && grows(0, 40) && !grows(0, 40) && grows(40, 60));
        assert!(!grows(40, 41), "nothing is left");
        assert!(sandbox.starved);
        sandbox.memory_grow_failed(wasmtime::Error::msg("no memory")).unwrap();
        assert!(sandbox.memory_growing(40, 60, None).unwrap(), "what was not provided after all is given back, once");
    }
}
