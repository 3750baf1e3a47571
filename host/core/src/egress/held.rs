//! Which pods held which egress address, and when: one line per change, by which the question "who was 192.0.2.1 at noon" is answered long
//! after pods and objects are gone.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use serde::{Deserialize, Serialize};

use super::share::{GatewayId, PodKey};
use crate::{ids::NodeName, millis::Millis};

/// One change, as one line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    pub at: Millis,
    pub policy: String,
    pub namespace: String,
    pub name: String,
    #[serde(default)]
    pub uid: String,
    #[serde(default)]
    pub addresses: BTreeSet<IpAddr>,
    /// Of the pod.
    pub node: NodeName,
    pub gateway: GatewayId,
    /// What its packets leave with; empty where only the gateway knows.
    #[serde(default, rename = "egressIPs")]
    pub egress_ips: BTreeSet<IpAddr>,
    pub event: Event,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// From now on.
    Held,
    /// No longer.
    Released,
}

/// One pod's time with one gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    pub policy: String,
    pub pod: PodKey,
    pub addresses: BTreeSet<IpAddr>,
    pub node: NodeName,
    pub gateway: GatewayId,
    pub egress_ips: BTreeSet<IpAddr>,
    pub from: Millis,
    /// None: nobody has said that it ended.
    pub until: Option<Millis>,
}

/// Who held `address` at `time`, in the order of pods. The lines may come in any order and from several writers: what two of them say of one
/// pod, policy and gateway is one story.
pub fn at<'a>(lines: impl IntoIterator<Item = &'a Line>, address: IpAddr, time: Millis) -> Vec<Holding> {
    let of = lines.into_iter().filter(|line| line.egress_ips.contains(&address));
    holdings(of).into_iter().filter(|one| one.from <= time && one.until.is_none_or(|until| time < until)).collect()
}

/// All times that the lines tell of.
pub fn holdings<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Vec<Holding> {
    let mut stories: BTreeMap<(PodKey, &str, &GatewayId), Vec<&Line>> = BTreeMap::new();
    for line in lines {
        let pod = PodKey { namespace: line.namespace.clone(), name: line.name.clone(), uid: line.uid.clone() };
        stories.entry((pod, &line.policy, &line.gateway)).or_default().push(line);
    }
    let mut holdings = Vec::new();
    for ((pod, policy, gateway), mut story) in stories {
        // At one moment the end of a time comes before the beginning of the next.
        story.sort_by_key(|line| (line.at, line.event != Event::Released));
        let mut open: Option<&Line> = None;
        let mut told = |from: &Line, until: Option<Millis>| {
            holdings.push(Holding {
                policy: policy.to_owned(),
                pod: pod.clone(),
                addresses: from.addresses.clone(),
                node: from.node.clone(),
                gateway: gateway.clone(),
                egress_ips: from.egress_ips.clone(),
                from: from.at,
                until,
            });
        };
        for line in story {
            match (line.event, open) {
                (Event::Held, None) => open = Some(line),
                // A second writer, or the same after its restart.
                (Event::Held, Some(_)) | (Event::Released, None) => (),
                (Event::Released, Some(from)) => {
                    told(from, Some(line.at));
                    open = None;
                }
            }
        }
        if let Some(from) = open {
            told(from, None);
        }
    }
    holdings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: u64, name: &str, gateway: &str, event: Event) -> Line {
        Line {
            at: Millis(at),
            policy: "out".to_owned(),
            namespace: "shop".to_owned(),
            name: name.to_owned(),
            uid: format!("uid-{name}"),
            addresses: ["10.1.0.4".parse().unwrap()].into(),
            node: "node-1".parse().unwrap(),
            gateway: format!("{gateway}/192.0.2.1").into(),
            egress_ips: ["192.0.2.1".parse().unwrap()].into(),
            event,
        }
    }

    fn who(lines: &[Line], time: u64) -> Vec<String> {
        let held = at(lines, "192.0.2.1".parse().unwrap(), Millis(time));
        held.iter().map(|one| format!("{} by {}", one.pod.name, one.gateway)).collect()
    }

    #[test]
    fn an_address_is_held_from_the_first_line_to_the_last() {
        let lines = [
            line(300, "web", "gw-2", Event::Held),
            line(100, "web", "gw-1", Event::Held),
            line(300, "web", "gw-1", Event::Released),
            line(200, "api", "gw-1", Event::Held),
        ];
        assert_eq!(who(&lines, 99), [""; 0]);
        assert_eq!(who(&lines, 100), ["web by gw-1/192.0.2.1"]);
        assert_eq!(who(&lines, 299), ["api by gw-1/192.0.2.1", "web by gw-1/192.0.2.1"]);
        assert_eq!(who(&lines, 300), ["api by gw-1/192.0.2.1", "web by gw-2/192.0.2.1"]);
        assert!(at(&lines, "192.0.2.2".parse().unwrap(), Millis(300)).is_empty());
    }

    #[test]
    fn two_writers_tell_one_story() {
        let both = [
            line(100, "web", "gw-1", Event::Held),
            line(103, "web", "gw-1", Event::Held),
            line(200, "web", "gw-1", Event::Released),
            line(201, "web", "gw-1", Event::Released),
            line(300, "web", "gw-1", Event::Held),
        ];
        let told = holdings(&both);
        let times: Vec<_> = told.iter().map(|one| (one.from.0, one.until.map(|until| until.0))).collect();
        assert_eq!(times, [(100, Some(200)), (300, None)]);
    }

    #[test]
    fn a_line_is_what_is_said_of_it() {
        let text = serde_json::to_string(&line(5, "web", "gw-1", Event::Held)).unwrap();
        let expected = r#"{"at":5,"policy":"out","namespace":"shop","name":"web","uid":"uid-web","addresses":["10.1.0.4"],"node":"node-1","gateway":"gw-1/192.0.2.1","egressIPs":["192.0.2.1"],"event":"held"}"#;
        assert_eq!(text, expected);
    }
}
