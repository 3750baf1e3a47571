//! Pods: what they may do on a node.

use std::fs;

use serde_json::{Value, json};

use crate::manifests::{deploy, documents, one, text};

fn pod(kind: &str, name: &str) -> Value {
    one(kind, name)["spec"]["template"]["spec"].clone()
}

fn both() -> [(&'static str, Value); 2] {
    [("daemon", pod("DaemonSet", "nicety-daemon")), ("controller", pod("Deployment", "nicety-controller"))]
}

fn uninstall() -> Value {
    documents(&deploy().join("uninstall/job.yaml"))[0]["spec"]["template"]["spec"].clone()
}

fn containers(pod: &Value) -> Vec<Value> {
    let list = |field: &str| pod[field].as_array().cloned().unwrap_or_default();
    list("initContainers").into_iter().chain(list("containers")).collect()
}

#[test]
fn nothing_is_privileged_and_no_root_file_system_can_be_written() {
    for (name, pod) in both().into_iter().chain([("uninstall", uninstall())]) {
        assert_eq!(text(&pod, "/securityContext/seccompProfile/type"), "RuntimeDefault", "{name}");
        assert_eq!((&pod["hostPID"], &pod["hostIPC"]), (&Value::Null, &Value::Null), "{name}");
        for container in containers(&pod) {
            let context = &container["securityContext"];
            assert_eq!(context["readOnlyRootFilesystem"], true, "{name}: {container}");
            assert_eq!(context["allowPrivilegeEscalation"], false, "{name}: {container}");
            assert_eq!(context["capabilities"]["drop"], json!(["ALL"]), "{name}: {container}");
            assert_eq!(context["privileged"], Value::Null, "{name}: {container}");
        }
    }
}

#[test]
fn only_the_daemon_has_capabilities_and_each_has_its_reason() {
    let (daemon, controller) = (pod("DaemonSet", "nicety-daemon"), pod("Deployment", "nicety-controller"));
    let added = |container: &Value| container["securityContext"]["capabilities"]["add"].clone();
    assert_eq!(added(&daemon["containers"][0]), json!(["NET_ADMIN", "SYS_ADMIN", "NET_RAW"]));
    assert_eq!(added(&daemon["initContainers"][0]), Value::Null);
    assert_eq!(added(&controller["containers"][0]), Value::Null);
    assert_eq!(controller["securityContext"]["runAsNonRoot"], true);
    let manifest = fs::read_to_string(deploy().join("base/daemon.yaml")).unwrap();
    let lines: Vec<&str> = manifest.lines().map(str::trim).collect();
    for capability in ["- NET_ADMIN", "- SYS_ADMIN", "- NET_RAW"] {
        let at = lines.iter().position(|line| *line == capability).unwrap();
        assert!(lines[at - 1].starts_with("# "), "{capability}");
    }
}

#[test]
fn no_mount_is_propagated_and_the_node_s_folders_are_these() {
    let daemon = pod("DaemonSet", "nicety-daemon");
    for container in containers(&daemon) {
        for mount in container["volumeMounts"].as_array().unwrap() {
            assert_eq!(mount["mountPropagation"], Value::Null, "{mount}");
        }
    }
    let volumes = daemon["volumes"].as_array().unwrap();
    let mut folders: Vec<&str> =
        volumes.iter().map(|volume| text(volume, "/hostPath/path")).filter(|path| !path.is_empty()).collect();
    folders.sort_unstable();
    assert_eq!(folders, ["/opt/cni/bin", "/proc/sys/net", "/run/nicety", "/var/lib/nicety"]);
    // The controller has none of the node's.
    let own = json!([{"name": "state", "emptyDir": {"sizeLimit": "2Gi"}}]);
    assert_eq!(pod("Deployment", "nicety-controller")["volumes"], own);
}

#[test]
fn a_node_that_is_not_ready_gets_its_daemon() {
    for (name, pod) in both() {
        assert_eq!(pod["tolerations"], json!([{"operator": "Exists"}]), "{name}");
        assert_eq!(pod["hostNetwork"], true, "{name}");
        assert_eq!(text(&pod, "/priorityClassName"), "nicety", "{name}");
        for container in containers(&pod) {
            assert!(container["resources"]["requests"]["cpu"].is_string(), "{name}");
            assert!(container["resources"]["limits"]["memory"].is_string(), "{name}");
        }
    }
}

#[test]
fn one_controller_is_always_left() {
    let budget = one("PodDisruptionBudget", "nicety-controller");
    let controller = one("Deployment", "nicety-controller");
    assert_eq!((&budget["spec"]["minAvailable"], &controller["spec"]["replicas"]), (&json!(1), &json!(2)));
    assert_eq!(budget["spec"]["selector"], controller["spec"]["selector"]);
}
