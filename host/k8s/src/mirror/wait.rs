//! What is known of a pod whose sandbox is being made. The runtime may be faster than the watch: it is waited for, for a while, and
//! never answered as if the pod had no labels.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::{
    Mirror, Pod,
    facts::{Attachment, Labels, Machine},
};

/// A pod as the runtime names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub namespace: String,
    pub name: String,
    /// Empty: the runtime does not tell.
    pub uid: String,
}

/// All of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodFacts {
    pub pod: Pod,
    pub namespace: BTreeMap<String, String>,
    pub node: BTreeMap<String, String>,
    /// Names of the namespace's definitions that stand for a Network, and its name.
    pub attachments: BTreeMap<String, String>,
}

/// What is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unseen {
    #[error("pod `{namespace}/{name}` is not known on this node")]
    Pod { namespace: String, name: String },
    #[error("pod `{namespace}/{name}` has UID `{known}` in the API, and the runtime says `{asked}`")]
    Uid { namespace: String, name: String, known: String, asked: String },
    #[error("namespace `{name}` is not known on this node")]
    Namespace { name: String },
    #[error("the API knows no node `{name}`; hint: is `--node` the name of this node's Node object?")]
    Node { name: String },
}

impl Mirror {
    /// Everything about the pod, as soon as it is there.
    pub async fn wait_for(&self, wanted: &Wanted, within: Duration) -> Result<PodFacts, Unseen> {
        let deadline = Instant::now() + within;
        let mut changes = self.0.facts.subscribe();
        loop {
            changes.borrow_and_update();
            let unseen = match self.look(wanted) {
                Ok(facts) => return Ok(facts),
                Err(unseen) => unseen,
            };
            match timeout_at(deadline, changes.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return Err(unseen),
            }
        }
    }

    /// What is there now.
    pub fn look(&self, wanted: &Wanted) -> Result<PodFacts, Unseen> {
        let Wanted { namespace, name, uid } = wanted.clone();
        let state = self.state();
        let Some(pod) = state.pods.entries.get(&format!("{namespace}/{name}")) else {
            return Err(Unseen::Pod { namespace, name });
        };
        if !pod.is(&uid) {
            return Err(Unseen::Uid { namespace, name, known: pod.uid.clone(), asked: uid });
        }
        let Some(Labels(labels)) = state.namespaces.entries.get(&namespace) else {
            return Err(Unseen::Namespace { name: namespace });
        };
        let Some(Machine { labels: node, .. }) = state.node.entries.get(self.node().as_str()) else {
            return Err(Unseen::Node { name: self.node().to_string() });
        };
        let own = format!("{namespace}/");
        let attachments =
            state.attachments.entries.iter().filter_map(|(name, Attachment(network))| {
                Some((name.strip_prefix(&own)?.to_owned(), network.clone()?))
            });
        let attachments = attachments.collect();
        Ok(PodFacts { pod: pod.clone(), namespace: labels.clone(), node: node.clone(), attachments })
    }
}
