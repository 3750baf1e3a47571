//! Objects of which this process says all that it has to say by server-side apply: only when that has changed, a random moment later
//! (a thousand nodes see the same change), and again until it is said.

use std::{sync::Arc, time::Duration};

use kube::{
    Api, Client,
    api::{Patch, PatchParams},
    core::{ApiResource, DynamicObject},
};
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tracing::{debug, warn};

use crate::mirror::jittered;

/// A server that does not answer in this time is asked again.
const ANSWER: Duration = Duration::from_secs(30);
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// Which object, and in whose name.
#[derive(Debug, Clone)]
pub struct Target {
    pub resource: ApiResource,
    pub name: String,
    /// The field manager.
    pub manager: &'static str,
}

/// All that is to be said. None: that part is others' to write.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Says {
    pub spec: Option<Value>,
    pub status: Option<Value>,
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Publisher {
    target: Arc<Target>,
    wanted: Arc<watch::Sender<(Says, u64)>>,
}

impl Publisher {
    pub fn new(target: Target) -> Publisher {
        Publisher { target: Arc::new(target), wanted: Arc::new(watch::Sender::default()) }
    }

    /// Never waits. The same as before is nothing new.
    pub fn say(&self, says: Says) {
        self.wanted.send_if_modified(|(wanted, _)| {
            let new = *wanted != says;
            *wanted = says;
            new
        });
    }

    /// Once more, also when nothing has changed: somebody has taken the object away.
    pub fn repeat(&self) {
        self.wanted.send_modify(|(_, times)| *times = times.wrapping_add(1));
    }

    /// Writes until its task is dropped. `spread`: a change is written up to so much later.
    pub async fn write(self, client: Client, spread: Duration) {
        let api: Api<DynamicObject> = Api::all_with(client, &self.target.resource);
        let mut wanted = self.wanted.subscribe();
        let (mut said, mut times) = (Says::default(), 0);
        let mut tries = 0_u32;
        wanted.mark_changed();
        loop {
            if wanted.changed().await.is_err() {
                return;
            }
            sleep(jittered(spread).saturating_sub(spread)).await;
            loop {
                let (says, round) = wanted.borrow_and_update().clone();
                if round != times {
                    (said, times) = (Says::default(), round);
                }
                let start = Instant::now();
                match timeout(ANSWER, self.apply(&api, &says, &mut said)).await {
                    Ok(Ok(())) => {
                        tries = 0;
                        break;
                    }
                    Ok(Err(error)) => self.failed(&error.to_string(), tries),
                    Err(_) => self.failed(&format!("no answer within {} s", start.elapsed().as_secs()), tries),
                }
                let wait = FIRST.saturating_mul(2_u32.saturating_pow(tries.min(16))).min(LONGEST);
                tries = tries.saturating_add(1);
                sleep(jittered(wait)).await;
            }
        }
    }

    async fn apply(&self, api: &Api<DynamicObject>, says: &Says, said: &mut Says) -> Result<(), kube::Error> {
        let Target { resource, name, manager } = &*self.target;
        let params = PatchParams::apply(manager).force();
        let bare = json!({"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"name": name}});
        let with = |part: &str, value: &Value| {
            let mut document = bare.clone();
            document.as_object_mut().into_iter().for_each(|fields| drop(fields.insert(part.to_owned(), value.clone())));
            document
        };
        if let Some(spec) = says.spec.as_ref().filter(|spec| said.spec.as_ref() != Some(spec)) {
            api.patch(name, &params, &Patch::Apply(with("spec", spec))).await?;
            said.spec = Some(spec.clone());
        }
        if let Some(status) = says.status.as_ref().filter(|status| said.status.as_ref() != Some(status)) {
            let patch = with("status", status);
            match api.patch_status(name, &params, &Patch::Apply(&patch)).await {
                // A status makes no object: one that is to have nothing else is made first.
                Err(kube::Error::Api(answer)) if answer.code == 404 && says.spec.is_none() => {
                    api.patch(name, &params, &Patch::Apply(&bare)).await?;
                    api.patch_status(name, &params, &Patch::Apply(&patch)).await?;
                }
                answer => drop(answer?),
            }
            said.status = Some(status.clone());
        }
        Ok(())
    }

    fn failed(&self, error: &str, tries: u32) {
        let (kind, name) = (&self.target.resource.kind, &self.target.name);
        match tries {
            0 => warn!(%kind, %name, %error, "not published yet"),
            _ => debug!(%kind, %name, %error, "not published yet"),
        }
    }
}
