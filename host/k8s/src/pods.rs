//! The annotation that tells which interfaces a pod got, in the format of the Network Plumbing Working Group. Written after the
//! reply, through the `status` subresource: that is all that a daemon may touch of a pod.

use std::{net::IpAddr, sync::Arc};

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::{debug, warn};

use crate::{
    mirror::{Feed, Mirror, Phase},
    outbox::{Outbox, Sent},
};

/// Where multi-network tools look.
pub const NETWORK_STATUS: &str = "k8s.v1.cni.cncf.io/network-status";
/// Where older ones look.
pub const NETWORKS_STATUS: &str = "k8s.v1.cni.cncf.io/networks-status";

/// Pods whose annotation has still to be written.
const ROOM: usize = 1024;

/// One interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkStatus {
    /// `NAMESPACE/NAME` of the attachment definition, or the name of the node's own network configuration.
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub interface: String,
    /// Without prefix lengths.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ips: Vec<IpAddr>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mac: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Of the interface that carries the pod's default route.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
    /// The format has it, if only empty.
    pub dns: Dns,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateway: Vec<IpAddr>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dns {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nameservers: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub domain: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<String>,
}

/// A pod, this one and no later one of its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodKey {
    pub namespace: String,
    pub name: String,
    /// Empty: the runtime does not tell.
    pub uid: String,
}

/// Which annotations are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Annotate {
    NetworkStatus,
    /// `networks-status` too.
    Both,
}

/// The annotation's text. None: it cannot be written as JSON, which is a defect.
pub fn text(status: &[NetworkStatus]) -> Option<String> {
    let text = serde_json::to_string_pretty(status);
    text.inspect_err(|error| warn!(%error, "the status of a pod's networks cannot be written as JSON")).ok()
}

#[derive(Debug)]
pub struct Annotations {
    outbox: Outbox<PodKey, String>,
    mirror: Mirror,
    which: Annotate,
}

impl Annotations {
    pub fn new(mirror: Mirror, which: Annotate) -> Arc<Annotations> {
        Arc::new(Annotations { outbox: Outbox::new(ROOM), mirror, which })
    }

    /// Never waits.
    pub fn put(&self, pod: PodKey, text: String) {
        self.outbox.put(pod, text);
    }

    pub fn lost(&self) -> u64 {
        self.outbox.lost()
    }

    /// Writes one after the other until its task is dropped.
    pub async fn write(self: Arc<Annotations>, client: Client) {
        loop {
            let (pod, item) = self.outbox.next().await;
            let sent = self.send(&client, &pod, &item.what).await;
            self.outbox.ended(pod, item, sent);
        }
    }

    async fn send(&self, client: &Client, pod: &PodKey, text: &str) -> Sent {
        let Some(uid) = self.uid_of(pod) else {
            // After a restart it may be that it was not heard of yet.
            if self.mirror.health().feeds.get(&Feed::Pods).is_none_or(|health| health.phase != Phase::Live) {
                return Sent::Away;
            }
            debug!(namespace = %pod.namespace, pod = %pod.name, "a pod was gone before its annotation was written");
            return Sent::Done;
        };
        let known = self.mirror.pod(&pod.namespace, &pod.name);
        let said =
            |key: &str| known.as_ref().is_some_and(|pod| pod.annotations.get(key).is_some_and(|has| has == text));
        let keys: &[&str] = match self.which {
            Annotate::NetworkStatus => &[NETWORK_STATUS],
            Annotate::Both => &[NETWORK_STATUS, NETWORKS_STATUS],
        };
        if keys.iter().all(|key| said(key)) {
            return Sent::Done;
        }
        let annotations: serde_json::Map<_, _> = keys.iter().map(|key| ((*key).to_owned(), text.into())).collect();
        // The UID makes the server refuse when the name is another pod's by now.
        let patch = json!({"metadata": {"uid": uid, "annotations": annotations}});
        let api: Api<Pod> = Api::namespaced(client.clone(), &pod.namespace);
        match api.patch_status(&pod.name, &PatchParams::default(), &Patch::Merge(&patch)).await {
            Ok(_) => Sent::Done,
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Sent::Done,
            Err(error) => {
                debug!(%error, namespace = %pod.namespace, pod = %pod.name, "a pod's annotation is not written yet");
                Sent::from(&error)
            }
        }
    }

    /// Of the pod's object; a static pod's is not what the runtime calls its UID. None: the pod is gone.
    fn uid_of(&self, pod: &PodKey) -> Option<String> {
        self.mirror.pod(&pod.namespace, &pod.name).filter(|known| known.is(&pod.uid)).map(|known| known.uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_written_as_other_tools_read_it() {
        let status = NetworkStatus {
            name: "shop/rails".to_owned(),
            interface: "net1".to_owned(),
            ips: vec!["192.168.0.5".parse().unwrap(), "fd00::5".parse().unwrap()],
            mac: "02:00:00:00:00:01".to_owned(),
            ..NetworkStatus::default()
        };
        let text = serde_json::to_value([&status]).unwrap();
        let expected = json!([{
            "name": "shop/rails", "interface": "net1", "ips": ["192.168.0.5", "fd00::5"],
            "mac": "02:00:00:00:00:01", "dns": {},
        }]);
        assert_eq!(text, expected);
        let default = NetworkStatus { default: true, gateway: vec!["192.168.0.1".parse().unwrap()], ..status };
        let text = serde_json::to_value(&default).unwrap();
        assert_eq!((&text["default"], &text["gateway"]), (&json!(true), &json!(["192.168.0.1"])));
    }
}
