//! Which decisions are kept: those of every present attachment, and the last ones of attachments that are gone or never came to
//! be, so that they can be explained for a while.

use std::collections::BTreeMap;

use nicety_core::{ids::AttachmentKey, record::PodRef};

/// ADDs whose decisions are kept without an attachment.
pub const KEPT: usize = 512;
/// Bytes of JSON that those may have together: what lies on a tmpfs is memory.
pub const KEPT_BYTES: usize = 8 << 20;

/// What finds the decisions of one ADD.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub key: Option<AttachmentKey>,
    pub pod: PodRef,
    /// Steps and the bytes of each.
    steps: BTreeMap<u32, usize>,
    /// Position in the order of dismissal; none while an attachment stands on it.
    dismissed: Option<u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Retention {
    entries: BTreeMap<u64, Entry>,
    /// Position -> ADD; the first is the next to go.
    dismissed: BTreeMap<u64, u64>,
    next_position: u64,
    dismissed_bytes: usize,
}

impl Retention {
    pub fn add(&mut self, id: u64, step: u32, key: Option<&AttachmentKey>, pod: &PodRef, bytes: usize) {
        let next = self.next_position;
        let entry = self.entries.entry(id).or_insert_with(|| Entry {
            key: key.cloned(),
            pod: pod.clone(),
            steps: BTreeMap::new(),
            dismissed: Some(next),
        });
        let before = entry.steps.insert(step, bytes).unwrap_or(0);
        if let Some(position) = entry.dismissed {
            self.dismissed.insert(position, id);
            self.next_position = self.next_position.max(position + 1);
            self.dismissed_bytes = self.dismissed_bytes + bytes - before;
        }
    }

    /// An attachment stands on these decisions.
    pub fn keep(&mut self, id: u64) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if let Some(position) = entry.dismissed.take() {
            self.dismissed.remove(&position);
            self.dismissed_bytes -= entry.bytes();
        }
    }

    /// The attachment is gone.
    pub fn dismiss(&mut self, id: u64) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if entry.dismissed.is_none() {
            entry.dismissed = Some(self.next_position);
            self.dismissed.insert(self.next_position, id);
            self.next_position += 1;
            self.dismissed_bytes += entry.bytes();
        }
    }

    /// Lets go of what is too much, and names it. The last ADD always stays.
    pub fn trim(&mut self) -> Vec<(u64, u32)> {
        let mut gone = Vec::new();
        while self.dismissed.len() > KEPT || (self.dismissed_bytes > KEPT_BYTES && self.dismissed.len() > 1) {
            let Some((_, id)) = self.dismissed.pop_first() else { break };
            let Some(entry) = self.entries.remove(&id) else { continue };
            self.dismissed_bytes -= entry.bytes();
            gone.extend(entry.steps.keys().map(|step| (id, *step)));
        }
        gone
    }

    /// The newest ADD first, its steps in their order.
    pub fn find(&self, matches: impl Fn(Option<&AttachmentKey>, &PodRef) -> bool) -> Vec<(u64, u32)> {
        let found = self.entries.iter().rev().filter(|(_, entry)| matches(entry.key.as_ref(), &entry.pod));
        found.flat_map(|(id, entry)| entry.steps.keys().map(|step| (*id, *step))).collect()
    }

    pub fn steps(&self, id: u64) -> Vec<(u64, u32)> {
        self.entries.get(&id).into_iter().flat_map(|entry| entry.steps.keys().map(|step| (id, *step))).collect()
    }

    pub fn last_id(&self) -> u64 {
        self.entries.last_key_value().map_or(0, |(id, _)| *id)
    }
}

impl Entry {
    fn bytes(&self) -> usize {
        self.steps.values().sum()
    }
}
