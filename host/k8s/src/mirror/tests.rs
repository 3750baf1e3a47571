use serde_json::{Value, json};

use super::{table::Seen, *};

fn node() -> NodeName {
    "node-1".parse().unwrap()
}

fn object(kind: &str, name: &str, version: &str, rest: Value) -> Seen {
    let mut value = json!({
        "apiVersion": if kind == "Network" { "nicety.dev/v1alpha1" } else { "v1" },
        "kind": kind,
        "metadata": {"name": name, "uid": format!("uid-of-{name}"), "resourceVersion": version},
    });
    for (field, content) in rest.as_object().unwrap() {
        match field.as_str() {
            "namespace" | "labels" | "creationTimestamp" | "deletionTimestamp" => {
                value["metadata"][field] = content.clone()
            }
            _ => value[field] = content.clone(),
        }
    }
    Seen::of(value).unwrap()
}

fn network(name: &str, version: &str, subnet: &str) -> Seen {
    let spec = json!({"subnets": [subnet], "ipam": {"type": "blocks", "interfaceBlock": 2, "hostBlock": 8}, "link": {"kind": "macvlan"}});
    object("Network", name, version, json!({"spec": spec}))
}

fn all(objects: Vec<Seen>) -> Told {
    Told::All { objects, version: "100".to_owned() }
}

fn wanted(uid: &str) -> Wanted {
    Wanted { namespace: "shop".to_owned(), name: "web".to_owned(), uid: uid.to_owned() }
}

fn with_node_and_namespace(mirror: &Mirror) {
    mirror.tell(Feed::Node, all(vec![object("Node", "node-1", "1", json!({"labels": {"zone": "a"}}))]));
    mirror.tell(Feed::Namespaces, all(vec![object("Namespace", "shop", "1", json!({"labels": {"team": "blue"}}))]));
}

#[test]
fn what_must_not_be_forgotten_is_saved_at_once_and_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = Mirror::open(folder.path(), &node());
    mirror.tell(Feed::EgressPolicies, all(Vec::new()));
    mirror.tell(Feed::Networks, all(vec![network("rails", "7", "192.168.0.0/16")]));
    mirror.save_now(&[Feed::EgressPolicies]);
    let again = Mirror::open(folder.path(), &node());
    assert_eq!(again.health().unknown(&[Feed::EgressPolicies, Feed::Networks]), [Feed::Networks]);
}

#[test]
fn a_restart_goes_on_with_what_was_saved() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = Mirror::open(folder.path(), &node());
    mirror.tell(Feed::Networks, all(vec![network("rails", "7", "192.168.0.0/16"), network("bad", "8", "nonsense")]));
    mirror.save();
    let again = Mirror::open(folder.path(), &node());
    assert_eq!(again.version(Feed::Networks).as_deref(), Some("100"));
    let networks = again.networks();
    assert_eq!(networks.iter().map(|known| known.name.as_str()).collect::<Vec<_>>(), ["rails"]);
    assert_eq!(networks[0].object, mirror.networks()[0].object);
    assert_eq!(again.frozen(), mirror.frozen());
    assert_eq!(again.health().feeds[&Feed::Networks].phase, Phase::Saved);
    assert_eq!(again.health().unknown(&[Feed::Networks, Feed::Blocks]), [Feed::Blocks]);
}

#[test]
fn a_bad_object_freezes_itself_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = Mirror::open(folder.path(), &node());
    mirror.tell(
        Feed::Networks,
        all(vec![network("rails", "7", "192.168.0.0/16"), network("storage", "8", "10.0.0.0/16")]),
    );
    mirror.tell(Feed::Networks, Told::Now(network("rails", "9", "nonsense")));
    mirror.tell(Feed::Networks, Told::Now(network("late", "10", "10.1.0.0/16")));
    let names: Vec<String> = mirror.networks().into_iter().map(|known| known.name).collect();
    assert_eq!(names, ["late", "rails", "storage"]);
    let frozen = mirror.frozen();
    assert_eq!((frozen.len(), frozen[0].name.as_str(), frozen[0].before), (1, "rails", Before::InForce));
    mirror.tell(Feed::Networks, Told::Gone(network("rails", "11", "nonsense")));
    assert_eq!(mirror.frozen(), []);
}

#[test]
fn strategies_that_were_taken_outlive_a_restart_and_newer_ones() {
    let folder = tempfile::tempdir().unwrap();
    let map = |version: &str, text: &str| {
        let data = json!({"namespace": NAMESPACE, "data": {"strategies.yaml": text}, "immutable": false});
        object("ConfigMap", "nicety-strategies", version, data)
    };
    let mirror = Mirror::open(folder.path(), &node());
    mirror.tell(Feed::Strategies, all(vec![map("1", "")]));
    assert_eq!(mirror.frozen(), []);
    mirror.take_strategies("1");
    let second = "strategies:\n  mine:\n    policy: builtin:spread\n";
    mirror.tell(Feed::Strategies, Told::Now(map("2", second)));
    // Not what is there now: nothing is taken.
    mirror.take_strategies("1");
    mirror.save();
    let again = Mirror::open(folder.path(), &node());
    assert_eq!(again.strategies().unwrap().version, "2");
    assert_eq!(again.strategies_taken().unwrap().0, "1");
    again.take_strategies("2");
    assert_eq!(again.strategies_taken().unwrap().0, "2");
}

#[tokio::test]
async fn a_pod_is_waited_for_until_all_of_it_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = Mirror::open(folder.path(), &node());
    let waiting = tokio::spawn({
        let mirror = mirror.clone();
        async move { mirror.wait_for(&wanted("uid-of-web"), Duration::from_secs(5)).await }
    });
    sleep(Duration::from_millis(50)).await;
    let pod = json!({"namespace": "shop", "labels": {"app": "web"}});
    mirror.tell(Feed::Pods, all(vec![object("Pod", "web", "3", pod)]));
    sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished(), "the namespace is not known yet");
    with_node_and_namespace(&mirror);
    let facts = waiting.await.unwrap().unwrap();
    assert_eq!(facts.pod.labels["app"], "web");
    assert_eq!((facts.namespace["team"].as_str(), facts.node["zone"].as_str()), ("blue", "a"));
}

#[tokio::test]
async fn a_pod_that_is_not_seen_or_another_one_of_its_name_is_an_error_after_the_wait() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = Mirror::open(folder.path(), &node());
    with_node_and_namespace(&mirror);
    let (start, wait) = (tokio::time::Instant::now(), Duration::from_millis(100));
    let unseen = mirror.wait_for(&wanted(""), wait).await.unwrap_err();
    assert_eq!(unseen.to_string(), "pod `shop/web` is not known on this node");
    assert!(start.elapsed() >= wait);
    mirror.tell(Feed::Pods, all(vec![object("Pod", "web", "3", json!({"namespace": "shop"}))]));
    let unseen = mirror.wait_for(&wanted("another"), wait).await.unwrap_err();
    assert!(matches!(unseen, Unseen::Uid { .. }), "{unseen}");
}
