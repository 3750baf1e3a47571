//! Writes to the API: each by itself, with a deadline, and with an outcome that says what to do about it. Many run at once, as many
//! as allowed and as fast as allowed, so that a cluster that comes up does not flood its server.
//!
//! 429, 503 and 504 are tried again by the client itself, after the time that the server names.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use kube::{
    Api, Client, Resource,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions},
    core::ApiResource,
};
use serde_json::Value;
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until, timeout},
};

use crate::chain;

/// A write that has no answer in this time is taken for failed. What the server did with it, the watch tells.
const PATIENCE: Duration = Duration::from_secs(30);

/// Cheap to clone; all clones share the limits.
#[derive(Clone)]
pub struct Writer {
    client: Client,
    manager: &'static str,
    lanes: Arc<Semaphore>,
    pace: Arc<Pace>,
}

/// Why a write had no effect.
#[derive(Debug, thiserror::Error)]
#[error("cannot {act}: {message}")]
pub struct WriteError {
    pub act: String,
    pub failure: Failure,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// An object of the name is there.
    Exists,
    /// Not as it was: another write came before.
    Conflict,
    /// It is not there (any more), or its namespace, or its kind.
    NotFound,
    /// The server will say the same again until somebody changes something: forbidden or invalid.
    Refused,
    /// The server, or the way to it, is not well.
    Away,
}

struct Pace {
    apart: Duration,
    burst: u32,
    next: Mutex<Instant>,
}

impl Writer {
    /// `lanes` writes at once, `per_second` over time with bursts of a second's worth.
    pub fn new(client: Client, manager: &'static str, lanes: usize, per_second: u32) -> Writer {
        let apart = Duration::from_secs(1) / per_second.max(1);
        let pace = Arc::new(Pace { apart, burst: per_second, next: Mutex::new(Instant::now()) });
        Writer { client, manager, lanes: Arc::new(Semaphore::new(lanes.max(1))), pace }
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    pub async fn create(&self, place: &Place, object: &Value) -> Result<DynamicObject, WriteError> {
        let parameters = PostParams { field_manager: Some(self.manager.to_owned()), ..PostParams::default() };
        let api = place.api(&self.client);
        let object: DynamicObject = serde_json::from_value(object.clone()).map_err(|error| WriteError {
            act: format!("make {place}"),
            failure: Failure::Refused,
            message: error.to_string(),
        })?;
        self.run(format!("make {place}"), async { api.create(&parameters, &object).await }).await
    }

    /// Server-side apply: what this manager wrote before and does not name any more goes; what others wrote stays.
    pub async fn apply(&self, place: &Place, object: &Value) -> Result<DynamicObject, WriteError> {
        let (api, parameters) = (place.api(&self.client), PatchParams::apply(self.manager).force());
        self.run(format!("apply {place}"), async { api.patch(&place.name, &parameters, &Patch::Apply(object)).await })
            .await
    }

    pub async fn apply_status(&self, place: &Place, object: &Value) -> Result<DynamicObject, WriteError> {
        let (api, parameters) = (place.api(&self.client), PatchParams::apply(self.manager).force());
        let write = async { api.patch_status(&place.name, &parameters, &Patch::Apply(object)).await };
        self.run(format!("tell the status of {place}"), write).await
    }

    /// A merge patch. With `metadata.resourceVersion` in it, it is refused when the object is not as it was.
    pub async fn merge(&self, place: &Place, patch: &Value) -> Result<DynamicObject, WriteError> {
        let parameters = PatchParams { field_manager: Some(self.manager.to_owned()), ..PatchParams::default() };
        let api = place.api(&self.client);
        self.run(format!("change {place}"), async { api.patch(&place.name, &parameters, &Patch::Merge(patch)).await })
            .await
    }

    /// Only the very object: one that was made anew under its name stays (with an empty `uid`, whichever). What is not there is
    /// success.
    pub async fn delete(&self, place: &Place, uid: &str) -> Result<(), WriteError> {
        let only = |uid: &str| Preconditions { uid: Some(uid.to_owned()), resource_version: None };
        let parameters =
            DeleteParams { preconditions: (!uid.is_empty()).then(|| only(uid)), ..DeleteParams::default() };
        let api = place.api(&self.client);
        match self.run(format!("delete {place}"), async { api.delete(&place.name, &parameters).await }).await {
            Ok(_) => Ok(()),
            Err(error) if error.failure == Failure::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// None: it is not there, as the server itself says now.
    pub async fn get(&self, place: &Place) -> Result<Option<DynamicObject>, WriteError> {
        let api = place.api(&self.client);
        self.run(format!("read {place}"), async { api.get_opt(&place.name).await }).await
    }

    async fn run<R>(&self, act: String, write: impl Future<Output = kube::Result<R>>) -> Result<R, WriteError> {
        let _lane = self.lane().await;
        self.pace.wait().await;
        match timeout(PATIENCE, write).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(WriteError { act, failure: failure(&error), message: chain(&error) }),
            Err(_) => {
                let message = format!("no answer within {PATIENCE:?}");
                Err(WriteError { act, failure: Failure::Away, message })
            }
        }
    }

    /// The semaphore is never closed; without a permit a write would only be less bounded.
    async fn lane(&self) -> Option<OwnedSemaphorePermit> {
        self.lanes.clone().acquire_owned().await.ok()
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("manager", &self.manager).finish_non_exhaustive()
    }
}

impl Pace {
    /// A slot is taken before it is waited for, so that those who wait come one after the other.
    async fn wait(&self) {
        let slot = {
            let mut next = self.next.lock().await;
            let earliest = Instant::now().checked_sub(self.apart * self.burst).unwrap_or(*next);
            let slot = (*next).max(earliest);
            *next = slot + self.apart;
            slot
        };
        sleep_until(slot).await;
    }
}

/// One object on the server.
#[derive(Debug, Clone)]
pub struct Place {
    pub kind: ApiResource,
    /// None: cluster-scoped.
    pub namespace: Option<String>,
    pub name: String,
}

impl Place {
    pub fn of_cluster(kind: ApiResource, name: impl Into<String>) -> Place {
        Place { kind, namespace: None, name: name.into() }
    }

    pub fn in_namespace(kind: ApiResource, namespace: impl Into<String>, name: impl Into<String>) -> Place {
        Place { kind, namespace: Some(namespace.into()), name: name.into() }
    }

    /// Of a kind that Kubernetes itself has.
    pub fn of<K: Resource<DynamicType = ()>>(name: impl Into<String>) -> Place {
        Place::of_cluster(ApiResource::erase::<K>(&()), name)
    }

    fn api(&self, client: &Client) -> Api<DynamicObject> {
        match &self.namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &self.kind),
            None => Api::all_with(client.clone(), &self.kind),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} `{namespace}/{}`", self.kind.kind, self.name),
            None => write!(f, "{} `{}`", self.kind.kind, self.name),
        }
    }
}

