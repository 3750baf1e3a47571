use serde_json::json;

use super::{egress, is_called, networks, nodes, status};

fn daemon_set(ready: u64) -> serde_json::Value {
    json!({"kind": "DaemonSet", "status": {"numberReady": ready, "desiredNumberScheduled": 2}})
}

fn deployment() -> serde_json::Value {
    json!({"kind": "Deployment", "spec": {"replicas": 2}, "status": {"readyReplicas": 2}})
}

fn host(name: &str, ready: bool) -> serde_json::Value {
    json!({
        "metadata": {"name": name},
        "spec": {"interfaces": [{"name": "eth1"}, {"name": "eth2"}]},
        "status": {"daemon": "0.1.0", "networks": [{"name": "rails", "generation": 1, "ready": ready}]},
    })
}

fn strategy(name: &str, digest: &str) -> serde_json::Value {
    json!({"metadata": {"name": name}, "status": {"generation": 3, "digest": format!("sha256:{digest}")}})
}

#[test]
fn the_program_is_the_plugin_by_its_name() {
    for (program, expected) in
        [("kubectl-nicety", true), ("/usr/local/bin/kubectl-nicety", true), ("/nicety", false), ("nicety", false)]
    {
        assert_eq!(is_called(Some(program.as_ref())), expected, "{program}");
    }
    assert!(!is_called(None));
}

#[test]
fn a_cluster_in_order_has_nothing_wrong() {
    let hosts = [host("a", true), host("b", true)];
    let found =
        status::look(&[daemon_set(2), deployment()], &[json!({})], &hosts, &[strategy("a", "x"), strategy("b", "x")]);
    assert_eq!(found.wrong, Vec::<String>::new());
    assert_eq!(found.lines[0], "daemons      2 of 2 ready");
}

#[test]
fn what_is_wrong_is_named_with_its_nodes() {
    let bad = json!({"metadata": {"name": "rails"}, "status": {"conditions": [
        {"type": "Ready", "status": "False", "reason": "NoBlock", "message": "1 node has none"}]}});
    let strategies = [strategy("a", "x"), strategy("b", "y"), strategy("c", "x")];
    let found = status::look(&[daemon_set(1), deployment()], &[bad], &[host("a", true), host("b", false)], &strategies);
    assert_eq!(
        found.wrong,
        [
            "daemons: 1 of 2 are not ready",
            "network rails: Ready: NoBlock: 1 node has none",
            "network rails: not ready on b",
            "strategies: b decide by another set than most, sha256:y",
        ]
    );
}

#[test]
fn a_namespace_without_nicety_is_told() {
    let found = status::look(&[], &[], &[], &[]);
    assert!(found.wrong[0].contains("--system-namespace"), "{:?}", found.wrong);
}

#[test]
fn nodes_are_lines_with_those_too_that_have_no_daemon() {
    let list = [
        json!({"metadata": {"name": "a"}}),
        json!({"metadata": {"name": "b"}, "spec": {"taints": [{"key": "nicety.dev/not-ready"}]}}),
        json!({"metadata": {"name": "c"}}),
    ];
    let page = nodes::page(&list, &[host("a", true), host("b", false)], &[strategy("a", "0123456789abcdef")]);
    let expected = "\
NODE  DAEMON  NICS  NETWORKS  STRATEGIES      TAINTED  NOT READY
a     0.1.0   2     1/1       3 0123456789ab  no       -
b     0.1.0   2     0/1       -               yes      rails
c     -       -     0/0       -               no       -";
    assert_eq!(page, expected);
}

#[test]
fn networks_are_lines_with_their_blocks() {
    let network = json!({
        "metadata": {"name": "rails"},
        "spec": {"subnets": ["192.168.0.0/16"], "link": {"kind": "ipvlan", "mode": "l3"}, "routing": "l3"},
        "status": {
            "discovery": {"nodes": 3, "interfaces": 6, "blocks": 6}, "readyNodes": 2,
            "blocks": [{"free": 253}, {"free": 253}],
            "conditions": [{"type": "Ready", "status": "False", "reason": "RoutesMissing"}],
        },
    });
    let expected = "\
NETWORK  SUBNETS         LINK       ROUTING  NODES  NICS  BLOCKS  FREE  READY
rails    192.168.0.0/16  ipvlan l3  l3       2/3    6     6       506   no: RoutesMissing";
    assert_eq!(networks::page(&[network]), expected);
}

#[test]
fn who_leaves_where_is_read_from_the_slices() {
    let exit = |policy: &str| json!({"policy": policy, "primary": "gw-1/192.0.2.1", "reason": "its place on the ring"});
    let endpoint = json!({"namespace": "shop", "name": "web", "exits": [exit("out"), exit("bank")]});
    let slices = [json!({"spec": {"node": "node-1", "endpoints": [endpoint]}})];
    let seen = json!({"node": "gw-1", "verdict": "unhealthy"});
    let health = [json!({"metadata": {"name": "node-2"}, "spec": {"observed": [seen]}})];
    let page = egress::page(&slices, &health, Some("out"));
    let expected = "\
POD       NODE    POLICY  GATEWAY         STANDBY  WHY
shop/web  node-1  out     gw-1/192.0.2.1  -        its place on the ring

gateways that do not answer:
  node-2 says that gw-1 does not answer";
    assert_eq!(page, expected);
    assert_eq!(egress::page(&[], &[], None), "no pod is captured");
}
