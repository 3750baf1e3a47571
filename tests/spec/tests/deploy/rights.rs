//! RBAC: the daemon's rights are exactly these, because whoever takes a node over has them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::manifests::{base, one, text};

/// One right each: `group/resource[/name] verb`.
fn rights(kind: &str, name: &str) -> BTreeSet<String> {
    let list = |rule: &Value, field: &str| -> Vec<String> {
        let entries = rule[field].as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| entry.as_str().unwrap().to_owned()).collect()
    };
    let mut rights = BTreeSet::new();
    for rule in one(kind, name)["rules"].as_array().unwrap() {
        let names = list(rule, "resourceNames");
        let names = if names.is_empty() { vec![String::new()] } else { names };
        for group in list(rule, "apiGroups") {
            for resource in list(rule, "resources") {
                for (verb, name) in
                    list(rule, "verbs").iter().flat_map(|verb| names.iter().map(move |name| (verb, name)))
                {
                    let name = if name.is_empty() { String::new() } else { format!(" {name}") };
                    rights.insert(format!("{group}/{resource}{name}: {verb}"));
                }
            }
        }
    }
    rights
}

fn expected(rows: &[(&str, &[&str], &[&str])]) -> BTreeSet<String> {
    let mut rights = BTreeSet::new();
    for (group, resources, verbs) in rows {
        for resource in *resources {
            rights.extend(verbs.iter().map(|verb| format!("{group}/{resource}: {verb}")));
        }
    }
    rights
}

const READ: &[&str] = &["get", "list", "watch"];

#[test]
fn the_daemon_s_rights_are_exactly_these() {
    let ours = [
        "deviceclasses",
        "egressgateways",
        "egresshealths",
        "egresspolicies",
        "egressslices",
        "hostinterfaces",
        "ipblocks",
        "networks",
        "podnetworkattachments",
        "podnetworks",
    ];
    let rows: &[(&str, &[&str], &[&str])] = &[
        ("", &["pods", "nodes", "namespaces"], READ),
        ("nicety.dev", &ours, READ),
        ("k8s.cni.cncf.io", &["network-attachment-definitions"], READ),
        ("nicety.dev", &["egresshealths", "hostinterfaces", "strategystatuses"], &["create", "patch"]),
        ("nicety.dev", &["hostinterfaces/status", "strategystatuses/status"], &["patch"]),
        ("", &["pods/status"], &["patch"]),
        ("", &["events"], &["create", "patch"]),
    ];
    assert_eq!(rights("ClusterRole", "nicety-daemon"), expected(rows));
    let own: &[(&str, &[&str], &[&str])] = &[("", &["configmaps nicety-strategies"], READ)];
    assert_eq!(rights("Role", "nicety-daemon"), expected(own));
}

#[test]
fn the_controller_s_rights_are_exactly_these() {
    let rows: &[(&str, &[&str], &[&str])] = &[
        ("", &["namespaces", "nodes", "pods"], READ),
        ("", &["nodes"], &["patch"]),
        ("nicety.dev", &["egresshealths", "egresspolicies", "egressslices"], READ),
        ("nicety.dev", &["hostinterfaces", "ipblocks", "networks", "strategystatuses"], READ),
        ("nicety.dev", &["egressslices", "ipblocks"], &["create", "patch", "delete"]),
        ("nicety.dev", &["networks", "networks/status", "egresspolicies/status"], &["patch"]),
        ("nicety.dev", &["networks/finalizers"], &["update"]),
        ("nicety.dev", &["egresshealths", "hostinterfaces", "strategystatuses"], &["delete"]),
        ("k8s.cni.cncf.io", &["network-attachment-definitions"], READ),
        ("k8s.cni.cncf.io", &["network-attachment-definitions"], &["create", "patch", "delete"]),
        ("sriovnetwork.openshift.io", &["sriovnetworknodepolicies", "sriovnetworks"], READ),
        ("sriovnetwork.openshift.io", &["sriovnetworknodepolicies", "sriovnetworks"], &["create", "patch", "delete"]),
    ];
    assert_eq!(rights("ClusterRole", "nicety-controller"), expected(rows));
    let own: &[(&str, &[&str], &[&str])] = &[
        ("coordination.k8s.io", &["leases"], &["create"]),
        ("coordination.k8s.io", &["leases nicety-controller"], &["get", "update"]),
        ("", &["configmaps nicety-strategies"], READ),
    ];
    assert_eq!(rights("Role", "nicety-controller"), expected(own));
}

#[test]
fn nobody_may_read_secrets_run_programs_or_give_rights_away() {
    for (kind, name) in [
        ("ClusterRole", "nicety-daemon"),
        ("Role", "nicety-daemon"),
        ("ClusterRole", "nicety-controller"),
        ("Role", "nicety-controller"),
    ] {
        for right in rights(kind, name) {
            let (resource, verb) = right.split_once(": ").unwrap();
            let bad = ["secrets", "pods/exec", "pods/attach", "pods/portforward", "serviceaccounts", "nodes/proxy"];
            assert!(!right.contains('*'), "{name}: {right}");
            assert!(
                !bad.iter().any(|bad| resource.split(['/', ' ']).any(|part| part == *bad) || resource.ends_with(bad)),
                "{name}: {right}"
            );
            assert!(!resource.starts_with("rbac.authorization.k8s.io/"), "{name}: {right}");
            assert!(!["deletecollection", "escalate", "bind", "impersonate"].contains(&verb), "{name}: {right}");
        }
    }
}

#[test]
fn the_taint_is_the_controller_s_alone() {
    let writes =
        |name| rights("ClusterRole", name).into_iter().filter(|right| right.starts_with("/nodes: patch")).count();
    assert_eq!((writes("nicety-daemon"), writes("nicety-controller")), (0, 1));
}

#[test]
fn each_role_is_bound_to_its_own_account_alone() {
    let bindings: Vec<Value> = base().into_iter().filter(|object| text(object, "/kind").ends_with("Binding")).collect();
    assert_eq!(bindings.len(), 4);
    for binding in bindings {
        let name = text(&binding, "/metadata/name");
        assert_eq!(text(&binding, "/roleRef/name"), name);
        assert_eq!(format!("{}Binding", text(&binding, "/roleRef/kind")), text(&binding, "/kind"));
        assert_eq!(binding["subjects"].as_array().unwrap().len(), 1);
        assert_eq!(text(&binding, "/subjects/0/name"), name);
        assert_eq!(text(&binding, "/subjects/0/kind"), "ServiceAccount");
    }
}
