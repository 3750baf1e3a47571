//! Decisions as they are remembered, so that a caller can ask why.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use nicety_core::{millis::Millis, record::decision::DecisionRecord};
use nicety_journal::Journal;

pub trait Records: Send + Sync + fmt::Debug {
    /// Remembers the runs of one decision and gives them their common id. `bytes` is about what they hold.
    fn keep(&self, runs: Vec<DecisionRecord>, bytes: usize) -> u64;

    /// Adds what candidates said of a decision, once they were asked; of one that is forgotten only the journal keeps it.
    fn also(&self, id: u64, runs: Vec<DecisionRecord>);

    /// In the order of the runs; nothing when the decision is not, or no longer, remembered.
    fn of(&self, id: u64) -> Option<Arc<Vec<DecisionRecord>>>;
}

/// Remembers the last decisions in memory: so many, and of so many bytes; and all of them on disk where there is a journal.
#[derive(Debug)]
pub struct Ring {
    decisions: usize,
    bytes: usize,
    held: Mutex<Held>,
    journal: Option<Arc<Journal>>,
}

/// More than decisions; ids stay below 2^53, which every reader of JSON takes.
const IDS_PER_MILLISECOND: u64 = 1000;

#[derive(Debug, Default)]
struct Held {
    last: u64,
    bytes: usize,
    /// Ascending by id, without gaps.
    decisions: VecDeque<(u64, usize, Arc<Vec<DecisionRecord>>)>,
}

impl Ring {
    /// Ids ascend from one that is higher than those of a process that was started earlier, as long as clocks go forward.
    pub fn new(decisions: usize, bytes: usize, start: Millis, journal: Option<Arc<Journal>>) -> Ring {
        let held = Held { last: start.0.saturating_mul(IDS_PER_MILLISECOND), ..Held::default() };
        Ring { decisions, bytes, held: Mutex::new(held), journal }
    }
}

impl Records for Ring {
    fn keep(&self, mut runs: Vec<DecisionRecord>, bytes: usize) -> u64 {
        let mut forgotten = Vec::new();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.last += 1;
        let id = held.last;
        runs.iter_mut().for_each(|run| run.id = id);
        held.bytes = held.bytes.saturating_add(bytes);
        let runs = Arc::new(runs);
        held.decisions.push_back((id, bytes, runs.clone()));
        // The newest stays, whatever it holds: its caller may ask for it.
        while held.decisions.len() > 1 && (held.decisions.len() > self.decisions || held.bytes > self.bytes) {
            let Some((_, bytes, runs)) = held.decisions.pop_front() else { break };
            held.bytes = held.bytes.saturating_sub(bytes);
            forgotten.push(runs);
        }
        drop(held);
        // Freed here, where nobody waits for the lock.
        drop(forgotten);
        self.journal.iter().for_each(|journal| journal.append(runs.iter()));
        id
    }

    fn also(&self, id: u64, mut runs: Vec<DecisionRecord>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let place = held.decisions.binary_search_by_key(&id, |(id, _, _)| *id).ok();
        let mut decision = place.and_then(|place| held.decisions.get_mut(place));
        let first = decision.as_ref().map_or(0, |(_, _, runs)| runs.len());
        for (step, run) in (u32::try_from(first).unwrap_or(u32::MAX)..).zip(&mut runs) {
            (run.id, run.step) = (id, step);
        }
        if let Some((_, _, kept)) = &mut decision {
            Arc::make_mut(kept).extend(runs.iter().cloned());
        }
        drop(held);
        self.journal.iter().for_each(|journal| journal.append(runs.iter()));
    }

    fn of(&self, id: u64) -> Option<Arc<Vec<DecisionRecord>>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let first = held.decisions.front()?.0;
        let place = usize::try_from(id.checked_sub(first)?).ok()?;
        held.decisions.get(place).map(|(_, _, runs)| runs.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_starts_later_gives_higher_ids() {
        let first = |start| Ring::new(3, 100, Millis(start), None).keep(Vec::new(), 0);
        assert!(first(1_800_000_000_001) > first(1_800_000_000_000));
        assert!(first(4_000_000_000_000) < 1 << 53);
    }

    #[test]
    fn the_oldest_decisions_are_forgotten_by_number_and_by_size() {
        let ring = Ring::new(3, 100, Millis(0), None);
        let ids: Vec<u64> = [10, 10, 10, 10].map(|bytes| ring.keep(Vec::new(), bytes)).into();
        assert_eq!(ids, [1, 2, 3, 4]);
        assert!(ring.of(1).is_none() && ring.of(2).is_some() && ring.of(4).is_some() && ring.of(5).is_none());
        ring.keep(Vec::new(), 85);
        assert!(ring.of(3).is_none() && ring.of(4).is_some() && ring.of(5).is_some());
        ring.keep(Vec::new(), 1000);
        assert!(ring.of(5).is_none() && ring.of(6).is_some());
    }
}
