//! Leader election by a Lease of coordination.k8s.io: one of several replicas works, the others stand by. It is no fence: a leader that
//! stalls and goes on writes beside its successor, so what is claimed must be claimed by the making of an object.
//!
//! Times of other replicas' clocks are never compared with ours: a lease has run out when it was not renewed for its duration as seen
//! from here.

use std::time::Duration;

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tracing::{info, warn};

use crate::{Backoff, chain};

/// As other controllers of Kubernetes have it.
pub const DURATION: Duration = Duration::from_secs(15);
const RETRY: Duration = Duration::from_secs(2);
/// A leader that could not renew for this long stops; what is left of the duration is for its last writes to end.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Election {
    pub namespace: String,
    pub name: String,
    /// Who this replica is: the name of its pod.
    pub identity: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Standby,
    Leader,
}

/// What is known of the lease.
#[derive(Default)]
struct Candidate {
    /// As another's was last seen, and when that was.
    seen: Option<(Option<String>, Option<MicroTime>, Instant)>,
    renewed: Option<Instant>,
}

#[derive(Debug, thiserror::Error)]
enum LeaseError {
    #[error("cannot speak to the server about the lease")]
    Api(#[from] kube::Error),
    #[error("no answer about the lease within {RETRY:?}")]
    Late(#[from] tokio::time::error::Elapsed),
}

/// Takes part for ever. `role` says at each time what this replica is.
pub async fn run(client: Client, election: Election, role: watch::Sender<Role>) {
    let api: Api<Lease> = Api::namespaced(client, &election.namespace);
    let mut candidate = Candidate::default();
    let mut backoff = Backoff::new(RETRY / 2, RETRY * 2);
    loop {
        let attempt = timeout(RETRY, candidate.attempt(&api, &election)).await;
        let now = match attempt.map_err(LeaseError::from).and_then(|role| role.map_err(LeaseError::from)) {
            Ok(role) => {
                backoff.reset();
                role
            }
            Err(error) => {
                warn!(error = %chain(&error), "the lease");
                candidate.unanswered()
            }
        };
        let was = role.send_replace(now);
        if was != now {
            info!(?was, ?now, identity = election.identity, "leader election");
        }
        sleep(match now {
            Role::Leader => RETRY,
            Role::Standby => backoff.next(),
        })
        .await;
    }
}

/// Gives the lease back, so that the next leader need not wait for it to run out. Failing to is no harm.
pub async fn release(client: Client, election: &Election) {
    let api: Api<Lease> = Api::namespaced(client, &election.namespace);
    if let Ok(Err(error)) = timeout(RETRY, give(&api, election)).await {
        warn!(error = %chain(&error), "the lease is not given back");
    }
}

async fn give(api: &Api<Lease>, election: &Election) -> kube::Result<()> {
    let Some(mut lease) = api.get_opt(&election.name).await? else { return Ok(()) };
    let ours = lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()) == Some(&election.identity);
    if let Some(spec) = lease.spec.as_mut().filter(|_| ours) {
        (spec.holder_identity, spec.lease_duration_seconds) = (None, Some(1));
        api.replace(&election.name, &PostParams::default(), &lease).await?;
    }
    Ok(())
}

impl Candidate {
    async fn attempt(&mut self, api: &Api<Lease>, election: &Election) -> kube::Result<Role> {
        let asked = Instant::now();
        let outcome = match api.get_opt(&election.name).await? {
            None => api.create(&PostParams::default(), &first(election)).await.map(drop),
            Some(lease) => match self.claim(lease, &election.identity) {
                None => return Ok(Role::Standby),
                Some(lease) => api.replace(&election.name, &PostParams::default(), &lease).await.map(drop),
            },
        };
        match outcome {
            Ok(()) => {
                self.renewed = Some(asked);
                Ok(Role::Leader)
            }
            // Somebody else was faster.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(self.unanswered()),
            Err(error) => Err(error),
        }
    }

