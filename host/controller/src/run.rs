//! The loop: wait for a change, look at the whole cluster, start the writes that it needs. Writes run beside it, so that one that hangs
//! holds up nothing but its own object.

use std::{
    collections::BTreeMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use k8s_openapi::jiff::Timestamp;
use nicety_k8s::{Backoff, Failure, WriteError, Writer, chain, lease::Role};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, sleep_until},
};
use tracing::{debug, info, warn};

use crate::{
    force::InForce,
    look::{Now, Settings, look},
    metrics::Metrics,
    patience::Patience,
    promises::Promises,
    world::World,
    write::{Outcome, Write},
};

/// Changes that come together are looked at together.
const GATHER: Duration = Duration::from_millis(20);
/// A look at a large cluster takes some milliseconds; this bounds its share of the processor.
const APART: u32 = 3;
/// Writes that are started and have not ended. The rest is computed again, of what is there then.
const UNDER_WAY: usize = 512;
/// So many failures in a row are not those of objects.
const OUTAGE: usize = 8;

pub struct Controller {
    pub world: World,
    pub writer: Writer,
    pub settings: Settings,
    pub role: watch::Receiver<Role>,
    pub metrics: Arc<Metrics>,
}

impl fmt::Debug for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Controller").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What is remembered from look to look.
struct Memory {
    force: BTreeMap<String, InForce>,
    patience: Patience,
    promises: Promises,
    failures_in_a_row: usize,
    outage: Backoff,
    /// No write starts before.
    not_before: Option<Instant>,
}

type Ended = (Write, Result<Outcome, WriteError>);

impl Controller {
    pub async fn run(mut self) {
        let mut memory = Memory {
            force: BTreeMap::new(),
            patience: Patience::default(),
            promises: Promises::default(),
            failures_in_a_row: 0,
            outage: Backoff::new(Duration::from_millis(500), Duration::from_secs(30)),
            not_before: None,
        };
        let mut writes: JoinSet<Ended> = JoinSet::new();
        let mut announced: Option<Vec<&'static str>> = None;
        loop {
            let started = Instant::now();
            self.round(&mut memory, &mut writes, &mut announced);
            let took = started.elapsed();
            self.metrics.looked(took);
            sleep(GATHER.max(took * APART)).await;
            self.wait(&mut memory, &mut writes).await;
        }
    }

    /// One look and the start of its writes.
    fn round(&mut self, memory: &mut Memory, writes: &mut JoinSet<Ended>, announced: &mut Option<Vec<&'static str>>) {
        if *self.role.borrow_and_update() != Role::Leader {
            return memory.promises.forget();
        }
        let snapshot = match self.world.snapshot() {
            Ok(snapshot) => snapshot,
            Err(missing) => {
                if announced.as_ref() != Some(&missing) {
                    info!(?missing, "these kinds are waited for");
                }
                return *announced = Some(missing);
            }
        };
        *announced = None;
        let instant = Instant::now();
        let text = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default().to_string();
        let now = Now { instant, text };
        let seen = look(&snapshot, &memory.force, &memory.promises.all(), &mut memory.patience, &self.settings, &now);
        memory.force = seen.force;
        memory.promises.keep(&seen.doubted);
        self.metrics.tell(seen.tally, memory.patience.failures().count());
        if let Some(not_before) = memory.not_before.filter(|not_before| *not_before > instant) {
            return memory.patience.wake_at(not_before);
        }
        memory.not_before = None;
        // After an outage one write asks whether it is over.
        let room = if memory.failures_in_a_row >= OUTAGE { 1 } else { UNDER_WAY };
        for write in seen.writes {
            if memory.promises.under_way() >= room {
                break;
            }
            if memory.promises.is_under_way(&write.key) {
                continue;
            }
            let (writer, role, started) = (self.writer.clone(), self.role.clone(), write.clone());
            let task = writes.spawn(async move {
                let outcome = carry_out(&write, &writer, role).await;
                (write, outcome)
            });
            memory.promises.started(&started, task.id());
        }
    }

    /// Until there is something to look at.
    async fn wait(&mut self, memory: &mut Memory, writes: &mut JoinSet<Ended>) {
        let wake = memory.patience.wake().map(tokio::time::Instant::from_std);
        let timer = async {
            match wake {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        // All arms may be dropped and taken up anew: a notification and an ended task are kept until they are taken.
        tokio::select! {
            () = self.world.changed() => (),
            () = timer => (),
            Ok(()) = self.role.changed() => (),
            Some(ended) = writes.join_next() => self.ended(memory, ended),
        }
        while let Some(ended) = writes.try_join_next() {
            self.ended(memory, ended);
        }
    }

    fn ended(&self, memory: &mut Memory, ended: Result<Ended, tokio::task::JoinError>) {
        let (write, outcome) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                warn!(%error, "a write ended in a panic");
                return memory.promises.panicked(error.id());
            }
        };
        memory.promises.ended(&write, &outcome);
        self.metrics.wrote(outcome.is_ok());
        match outcome {
            Ok(outcome) => {
                memory.failures_in_a_row = 0;
                memory.outage.reset();
                memory.patience.succeeded(&write.key);
                match outcome {
                    Outcome::Is(object) => self.world.put(*object),
                    Outcome::Done | Outcome::Stays => debug!(key = write.key, "written"),
                }
            }
            Err(error) => {
                let message = chain(&error);
                let now = Instant::now();
                if error.failure == Failure::Away {
                    memory.failures_in_a_row += 1;
                    if memory.failures_in_a_row >= OUTAGE && memory.not_before.is_none_or(|at| at <= now) {
                        let pause = memory.outage.next();
                        warn!(error = message, ?pause, "the server fails; writes pause");
                        memory.not_before = Some(now + pause);
                    }
                } else {
                    memory.failures_in_a_row = 0;
                }
                warn!(key = write.key, error = message, "a write failed");
                memory.patience.failed(&write.key, write.network, error.failure, message, now);
            }
        }
    }
}

/// Between the look and its turn, another may have become the leader.
pub(crate) async fn carry_out(
    write: &Write,
    writer: &Writer,
    role: watch::Receiver<Role>,
) -> Result<Outcome, WriteError> {
    if *role.borrow() != Role::Leader {
        return Ok(Outcome::Stays);
    }
    write.run(writer).await
}
