//! What has still to be said to the API: bounded, one item for each key (the newest), each tried again with ever longer waits. Who
//! puts something in never waits.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until, timeout_at},
};

use crate::mirror::jittered;

const FIRST: Duration = Duration::from_secs(1);
/// While nobody answers. One of all that waits finds out that somebody does again.
const LONGEST: Duration = Duration::from_secs(20);
const LONGEST_REFUSED: Duration = Duration::from_secs(60);
/// What has waited for somebody to answer is sent at this pace: a whole cluster comes back at once.
const APART: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub struct Outbox<K, V> {
    waiting: Mutex<BTreeMap<K, Item<V>>>,
    room: usize,
    news: Notify,
    lost: AtomicU64,
    /// Nobody answered the last one.
    away: AtomicBool,
}

#[derive(Debug, Clone)]
pub struct Item<V> {
    pub what: V,
    tries: u32,
    due: Instant,
    last: Sent,
}

/// How an item fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It is said, or nobody is there any more to whom it matters.
    Done,
    /// Somebody answers, and does not take it.
    Refused,
    /// Nobody answers, or nobody who can say.
    Away,
}

impl From<&kube::Error> for Sent {
    fn from(error: &kube::Error) -> Sent {
        match error {
            kube::Error::Api(status) if status.code < 500 && status.code != 429 => Sent::Refused,
            _ => Sent::Away,
        }
    }
}

impl<K: Ord + Clone, V> Outbox<K, V> {
    pub fn new(room: usize) -> Outbox<K, V> {
        Outbox {
            waiting: Mutex::default(),
            room,
            news: Notify::new(),
            lost: AtomicU64::new(0),
            away: AtomicBool::new(false),
        }
    }

    /// In the place of what waits under the key. Without room it is counted as lost.
    pub fn put(&self, key: K, what: V) {
        let mut waiting = self.waiting();
        if waiting.len() >= self.room && !waiting.contains_key(&key) {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.insert(key, Item { what, tries: 0, due: Instant::now(), last: Sent::Done });
        drop(waiting);
        self.news.notify_one();
    }

    /// The next one whose time has come.
    pub async fn next(&self) -> (K, Item<V>) {
        loop {
            let now = Instant::now();
            let next = {
                let mut waiting = self.waiting();
                let due = waiting.iter().min_by_key(|(_, item)| item.due).map(|(key, item)| (key.clone(), item.due));
                match due {
                    Some((key, due)) if due <= now => {
                        let item = waiting.remove(&key).map(|item| (key, item));
                        // Whoever else waits looks at what is left.
                        self.news.notify_one();
                        item.ok_or(None)
                    }
                    due => Err(due.map(|(_, due)| due)),
                }
            };
            match next {
                Ok(item) => return item,
                Err(Some(due)) => {
                    // Cancel-safe: news that is not taken here is taken by the next look.
                    if timeout_at(due, self.news.notified()).await.is_err() {
                        sleep_until(due).await;
                    }
                }
                Err(None) => self.news.notified().await,
            }
        }
    }

    /// What was not taken goes back into the queue, unless something newer is there under its key.
    pub fn ended(&self, key: K, item: Item<V>, sent: Sent) {
        if self.away.swap(sent == Sent::Away, Ordering::Relaxed) && sent != Sent::Away {
            self.hurry();
        }
        let longest = match sent {
            Sent::Done => return,
            Sent::Refused => LONGEST_REFUSED,
            Sent::Away => LONGEST,
        };
        let due = Instant::now() + jittered(wait(item.tries, longest));
        let again = Item { tries: item.tries.saturating_add(1), due, last: sent, ..item };
        let mut waiting = self.waiting();
        if waiting.len() >= self.room && !waiting.contains_key(&key) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        } else {
            waiting.entry(key).or_insert(again);
        }
    }

    /// Somebody answers again: what waits because nobody did need not wait out its time.
    fn hurry(&self) {
        let now = Instant::now();
        let mut waiting = self.waiting();
        for (place, item) in (1..).zip(waiting.values_mut().filter(|item| item.last == Sent::Away)) {
            item.due = item.due.min(now + APART.saturating_mul(place));
        }
    }

    /// So many had no room.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    pub fn len(&self) -> usize {
        self.waiting().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<K, Item<V>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait(tries: u32, longest: Duration) -> Duration {
    FIRST.saturating_mul(2_u32.saturating_pow(tries.min(16))).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_of_a_key_is_sent_and_a_full_box_loses_what_is_new() {
        let outbox = Outbox::new(2);
        outbox.put("a", 1);
        outbox.put("a", 2);
        outbox.put("b", 3);
        outbox.put("c", 4);
        assert_eq!((outbox.len(), outbox.lost()), (2, 1));
        let mut sent = vec![outbox.next().await.1.what, outbox.next().await.1.what];
        sent.sort();
        assert_eq!(sent, [2, 3]);
    }

    #[test]
    fn what_failed_waits_longer_each_time_up_to_a_bound() {
        let waits = |longest| -> Vec<u64> { (0..8).map(|tries| wait(tries, longest).as_secs()).collect() };
        assert_eq!(waits(LONGEST_REFUSED), [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(waits(LONGEST), [1, 2, 4, 8, 16, 20, 20, 20]);
        assert_eq!(wait(u32::MAX, LONGEST), LONGEST);
    }

    #[tokio::test]
    async fn the_first_answer_after_silence_hurries_all_that_waited_for_it_and_nothing_else() {
        let outbox = Outbox::new(8);
        for key in ["a", "b", "c", "refused"] {
            outbox.put(key, ());
        }
        let mut last = None;
        for _ in 0..4 {
            let (key, item) = outbox.next().await;
            let sent = if key == "refused" { Sent::Refused } else { Sent::Away };
            // As after many tries.
            outbox.ended(key, Item { tries: 9, ..item.clone() }, sent);
            last = Some(item);
        }
        outbox.ended("c", last.unwrap(), Sent::Away);
        let begun = Instant::now();
        outbox.put("news", ());
        let (key, item) = outbox.next().await;
        outbox.ended(key, item, Sent::Done);
        let mut came = Vec::new();
        for _ in 0..3 {
            came.push(outbox.next().await.0);
        }
        assert_eq!((came, begun.elapsed() < FIRST), (vec!["a", "b", "c"], true));
        assert!(timeout_at(begun + FIRST, outbox.next()).await.is_err(), "a refusal waits on");
    }

    #[tokio::test]
    async fn what_failed_is_not_tried_at_once_and_not_forgotten() {
        let outbox = Outbox::new(2);
        outbox.put("a", 1);
        let (key, item) = outbox.next().await;
        outbox.ended(key, item, Sent::Away);
        assert!(tokio::time::timeout(Duration::from_millis(100), outbox.next()).await.is_err());
        assert_eq!(outbox.len(), 1);
    }

    #[tokio::test]
    async fn news_overtakes_what_waits_to_be_tried_again() {
        let outbox = std::sync::Arc::new(Outbox::new(4));
        outbox.put("a", 1);
        let (key, item) = outbox.next().await;
        outbox.ended(key, item, Sent::Away);
        let waiting = tokio::spawn({
            let outbox = outbox.clone();
            async move { outbox.next().await.0 }
        });
        tokio::task::yield_now().await;
        outbox.put("b", 2);
        assert_eq!(waiting.await.unwrap(), "b");
        assert_eq!(outbox.next().await.0, "a");
    }
}
