use kube::api::DynamicObject;
use nicety_k8s::Failure;
use serde_json::{Value, json};

use super::*;
use crate::{
    items::{self, BLOCKS_FINALIZER},
    promises::Making,
    write::{Act, ip_block},
};

struct Cluster {
    snapshot: Snapshot,
    force: BTreeMap<String, InForce>,
    patience: Patience,
    promised: Vec<Promise>,
    now: Instant,
}

fn object(value: Value) -> DynamicObject {
    serde_json::from_value(value).unwrap()
}

fn metadata(name: &str) -> Value {
    json!({"name": name, "uid": format!("uid-{name}"), "resourceVersion": "5", "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z"})
}

fn document(kind: &str, name: &str, spec: Value) -> Value {
    json!({"apiVersion": "nicety.dev/v1alpha1", "kind": kind, "metadata": metadata(name), "spec": spec})
}

fn rails() -> Value {
    json!({"subnets": ["192.168.0.0/16"], "masterNets": ["10.0.1.0/24", "10.0.2.0/24"], "link": {"kind": "macvlan"},
        "ipam": {"type": "blocks", "interfaceBlock": 2, "hostBlock": 6}})
}

impl Cluster {
    fn new(nodes: &[&str]) -> Cluster {
        let mut snapshot = Snapshot { attachments: Some(BTreeMap::new()), ..Snapshot::default() };
        for namespace in ["default", "team"] {
            let meta = serde_json::from_value(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {
                "name": namespace, "labels": {"kubernetes.io/metadata.name": namespace}}}));
            let (name, seen) = items::namespace(meta.unwrap()).unwrap();
            snapshot.namespaces.insert(name, seen.value);
        }
        let mut cluster = Cluster {
            snapshot,
            force: BTreeMap::new(),
            patience: Patience::default(),
            promised: Vec::new(),
            now: Instant::now(),
        };
        for (at, node) in nodes.iter().enumerate() {
            cluster.node(node, json!({}));
            let nic =
                |nic: u8| json!({"name": format!("eth{nic}"), "addresses": [format!("10.0.{nic}.{}/24", at + 11)]});
            cluster.host(node, json!([nic(1), nic(2)]), json!({}));
        }
        cluster
    }

    /// As it is once the controller has seen it.
    fn network(&mut self, mut document: Value) {
        if document["metadata"]["finalizers"].is_null() {
            document["metadata"]["finalizers"] = json!([BLOCKS_FINALIZER]);
        }
        self.new_network(document);
    }

    fn new_network(&mut self, document: Value) {
        let (name, seen) = items::network(object(document)).unwrap();
        self.snapshot.networks.insert(name, seen.value);
    }

    fn node(&mut self, name: &str, spec: Value) {
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": metadata(name), "spec": spec,
            "status": {"addresses": [{"type": "InternalIP", "address": "172.16.0.1"}]}});
        let (name, seen) = items::node(serde_json::from_value(node).unwrap()).unwrap();
        self.snapshot.nodes.insert(name, seen.value);
    }

    fn host(&mut self, node: &str, interfaces: Value, status: Value) {
        let mut host = document("HostInterface", node, json!({"interfaces": interfaces}));
        host["status"] = status;
        let (name, seen) = items::host(object(host)).unwrap();
        self.snapshot.hosts.insert(name, seen.value);
    }

    fn block(&mut self, document: Value) {
        let (name, seen) = items::block(object(document)).unwrap();
        self.snapshot.blocks.insert(name, seen.value);
    }

    fn look(&mut self) -> Seen {
        let settings = Settings {
            grace: Duration::from_secs(300),
            daemon_grace: Duration::from_secs(2),
            settle: Duration::from_secs(1),
            taints: Taints::Written,
            sriov_namespace: "operator".to_owned(),
        };
        let now = Now { instant: self.now, text: "2026-01-01T00:00:00Z".to_owned() };
        let seen = look(&self.snapshot, &self.force, &self.promised, &mut self.patience, &settings, &now);
        self.force = seen.force.clone();
        seen
    }

    fn keys(&mut self) -> Vec<String> {
        self.look().writes.into_iter().map(|write| write.key).collect()
    }

    /// Blocks as the server would have them after the creations that are wanted.
    fn make_blocks(&mut self) {
        for write in self.look().writes {
            if let Act::Create(new, routed) = write.act {
                let mut made = ip_block(&new, routed);
                let Value::Object(given) = metadata(&new.name()) else { continue };
                given.into_iter().for_each(|(field, value)| made["metadata"][field] = value);
                self.block(made);
            }
        }
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    fn status_of(&mut self, network: &str) -> Value {
        let key = format!("status of Network {network}");
        self.look();
        self.pass(5);
        let writes = self.look().writes;
        let write = writes.into_iter().find(|write| write.key == key);
        match write.map(|write| write.act) {
            Some(Act::ApplyStatus(_, object)) => object["status"].clone(),
            other => panic!("{other:?}"),
        }
    }
}

