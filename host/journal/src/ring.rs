//! The last records in memory, as the lines that they are on disk.

use std::{collections::VecDeque, sync::Arc};

use nicety_core::{
    ids::AttachmentKey,
    record::{PodRef, decision::DecisionRecord},
};

use crate::bounds::Bounds;

#[derive(Debug)]
pub(crate) struct Entry {
    pub id: u64,
    pub key: Option<AttachmentKey>,
    pub pod: PodRef,
    line: Arc<Vec<u8>>,
}

#[derive(Debug, Default)]
pub(crate) struct Ring {
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Ring {
    /// The oldest go until both bounds hold; the last record stays, however large.
    pub fn push(&mut self, record: &DecisionRecord, line: Arc<Vec<u8>>, bounds: &Bounds) {
        let DecisionRecord { id, key, pod, .. } = record;
        self.bytes += line.len();
        self.entries.push_back(Entry { id: *id, key: key.clone(), pod: pod.clone(), line });
        let full = |ring: &Ring| ring.entries.len() > bounds.ring_records || ring.bytes > bounds.ring_bytes;
        while self.entries.len() > 1 && full(self) {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.line.len();
        }
    }

    pub fn lines(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<Arc<Vec<u8>>> {
        self.entries.iter().filter(|entry| wanted(entry)).map(|entry| entry.line.clone()).collect()
    }
}
