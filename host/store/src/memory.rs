//! The mirror of the tables in memory: every question is answered from it, and every change is worked out on it before it is
//! written. It knows nothing of files.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use nicety_core::{
    cluster::underlay::Underlay,
    egress::hold::Hold,
    ids::{AttachmentKey, NetworkName},
    millis::Millis,
    record::{Record, decision::DecisionRecord},
};

use crate::{
    network::{COOLDOWN, Network},
    retention::Retention,
    rows::{Change, KeptDecision, Rows},
    usage::{self, Usage},
};

/// Addresses of a network whose rest is over are swept at most so many per change, so that no ADD pays for a whole network.
const SWEEP: usize = 16;

#[derive(Debug)]
pub(crate) struct Attachment {
    pub record: Arc<Record>,
    pub leases: Vec<(NetworkName, IpAddr)>,
}

#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub attachments: BTreeMap<AttachmentKey, Attachment>,
    pub networks: BTreeMap<NetworkName, Network>,
    pub usage: Usage,
    pub decisions: Retention,
    pub next_decision: u64,
    pub underlay: Arc<Underlay>,
    pub holds: BTreeMap<AttachmentKey, Arc<Hold>>,
    pub egress: BTreeMap<String, Arc<str>>,
    clock: Millis,
}

impl Memory {
    /// Refuses rows that contradict each other: they were never written in one transaction by this crate.
    pub fn new(rows: Rows) -> Result<Memory, String> {
        let Rows { records, leases, cooling, decisions, underlay, holds, egress } = rows;
        let mut memory = Memory { underlay: Arc::new(underlay), ..Memory::default() };
        for record in records {
            usage::add(&mut memory.usage, &record);
            memory.next_decision = memory.next_decision.max(record.decision);
            let key = record.key.clone();
            memory.attachments.insert(key, Attachment { record: Arc::new(record), leases: Vec::new() });
        }
        for (network, address, holder) in leases {
            let Some(attachment) = memory.attachments.get_mut(&holder.key) else {
                return Err(format!(
                    "address `{address}` of network `{network}` is held by `{}`, which has no record",
                    holder.key
                ));
            };
            attachment.leases.push((network.clone(), address));
            memory.networks.entry(network).or_default().hold(address, holder);
        }
        for (network, address, since) in cooling {
            let network = memory.networks.entry(network).or_default();
            if network.is_held(address) {
                return Err(format!("address `{address}` is held and released at once"));
            }
            network.cool(address, since);
            memory.clock = memory.clock.max(since);
        }
        for KeptDecision { id, step, owner, bytes } in decisions {
            memory.decisions.add(id, step, owner.key.as_ref(), &owner.pod, bytes);
        }
        for attachment in memory.attachments.values() {
            memory.decisions.keep(attachment.record.decision);
        }
        memory.next_decision = memory.next_decision.max(memory.decisions.last_id()) + 1;
        // An older daemon that released an attachment did not know of its hold.
        memory.holds = holds.into_iter().map(|(key, hold)| (key, Arc::new(hold))).collect();
        memory.holds.retain(|key, _| memory.attachments.contains_key(key));
        memory.egress = egress.into_iter().map(|(name, text)| (name, text.into())).collect();
        Ok(memory)
    }

    /// The time to reckon with. A clock that is set back by less than the cooldown stands still; by more, what lies in its future
    /// is taken to be now, so that no address rests for longer than the cooldown by the new clock.
    pub fn time(&mut self, now: Millis) -> Millis {
        if now >= self.clock {
            self.clock = now;
        } else if self.clock.since(now) > COOLDOWN {
            self.clock = now;
            self.networks.values_mut().for_each(|network| network.clamp(now));
        }
        self.clock
    }

    pub fn release(&mut self, key: &AttachmentKey, now: Millis, changes: &mut Vec<Change>) -> Option<Arc<Record>> {
        let Attachment { record, leases } = self.attachments.remove(key)?;
        let now = self.time(now);
        for (name, address) in leases {
            if let Some(network) = self.networks.get_mut(&name) {
                network.cool(address, now);
            }
            changes.push(Change::RemoveLease(name.clone(), address));
            changes.push(Change::PutCooling(name, address, now));
        }
        changes.push(Change::RemoveRecord(key.clone()));
        if self.holds.remove(key).is_some() {
            changes.push(Change::RemoveHold(key.clone()));
        }
        usage::subtract(&mut self.usage, &record);
        self.decisions.dismiss(record.decision);
        self.trim(changes);
        self.sweep(now, changes);
        Some(record)
    }

    pub fn remember(&mut self, decision: &DecisionRecord, json: Vec<u8>, changes: &mut Vec<Change>) {
        let DecisionRecord { id, step, key, pod, .. } = decision;
        self.decisions.add(*id, *step, key.as_ref(), pod, json.len());
        let attachment = key.as_ref().and_then(|key| self.attachments.get(key));
        if attachment.is_some_and(|attachment| attachment.record.decision == *id) {
            self.decisions.keep(*id);
        }
        self.next_decision = self.next_decision.max(id + 1);
        changes.push(Change::PutDecision { id: *id, step: *step, json });
        self.trim(changes);
    }

    /// Drops the rows of addresses that have rested long enough.
    pub fn sweep(&mut self, now: Millis, changes: &mut Vec<Change>) {
        for (name, network) in &mut self.networks {
            let rested = network.expire(now, SWEEP);
            changes.extend(rested.into_iter().map(|address| Change::RemoveCooling(name.clone(), address)));
        }
    }

    fn trim(&mut self, changes: &mut Vec<Change>) {
        changes.extend(self.decisions.trim().into_iter().map(|(id, step)| Change::RemoveDecision { id, step }));
    }

    pub fn replace(&mut self, record: Arc<Record>) {
        let Some(attachment) = self.attachments.get_mut(&record.key) else { return };
        usage::subtract(&mut self.usage, &attachment.record);
        usage::add(&mut self.usage, &record);
        attachment.record = record;
    }
}