fn condition<'a>(status: &'a Value, kind: &str) -> (&'a str, &'a str, &'a str) {
    let all = status["conditions"].as_array().unwrap();
    let one = all.iter().find(|one| one["type"] == kind).unwrap();
    let text = |field: &str| one[field].as_str().unwrap();
    (text("status"), text("reason"), text("message"))
}

#[test]
fn a_new_network_gets_its_finalizer_its_blocks_its_definitions_and_a_status() {
    let mut cluster = Cluster::new(&["node-1", "node-2"]);
    cluster.new_network(document("Network", "rails", rails()));
    let rest = [
        "NetworkAttachmentDefinition default/rails",
        "NetworkAttachmentDefinition team/rails",
        "status of Network rails",
    ];
    let keys = cluster.keys();
    assert_eq!((keys[0].as_str(), &keys[1..]), ("Network rails", &rest.map(str::to_owned)[..]));
    // Without its finalizer it could go and leave blocks behind.
    let mut held = document("Network", "rails", rails());
    held["metadata"]["annotations"] = json!({ items::IN_FORCE: rails().to_string() });
    cluster.network(held);
    let blocks = ["IPBlock rails-0-0", "IPBlock rails-1-0", "IPBlock rails-0-1", "IPBlock rails-1-1"];
    assert_eq!(cluster.keys(), [&blocks[..], &rest[..]].concat());
}

#[test]
fn what_is_being_made_is_not_made_twice_whoever_joins_meanwhile() {
    let mut cluster = Cluster::new(&["node-2"]);
    cluster.network(document("Network", "rails", rails()));
    let creations = cluster.look().writes;
    cluster.promised = promises(&creations, Making::UnderWay);
    assert_eq!(cluster.promised.len(), 2);
    cluster.node("node-1", json!({}));
    cluster.host("node-1", json!([{"name": "eth1", "addresses": ["10.0.1.9/24"]}]), json!({}));
    let new: Vec<NewBlock> = cluster.look().writes.iter().filter_map(|write| write.promised().cloned()).collect();
    assert_eq!((new.len(), new[0].name().as_str(), new[0].node.as_str()), (1, "rails-0-1", "node-1"));
}

fn promises(creations: &[Write], making: Making) -> Vec<Promise> {
    let blocks = creations.iter().filter_map(|write| write.promised().cloned());
    blocks.map(|block| Promise { block, making }).collect()
}

#[test]
fn a_creation_whose_answer_was_lost_is_repeated_and_nothing_else_is_made_in_its_place() {
    let mut cluster = Cluster::new(&["node-2"]);
    cluster.network(document("Network", "rails", rails()));
    let creations = cluster.look().writes;
    cluster.promised = promises(&creations, Making::Unknown);
    // One that comes before it by name.
    cluster.node("node-1", json!({}));
    cluster.host("node-1", json!([{"name": "eth1", "addresses": ["10.0.1.9/24"]}]), json!({}));
    let seen = cluster.look();
    let made: Vec<(String, &str)> =
        (seen.writes.iter().filter_map(Write::promised)).map(|block| (block.name(), block.node.as_str())).collect();
    let wanted = [("rails-0-0", "node-2"), ("rails-1-0", "node-2"), ("rails-0-1", "node-1")];
    assert_eq!(made, wanted.map(|(name, node)| (name.to_owned(), node)));
    assert_eq!(seen.doubted, ["IPBlock rails-0-0", "IPBlock rails-1-0"].map(str::to_owned).into());
    assert_eq!(seen.tally.tainted, 1, "whose blocks are in doubt is not ready");
    // A NIC that is away for a moment changes nothing.
    cluster.host("node-2", json!([{"name": "eth1", "addresses": ["10.0.1.11/24"]}]), json!({}));
    assert_eq!(cluster.look().doubted.len(), 2);
    // The watch tells of one.
    let block = cluster.promised[0].block.clone();
    let mut told = ip_block(&block, crate::write::Routed::No);
    told["metadata"]["uid"] = json!("u");
    cluster.block(told);
    assert_eq!(cluster.look().doubted, ["IPBlock rails-1-0".to_owned()].into());
}

