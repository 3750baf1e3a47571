//! A counting semaphore in front of the pool of sandboxes: an empty pool is an error, and a queue is not.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

#[derive(Debug)]
pub(crate) struct Slots {
    free: Mutex<u32>,
    returned: Condvar,
}

/// The right to one sandbox, given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot<'a>(&'a Slots);

impl Slots {
    pub(crate) fn new(count: u32) -> Slots {
        Slots { free: Mutex::new(count), returned: Condvar::new() }
    }

    /// None when no sandbox came free within `wait`; a `wait` of zero only tries.
    pub(crate) fn acquire(&self, wait: Duration) -> Option<Slot<'_>> {
        let (mut free, _) = self
            .returned
            .wait_timeout_while(self.free(), wait, |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        *free = free.checked_sub(1)?;
        Some(Slot(self))
    }

    /// A count stays true whatever happened to the thread that held the lock.
    fn free(&self) -> MutexGuard<'_, u32> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *self.0.free() += 1;
        self.0.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_that_is_given_back_is_free_again() {
        let slots = Slots::new(1);
        let held = slots.acquire(Duration::ZERO).unwrap();
        assert!(slots.acquire(Duration::ZERO).is_none());
        drop(held);
        assert!(slots.acquire(Duration::ZERO).is_some());
    }

    #[test]
    fn one_that_waits_gets_the_slot_that_comes_free() {
        let slots = Slots::new(1);
        let held = slots.acquire(Duration::ZERO).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| slots.acquire(Duration::from_secs(60)).is_some());
            drop(held);
            assert!(waiting.join().unwrap());
        });
    }
}
