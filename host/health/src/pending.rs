//! Probes that wait for their answers.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::oneshot;

use crate::packet::Ticket;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pending(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// A stranger who does not see our packets cannot guess it.
    process: u64,
    next: AtomicU64,
    waiting: Mutex<BTreeMap<u64, oneshot::Sender<()>>>,
}

/// One probe. Forgotten when this goes.
#[derive(Debug)]
pub struct Waiting {
    pub ticket: Ticket,
    answer: oneshot::Receiver<()>,
    pending: Pending,
}

impl Default for Pending {
    fn default() -> Pending {
        let process = random();
        Pending(Arc::new(Inner { process, next: AtomicU64::new(0), waiting: Mutex::default() }))
    }
}

/// Any 64 bits. The standard library's tables are keyed at random.
pub fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}

impl Pending {
    pub fn expect(&self) -> Waiting {
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        self.waiting().insert(number, sender);
        Waiting { ticket: Ticket { process: self.0.process, number }, answer, pending: self.clone() }
    }

    /// An answer to nothing that waits is nothing.
    pub fn arrived(&self, ticket: Ticket) {
        if ticket.process != self.0.process {
            return;
        }
        if let Some(sender) = self.waiting().remove(&ticket.number) {
            // Who waited may be gone.
            let _ = sender.send(());
        }
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<u64, oneshot::Sender<()>>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    pub async fn answered(&mut self) {
        if (&mut self.answer).await.is_err() {
            // The sender lives in the table as long as this does.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.pending.waiting().remove(&self.ticket.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_answer_to_its_own_probe_wakes_one_that_waits() {
        let pending = Pending::default();
        let (mut first, second) = (pending.expect(), pending.expect());
        pending.arrived(Ticket { process: first.ticket.process ^ 1, ..first.ticket });
        pending.arrived(second.ticket);
        assert_eq!(pending.waiting().len(), 1);
        pending.arrived(first.ticket);
        first.answered().await;
        drop((first, second));
        let third = pending.expect();
        assert_eq!(pending.waiting().len(), 1);
        drop(third);
        assert!(pending.waiting().is_empty());
    }
}