#[test]
fn a_doubt_ends_with_the_node_or_the_network_of_the_block() {
    let mut cluster = Cluster::new(&["node-1", "node-2"]);
    cluster.network(document("Network", "rails", rails()));
    let creations = cluster.look().writes;
    cluster.promised = promises(&creations, Making::Unknown);
    cluster.snapshot.nodes.remove("node-2");
    assert_eq!(cluster.look().doubted, ["IPBlock rails-0-0", "IPBlock rails-1-0"].map(str::to_owned).into());
    cluster.snapshot.networks.clear();
    assert_eq!(cluster.look().doubted, BTreeSet::new());
}

#[test]
fn a_broken_network_is_told_so_and_holds_back_nobody() {
    let mut cluster = Cluster::new(&["node-1"]);
    cluster.network(document("Network", "broken", json!({"link": {"kind": "tin-can"}, "ipam": {"type": "none"}})));
    cluster.network(document("Network", "rails", rails()));
    assert!(cluster.keys().contains(&"IPBlock rails-0-0".to_owned()));
    let status = cluster.status_of("broken");
    assert!(condition(&status, "Valid").2.contains("spec.link.kind"), "{status}");
    assert_eq!(condition(&status, "Ready").1, "Invalid");
}

#[test]
fn a_spec_that_became_invalid_leaves_the_last_valid_one_in_force_also_after_a_restart() {
    let mut cluster = Cluster::new(&["node-1"]);
    let mut bad = document("Network", "rails", json!({"link": {"kind": "tin-can"}}));
    bad["metadata"]["annotations"] = json!({ items::IN_FORCE: rails().to_string() });
    cluster.network(bad);
    assert!(cluster.keys().contains(&"IPBlock rails-1-0".to_owned()));
    let status = cluster.status_of("rails");
    assert_eq!((condition(&status, "Valid").0, condition(&status, "Valid").1), ("False", "Refused"));
}

#[test]
fn of_two_networks_with_the_same_addresses_the_older_has_them() {
    let mut cluster = Cluster::new(&["node-1"]);
    let mut newer = document("Network", "a-newer", rails());
    newer["metadata"]["creationTimestamp"] = json!("2026-02-01T00:00:00Z");
    cluster.network(newer);
    cluster.network(document("Network", "rails", rails()));
    let keys = cluster.keys();
    assert!(
        keys.contains(&"IPBlock rails-0-0".to_owned()) && !keys.iter().any(|key| key.starts_with("IPBlock a-newer"))
    );
    assert!(
        condition(&cluster.status_of("a-newer"), "Valid").2.contains("overlaps `192.168.0.0/16` of Network `rails`")
    );
}

#[test]
fn a_node_that_is_gone_leaves_nothing_once_the_server_itself_says_so() {
    let mut cluster = Cluster::new(&["node-1", "node-2"]);
    cluster.network(document("Network", "rails", rails()));
    cluster.make_blocks();
    cluster.snapshot.nodes.remove("node-2");
    let writes = cluster.look().writes;
    let of_node: Vec<&str> =
        writes.iter().filter(|write| write.unless_there.is_some()).map(|write| write.key.as_str()).collect();
    assert_eq!(of_node, ["IPBlock rails-0-1", "IPBlock rails-1-1", "StrategyStatus node-2", "HostInterface node-2"]);
}

#[test]
fn a_nic_must_be_gone_for_a_while_before_its_block_goes() {
    let mut cluster = Cluster::new(&["node-1"]);
    cluster.network(document("Network", "rails", rails()));
    cluster.make_blocks();
    cluster.host("node-1", json!([{"name": "eth1", "addresses": ["10.0.1.11/24"]}]), json!({}));
    let deletes = |cluster: &mut Cluster| cluster.keys().iter().any(|key| key == "IPBlock rails-1-0");
    assert!(!deletes(&mut cluster));
    cluster.pass(299);
    assert!(!deletes(&mut cluster));
    cluster.pass(2);
    assert!(deletes(&mut cluster));
}

