//! What the API knows of the pod whose sandbox is being made. It comes from memory: the server is not asked. A pod that was not seen
//! yet is waited for, for a while, and never decided upon as if it had no labels.

use std::{collections::BTreeMap, time::Duration};

use nicety_cni::{CniError, Code, Request, frame::Call};
use nicety_core::facts::{Label, Pod};
use nicety_k8s::mirror::{Answers, PodFacts, Wanted};

use crate::{cluster::Cluster, node::Node};

/// What an ADD knows of its pod beside what the runtime says.
#[derive(Debug, Clone)]
pub enum Known {
    /// The objects are a folder's, the call is no ADD, or its container is no pod.
    Nothing,
    Facts(Box<PodFacts>),
    /// It was waited for in vain.
    Unseen(CniError),
}

/// Waits as long as the daemon was told to, and not past `left`.
pub async fn known(node: &Node, call: &Call, left: Duration) -> Known {
    let Some(cluster) = node.source.cluster() else { return Known::Nothing };
    // What is wrong with the call is said where it is served.
    let Ok(Request::Add(attachment)) = Request::parse(&call.env, &call.stdin) else { return Known::Nothing };
    let args = attachment.args;
    if args.pod_namespace.is_empty() || args.pod_name.is_empty() {
        return Known::Nothing;
    }
    let wanted = Wanted { namespace: args.pod_namespace, name: args.pod_name, uid: args.pod_uid };
    match cluster.mirror.wait_for(&wanted, cluster.pod_wait.min(left)).await {
        Ok(facts) => Known::Facts(Box::new(facts)),
        Err(unseen) => Known::Unseen(error(cluster, &unseen.to_string())),
    }
}

fn error(cluster: &Cluster, unseen: &str) -> CniError {
    let waited = cluster.pod_wait.as_secs_f64();
    let hint = match cluster.mirror.health().server {
        Some((Answers::Yes, _)) => "`nicety status` tells how the watch of the Kubernetes API fares",
        Some((Answers::No, _)) | None => "the Kubernetes API does not answer",
    };
    CniError::new(Code::TryAgainLater, format!("{unseen} after {waited} s; hint: {hint}"))
        .with_details("nothing was changed")
}

/// The pod with what the API knows of it. Of annotations the API's are newer than the runtime's, which may have more.
pub fn learned(pod: Pod, facts: &PodFacts) -> Pod {
    let PodFacts { pod: known, namespace, node: _, attachments: _ } = facts;
    let mut annotations: BTreeMap<String, String> =
        pod.annotations.into_iter().map(|Label { key, value }| (key, value)).collect();
    annotations.extend(known.annotations.clone());
    Pod {
        service_account: known.service_account.clone(),
        labels: Some(labels(&known.labels)),
        namespace_labels: Some(labels(namespace)),
        annotations: labels(&annotations),
        ..pod
    }
}

pub fn labels(map: &BTreeMap<String, String>) -> Vec<Label> {
    map.iter().map(|(key, value)| Label { key: key.clone(), value: value.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_api_has_the_last_word_on_annotations_and_the_only_one_on_labels() {
        let runtime = Pod { annotations: labels(&map(&[("a", "old"), ("of-the-runtime", "1")])), ..Pod::default() };
        let facts = PodFacts {
            pod: nicety_k8s::mirror::Pod {
                labels: map(&[("app", "web")]),
                annotations: map(&[("a", "new"), ("b", "2")]),
                ..nicety_k8s::mirror::Pod::default()
            },
            namespace: map(&[("team", "blue")]),
            node: BTreeMap::new(),
            attachments: BTreeMap::new(),
        };
        let pod = learned(runtime, &facts);
        assert_eq!(pod.annotations, labels(&map(&[("a", "new"), ("b", "2"), ("of-the-runtime", "1")])));
        assert_eq!(pod.labels, Some(labels(&map(&[("app", "web")]))));
        assert_eq!(pod.namespace_labels, Some(labels(&map(&[("team", "blue")]))));
    }
}