    /// The lease with our claim, when it is ours, free, or has run out.
    fn claim(&mut self, mut lease: Lease, identity: &str) -> Option<Lease> {
        let spec = lease.spec.get_or_insert_default();
        let holder = spec.holder_identity.clone().filter(|holder| !holder.is_empty());
        let ours = holder.as_deref() == Some(identity);
        if !ours && let Some(holder) = holder {
            let now = Instant::now();
            let same = |(who, renewed, _): &&(_, _, _)| *who == Some(holder.clone()) && *renewed == spec.renew_time;
            let since = self.seen.as_ref().filter(same).map_or(now, |(_, _, since)| *since);
            self.seen = Some((Some(holder), spec.renew_time.clone(), since));
            self.renewed = None;
            let duration = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
            if now.duration_since(since) < duration.map_or(DURATION, Duration::from_secs) {
                return None;
            }
        }
        let now = MicroTime(Timestamp::now());
        if !ours {
            spec.acquire_time = Some(now.clone());
            spec.lease_transitions = Some(spec.lease_transitions.unwrap_or(0).saturating_add(1));
        }
        spec.holder_identity = Some(identity.to_owned());
        spec.lease_duration_seconds = Some(seconds());
        spec.renew_time = Some(now);
        Some(lease)
    }

    /// Without an answer a leader stays one until its renewal is overdue.
    fn unanswered(&self) -> Role {
        let fresh = self.renewed.is_some_and(|renewed| renewed.elapsed() < RENEW_DEADLINE);
        if fresh { Role::Leader } else { Role::Standby }
    }
}

fn first(election: &Election) -> Lease {
    let now = MicroTime(Timestamp::now());
    let spec = LeaseSpec {
        holder_identity: Some(election.identity.clone()),
        lease_duration_seconds: Some(seconds()),
        acquire_time: Some(now.clone()),
        renew_time: Some(now),
        lease_transitions: Some(0),
        ..LeaseSpec::default()
    };
    let metadata = ObjectMeta { name: Some(election.name.clone()), ..ObjectMeta::default() };
    Lease { metadata, spec: Some(spec) }
}

fn seconds() -> i32 {
    i32::try_from(DURATION.as_secs()).unwrap_or(15)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(holder: Option<&str>, renewed: i64) -> Lease {
        let renew_time = Timestamp::from_second(renewed).ok().map(MicroTime);
        let holder_identity = holder.map(str::to_owned);
        let spec = LeaseSpec { holder_identity, lease_duration_seconds: Some(15), renew_time, ..LeaseSpec::default() };
        Lease { spec: Some(spec), ..Lease::default() }
    }

    #[test]
    fn anothers_lease_is_taken_only_when_it_was_not_renewed_for_its_duration_as_seen_from_here() {
        let mut candidate = Candidate::default();
        // Long past by its own clock, and yet just seen.
        assert!(candidate.claim(lease(Some("other"), 1), "me").is_none());
        let ago = |candidate: &mut Candidate, seconds| {
            let (_, _, when) = candidate.seen.as_mut().unwrap();
            *when -= Duration::from_secs(seconds);
        };
        ago(&mut candidate, 14);
        assert!(candidate.claim(lease(Some("other"), 1), "me").is_none());
        assert!(candidate.claim(lease(Some("other"), 2), "me").is_none(), "it was renewed");
        ago(&mut candidate, 16);
        let taken = candidate.claim(lease(Some("other"), 2), "me").unwrap().spec.unwrap();
        assert_eq!((taken.holder_identity.as_deref(), taken.lease_transitions), (Some("me"), Some(1)));
    }

    #[test]
    fn a_free_lease_and_our_own_are_taken_at_once() {
        let mut candidate = Candidate::default();
        for holder in [None, Some(""), Some("me")] {
            assert!(candidate.claim(lease(holder, 1), "me").is_some());
        }
    }

    #[test]
    fn a_leader_without_answers_stops_before_its_lease_runs_out() {
        let ago = |seconds| Some(Instant::now() - Duration::from_secs(seconds));
        let mut candidate = Candidate { renewed: ago(9), ..Candidate::default() };
        assert_eq!(candidate.unanswered(), Role::Leader);
        candidate.renewed = ago(11);
        assert_eq!(candidate.unanswered(), Role::Standby);
        candidate.renewed = None;
        assert_eq!(candidate.unanswered(), Role::Standby);
    }
}