#[test]
fn a_network_goes_when_its_last_block_has_gone() {
    let mut cluster = Cluster::new(&["node-1"]);
    cluster.network(document("Network", "rails", rails()));
    cluster.make_blocks();
    let mut leaving = document("Network", "rails", rails());
    leaving["metadata"]["deletionTimestamp"] = json!("2026-01-02T00:00:00Z");
    leaving["metadata"]["finalizers"] = json!([BLOCKS_FINALIZER, "example.com/other"]);
    cluster.network(leaving);
    let keys = cluster.keys();
    assert!(keys.contains(&"IPBlock rails-0-0".to_owned()) && !keys.contains(&"Network rails".to_owned()), "{keys:?}");
    cluster.snapshot.blocks.clear();
    let writes = cluster.look().writes;
    let Act::Merge(_, patch) = &writes[0].act else { panic!("{writes:?}") };
    assert_eq!(patch["metadata"]["finalizers"], json!(["example.com/other"]));
}

#[test]
fn a_block_is_let_go_when_its_daemon_says_so_and_a_wedged_one_is_named() {
    let mut cluster = Cluster::new(&["node-1"]);
    let mut leaving = document("Network", "rails", rails());
    leaving["metadata"]["deletionTimestamp"] = json!("2026-01-02T00:00:00Z");
    cluster.network(leaving);
    let spec = json!({"network": "rails", "node": "node-1", "interface": "eth1", "interfaceIndex": 0, "hostIndex": 0,
        "segment": "10.0.1.0/24"});
    let mut block = document("IPBlock", "rails-0-0", spec);
    block["metadata"]["deletionTimestamp"] = json!("2026-01-02T00:00:00Z");
    block["metadata"]["finalizers"] = json!(["nicety.dev/leases"]);
    cluster.block(block);
    assert!(
        condition(&cluster.status_of("rails"), "BlocksAssigned")
            .2
            .contains("1 blocks wait for the daemons of `node-1`")
    );
    cluster.host("node-1", json!([{"name": "eth1"}]), json!({"released": ["rails-0-0"]}));
    let writes = cluster.look().writes;
    assert!(
        writes
            .iter()
            .any(|write| matches!(&write.act, Act::Merge(_, patch) if patch["metadata"]["finalizers"] == json!([])))
    );
}

#[test]
fn definitions_follow_the_namespaces_and_leave_with_them() {
    let mut cluster = Cluster::new(&[]);
    let mut spec = rails();
    spec["namespaces"] = json!(["team"]);
    cluster.network(document("Network", "rails", spec.clone()));
    let made = |cluster: &mut Cluster, namespace: &str, changes: Value| {
        let owner = crate::force::standings(&cluster.snapshot.networks, &BTreeMap::new());
        let network = owner["rails"].force.clone().unwrap().network;
        let owner = nicety_objects::render::Owner { network: &network, uid: "uid-rails" };
        let mut made = nicety_objects::render::attachment::attachment_definition(owner, namespace);
        made["metadata"]["uid"] = json!("u");
        for (field, value) in changes.as_object().unwrap() {
            made["spec"][field] = value.clone();
        }
        let (key, seen) = items::made(object(made)).unwrap();
        cluster.snapshot.attachments.as_mut().unwrap().insert(key, seen.value);
    };
    let definitions = |cluster: &mut Cluster| -> Vec<String> {
        let writes = cluster.look().writes;
        let said = |write: Write| match write.act {
            Act::Make(..) => Some(format!("make {}", write.key)),
            Act::Apply(..) => Some(format!("apply {}", write.key)),
            Act::Delete(..) => Some(format!("delete {}", write.key)),
            _ => None,
        };
        writes.into_iter().filter_map(said).map(|text| text.replace("NetworkAttachmentDefinition ", "")).collect()
    };
    assert_eq!(definitions(&mut cluster), ["make team/rails"]);
    made(&mut cluster, "team", json!({}));
    made(&mut cluster, "default", json!({}));
    assert_eq!(definitions(&mut cluster), ["delete default/rails"]);
    made(&mut cluster, "team", json!({"config": "{}"}));
    cluster.snapshot.attachments.as_mut().unwrap().remove("default/rails");
    assert_eq!(definitions(&mut cluster), ["apply team/rails"]);
}

