//! The loop of egress, beside that of blocks: wait until changes have settled, let a thread of its own compute, start the writes. A
//! distribution of many pods holds up neither blocks nor the writes that are under way.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use nicety_k8s::{Failure, WriteError, Writer, chain, lease::Role};
use tokio::{
    sync::watch,
    task::{self, JoinHandle, JoinSet},
    time::sleep_until,
};
use tracing::{debug, info, warn};

use super::{
    brain::{Brain, Looked},
    metrics::EgressMetrics,
    settle::{Heard, Settling},
    shadows::{Decided, Shadows},
    world::EgressWorld,
};
use crate::{
    run::carry_out,
    write::{Outcome, Write},
};

/// Writes that are started and have not ended.
const UNDER_WAY: usize = 256;
/// So many failures in a row are not those of objects.
const OUTAGE: usize = 8;
/// After an outage nothing is computed or tried before.
const PAUSE: Duration = Duration::from_secs(5);

pub struct Egress {
    pub world: EgressWorld,
    pub writer: Writer,
    pub role: watch::Receiver<Role>,
    pub metrics: Arc<EgressMetrics>,
    pub settling: Settling,
    pub brain: Brain,
}

/// What the loop keeps while a thread computes.
struct Desk {
    heard: Heard,
    /// Not started yet, most urgent first.
    waiting: VecDeque<Write>,
    /// By key.
    under_way: BTreeMap<String, task::Id>,
    /// Keys of writes that were not started because an older one of the same object was under way.
    again: BTreeSet<String>,
    ended: Vec<(String, Result<(), (Failure, String)>)>,
    failures_in_a_row: usize,
    announced: Vec<&'static str>,
    /// When a computation wanted to be made again.
    wake: Option<Instant>,
}

type Ended = (Write, Result<Outcome, WriteError>);

impl Egress {
    pub async fn run(self) {
        let Egress { world, writer, mut role, metrics, settling, brain } = self;
        let mut desk = Desk {
            heard: Heard::default(),
            waiting: VecDeque::new(),
            under_way: BTreeMap::new(),
            again: BTreeSet::new(),
            ended: Vec::new(),
            failures_in_a_row: 0,
            announced: Vec::new(),
            wake: None,
        };
        let shadows = Shadows::new(brain.deciding(), metrics.clone());
        let mut asked = Decided::new();
        let mut writes: JoinSet<Ended> = JoinSet::new();
        let mut home = Some(brain);
        let mut away: Option<JoinHandle<(Brain, Looked)>> = None;
        loop {
            let now = Instant::now();
            if desk.wake.is_some_and(|wake| wake <= now) {
                desk.wake = None;
                desk.heard.change(now);
            }
            if away.is_none()
                && desk.heard.due(settling).is_some_and(|due| due <= now)
                && let Some(mut brain) = home.take()
            {
                desk.heard.take(settling, now);
                let leads = *role.borrow_and_update() == Role::Leader;
                if !leads {
                    brain.forget();
                    desk.waiting.clear();
                    home = Some(brain);
                } else if desk.is_missing(&world) {
                    home = Some(brain);
                } else {
                    metrics.looked();
                    let (world, ended) = (world.clone(), std::mem::take(&mut desk.ended));
                    away = Some(task::spawn_blocking(move || {
                        let looked = brain.look(&world.snapshot(), ended);
                        (brain, looked)
                    }));
                }
            }
            desk.start(&mut writes, &writer, &role);
            shadows.offer(std::mem::take(&mut asked));
            let at = [desk.wake, if away.is_none() { desk.heard.due(settling) } else { None }];
            let timer = async {
                match at.into_iter().flatten().min() {
                    Some(at) => sleep_until(tokio::time::Instant::from_std(at)).await,
                    None => std::future::pending().await,
                }
            };
            let computed = async {
                match away.as_mut() {
                    Some(handle) => handle.await,
                    None => std::future::pending().await,
                }
            };
            // All arms may be dropped and taken up anew: a notification, an ended task and its result are kept until they are taken.
            tokio::select! {
                () = world.changed() => desk.heard.change(Instant::now()),
                () = timer => (),
                Ok(()) = role.changed() => desk.heard.change(Instant::now()),
                Some(ended) = writes.join_next() => desk.ended(&world, &metrics, ended),
                computed = computed => {
                    away = None;
                    match computed {
                        Ok((brain, looked)) => {
                            asked = desk.looked(&metrics, looked);
                            home = Some(brain);
                        }
                        // What it knew is gone with it; another replica, or the next start, reads it from the slices.
                        Err(error) => return warn!(%error, "a computation ended in a panic"),
                    }
                }
            }
        }
    }
}

impl Desk {
    fn is_missing(&mut self, world: &EgressWorld) -> bool {
        let missing = world.missing();
        if missing != self.announced && !missing.is_empty() {
            info!(?missing, "these kinds are waited for before gateways are distributed");
        }
        self.announced = missing;
        !self.announced.is_empty()
    }

    /// Returns whom to ask as well.
    fn looked(&mut self, metrics: &EgressMetrics, looked: Looked) -> Decided {
        let Looked { writes, took, recomputed, moves: _, tally, shadows, wake } = looked;
        self.heard.looked(Instant::now(), took);
        if let Some(moved) = recomputed {
            metrics.recomputed(took, moved);
        }
        metrics.tell(tally);
        self.waiting = writes.into();
        self.wake = wake;
        shadows
    }

    fn start(&mut self, writes: &mut JoinSet<Ended>, writer: &Writer, role: &watch::Receiver<Role>) {
        // After an outage one write asks whether it is over.
        let room = if self.failures_in_a_row >= OUTAGE { 1 } else { UNDER_WAY };
        while self.under_way.len() < room
            && let Some(write) = self.waiting.pop_front()
        {
            if self.under_way.contains_key(&write.key) {
                self.again.insert(write.key);
                continue;
            }
            let (key, writer, role) = (write.key.clone(), writer.clone(), role.clone());
            let task = writes.spawn(async move {
                let outcome = carry_out(&write, &writer, role).await;
                (write, outcome)
            });
            self.under_way.insert(key, task.id());
        }
    }

    fn ended(&mut self, world: &EgressWorld, metrics: &EgressMetrics, ended: Result<Ended, task::JoinError>) {
        let now = Instant::now();
        let (write, outcome) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                warn!(%error, "a write ended in a panic");
                self.under_way.retain(|_, task| *task != error.id());
                return self.heard.change(now);
            }
        };
        self.under_way.remove(&write.key);
        if self.again.remove(&write.key) {
            self.heard.change(now);
        }
        metrics.wrote(outcome.is_ok());
        let told = match outcome {
            Ok(outcome) => {
                self.failures_in_a_row = 0;
                match outcome {
                    Outcome::Is(object) => world.put(*object),
                    Outcome::Done | Outcome::Stays => debug!(key = write.key, "written"),
                }
                Ok(())
            }
            Err(error) => {
                let message = chain(&error);
                warn!(key = write.key, error = message, "a write failed");
                self.failures_in_a_row = if error.failure == Failure::Away { self.failures_in_a_row + 1 } else { 0 };
                // What failed is tried again by a computation, of what is wanted then.
                if self.failures_in_a_row < OUTAGE {
                    self.heard.change(now);
                } else {
                    self.waiting.clear();
                    self.wake = Some(now + PAUSE);
                }
                Err((error.failure, message))
            }
        };
        self.ended.push((write.key, told));
    }
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress").field("settling", &self.settling).finish_non_exhaustive()
    }
}
