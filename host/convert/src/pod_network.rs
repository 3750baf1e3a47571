//! PodNetwork in its three forms: the proposal for Kubernetes itself, its prototypes, and `kubernetes-sigs/multi-network`.

use serde_json::{Value, json};

use crate::{
    fields::Fields,
    foreign::Foreign,
    ours::{Converted, object},
    report::{Class, Note},
};

/// Groups that served these kinds.
const GROUPS: [&str; 2] = ["networking.k8s.io", "multinetwork.networking.x-k8s.io"];
/// Ours.
const PROVIDER: &str = "nicety.dev";

pub(crate) fn is_ours(object: &Foreign) -> bool {
    let kind = matches!(object.kind.as_str(), "PodNetwork" | "PodNetworkAttachment");
    (kind && GROUPS.contains(&object.group())) || is_pod(object)
}

/// A pod that lists networks in its spec, as the prototypes have it.
fn is_pod(object: &Foreign) -> bool {
    object.api_version == "v1" && object.kind == "Pod" && object.spec.names().iter().any(|name| name == "networks")
}

pub(crate) fn convert(foreign: Foreign) -> Converted {
    match foreign.kind.as_str() {
        "PodNetwork" => network(foreign),
        "PodNetworkAttachment" => attachment(foreign),
        _ => pod(foreign),
    }
}

fn network(mut foreign: Foreign) -> Converted {
    let mut notes = Vec::new();
    if matches!(foreign.name.as_str(), "default" | "kubernetes") {
        let meaning =
            "is the default network by its name there: pods that list nothing get it; here a name has no such meaning";
        notes.push(Note::new(
            Class::Changed,
            "metadata.name",
            meaning,
            "leave the cluster's own network to its plugin",
        ));
    }
    let spec = &mut foreign.spec;
    let enabled = spec.flag("enabled");
    let mut provider = spec.text("provider");
    let references = references(spec, &mut provider);
    for name in ["ipam4", "ipam6"] {
        spec.lost(name, "said who gives addresses; here the Network says it", "see `spec.ipam` of the Network");
    }
    if let Some(parameters) = spec.value("parameters") {
        let meaning =
            format!("`{parameters}` are the provider's own words; here parameters are objects that are referred to");
        spec.note(Class::NoEquivalent, "parameters", meaning, "write a Network, and name it in `parametersRefs`");
    }
    if let Some(name) = provider.as_deref().filter(|name| *name != PROVIDER) {
        let meaning = format!("`{name}` serves the network, so nothing here does");
        spec.note(
            Class::Check,
            "provider",
            meaning,
            "name `nicety.dev` and a Network in `parametersRefs` to have it served here",
        );
    }
    let written = json!({ "enabled": enabled, "provider": provider, "parametersRefs": references });
    let network = object("PodNetwork", foreign.metadata(&foreign.name, &GROUPS), written);
    foreign.converted(vec![network], notes)
}

fn attachment(mut foreign: Foreign) -> Converted {
    let spec = &mut foreign.spec;
    let name = spec.text("podNetworkName");
    let references = references(spec, &mut Some(String::new()));
    let mut metadata = foreign.metadata(&foreign.name, &GROUPS);
    if let (Some(namespace), Some(fields)) = (&foreign.namespace, metadata.as_object_mut()) {
        fields.insert("namespace".to_owned(), json!(namespace));
    }
    let written = json!({ "podNetworkName": name, "parametersRefs": references });
    let attachment = object("PodNetworkAttachment", metadata, written);
    foreign.converted(vec![attachment], Vec::new())
}

/// A network of Multi-NIC CNI becomes a Network of ours of the same name, and so does the reference to it.
fn references(spec: &mut Fields, provider: &mut Option<String>) -> Vec<Value> {
    let mut references = Vec::new();
    for mut reference in spec.parts("parametersRefs") {
        let mut text = |name: &str| reference.text(name);
        let (group, kind, name, namespace) = (text("group"), text("kind"), text("name"), text("namespace"));
        if group.as_deref() == Some("multinic.fms.io") && kind.as_deref() == Some("MultiNicNetwork") {
            let meaning = "named a MultiNicNetwork; it is a Network here, served by `nicety.dev`";
            reference.note(Class::Changed, "", meaning, "convert that network too");
            references.push(json!({ "group": "nicety.dev", "kind": "Network", "name": name }));
            *provider = Some(PROVIDER.to_owned());
        } else {
            references.push(json!({ "group": group, "kind": kind, "name": name, "namespace": namespace }));
        }
        spec.finish(reference);
    }
    references
}

/// Pods are not ours to write; what the annotation must say is.
fn pod(mut foreign: Foreign) -> Converted {
    let mut networks = Vec::new();
    let mut lost = Vec::new();
    for mut entry in foreign.spec.parts("networks") {
        let name = entry.text("podNetworkName").or_else(|| entry.text("podNetworkAttachmentName"));
        networks.push(json!({ "name": name, "interface": entry.text("interfaceName") }));
        for gateway in ["isDefaultGW4", "isDefaultGW6"] {
            if entry.flag(gateway) == Some(true) {
                lost.push(format!("{gateway} of `{}`", name.clone().unwrap_or_default()));
            }
        }
    }
    for network in &mut networks {
        if let Some(fields) = network.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
    }
    let annotation = Value::Array(networks);
    let mut to_do = format!("annotate the pod with `k8s.v1.cni.cncf.io/networks: '{annotation}'`");
    if !lost.is_empty() {
        to_do.push_str(&format!("; set `gateway4` and `gateway6` of the Networks for {}", lost.join(", ")));
    }
    foreign.refused("spec.networks", "no server has this field; here a pod asks by an annotation", &to_do)
}