#[test]
fn a_write_that_fails_waits_and_is_told_in_the_status_while_others_go_on() {
    let mut cluster = Cluster::new(&["node-1", "node-2"]);
    cluster.network(document("Network", "rails", rails()));
    cluster.look();
    let now = cluster.now;
    let message = "cannot make IPBlock `rails-0-0`: webhook says no".to_owned();
    cluster.patience.failed("IPBlock rails-0-0", Some("rails".into()), Failure::Refused, message, now);
    let keys = cluster.keys();
    assert!(!keys.contains(&"IPBlock rails-0-0".to_owned()) && keys.contains(&"IPBlock rails-0-1".to_owned()));
    let tainted = cluster.look().tally.tainted;
    assert_eq!(tainted, 1, "the node whose block could not be made is not ready");
    let status = cluster.status_of("rails");
    assert_eq!(condition(&status, "ObjectsWritten").1, "WriteFailed");
    assert!(condition(&status, "ObjectsWritten").2.contains("webhook says no"));
}

#[test]
fn a_node_without_its_daemon_is_tainted_after_a_moment_and_freed_at_once() {
    let mut cluster = Cluster::new(&["node-1"]);
    cluster.network(document("Network", "rails", rails()));
    cluster.node("node-2", json!({}));
    cluster.node("node-1", json!({"taints": [{"key": "nicety.dev/not-ready", "effect": "NoSchedule"}]}));
    let keys = cluster.keys();
    assert!(keys.contains(&"Node node-1".to_owned()) && !keys.contains(&"Node node-2".to_owned()));
    cluster.pass(3);
    assert!(cluster.keys().contains(&"Node node-2".to_owned()));
}

#[test]
fn a_status_counts_and_shows_examples_and_is_written_once() {
    let names: Vec<String> = (0..30).map(|at| format!("node-{at:02}")).collect();
    let mut cluster = Cluster::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    cluster.network(document("Network", "rails", rails()));
    cluster.make_blocks();
    let ready = json!({"networks": [{"name": "rails", "generation": 1, "ready": true}]});
    cluster.host(
        "node-00",
        json!([{"name": "eth1", "addresses": ["10.0.1.11/24"]}, {"name": "eth2", "addresses": ["10.0.2.11/24"]}]),
        ready,
    );
    let status = cluster.status_of("rails");
    assert_eq!(status["discovery"], json!({"nodes": 30, "interfaces": 60, "blocks": 60}));
    assert_eq!((status["readyNodes"].as_u64(), status["notReady"].as_array().unwrap().len()), (Some(1), 10));
    assert_eq!(
        status["blocks"][1],
        json!({"segment": "10.0.2.0/24", "interfaceIndex": 1, "cidrs": ["192.168.64.0/18"], "hosts": 30, "free": 34})
    );
    assert!(condition(&status, "Ready").2.contains("29 of 30 nodes are not ready"));
    let mut written = document("Network", "rails", rails());
    written["status"] = status;
    written["metadata"]["finalizers"] = json!([BLOCKS_FINALIZER]);
    written["metadata"]["annotations"] = json!({ items::IN_FORCE: rails().to_string() });
    cluster.network(written);
    cluster.pass(60);
    assert!(cluster.keys().iter().all(|key| key.starts_with("NetworkAttachmentDefinition")));
}

#[test]
fn a_block_written_before_its_network_is_waited_for() {
    let mut cluster = Cluster::new(&["node-1"]);
    let spec = json!({"network": "rails", "node": "node-1", "interface": "eth1", "interfaceIndex": 0, "hostIndex": 3});
    cluster.block(document("IPBlock", "rails-0-3", spec));
    assert!(cluster.keys().is_empty());
    cluster.network(document("Network", "rails", rails()));
    let writes = cluster.look().writes;
    let kept: Vec<&str> = writes
        .iter()
        .filter(|write| write.key == "IPBlock rails-0-3")
        .map(|write| match &write.act {
            Act::Merge(_, patch) => patch["metadata"]["finalizers"][0].as_str().unwrap(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kept, ["nicety.dev/leases"], "it is taken over");
    assert!(writes.iter().all(|write| write.key != "IPBlock rails-0-4"));
}