fn failure(error: &kube::Error) -> Failure {
    let kube::Error::Api(status) = error else {
        return match error {
            kube::Error::SerdeError(_) | kube::Error::BuildRequest(_) => Failure::Refused,
            _ => Failure::Away,
        };
    };
    match (status.code, status.reason.as_str()) {
        (409, "AlreadyExists") => Failure::Exists,
        (409, _) => Failure::Conflict,
        (404, _) => Failure::NotFound,
        (400 | 401 | 403 | 405 | 406 | 413 | 415 | 422, _) => Failure::Refused,
        _ => Failure::Away,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_has_no_more_writes_than_allowed_beyond_the_first_burst() {
        let pace = Pace { apart: Duration::from_millis(10), burst: 100, next: Mutex::new(Instant::now()) };
        let start = Instant::now();
        for _ in 0..101 {
            pace.wait().await;
        }
        assert!(start.elapsed() >= Duration::from_millis(990), "{:?}", start.elapsed());
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let rested = Instant::now();
        for _ in 0..100 {
            pace.wait().await;
        }
        assert!(rested.elapsed() < Duration::from_millis(500), "{:?}", rested.elapsed());
    }

    #[test]
    fn answers_are_told_apart_by_what_to_do_about_them() {
        let of = |code: u16, reason: &str| {
            let status = kube::core::Status { code, reason: reason.to_owned(), ..kube::core::Status::default() };
            failure(&kube::Error::Api(Box::new(status)))
        };
        assert_eq!(of(409, "AlreadyExists"), Failure::Exists);
        assert_eq!(of(409, "Conflict"), Failure::Conflict);
        assert_eq!(of(403, "Forbidden"), Failure::Refused);
        assert_eq!([of(429, ""), of(500, ""), of(503, "")], [Failure::Away; 3]);
    }
}
