//! `spec.plugin`: the link kind, with arguments that are all texts.

use serde_json::{Map, Value, json};

use crate::{
    fields::Fields,
    report::{Class, Note},
};

pub(super) fn read(spec: &mut Fields, network: &str) -> Value {
    let mut plugin = spec.part("plugin");
    // The version of the delegate's configuration.
    plugin.ignore(&["cniVersion"]);
    plugin.lost("capabilities", "was never used there", "");
    plugin.lost("dns", "was never used there", "set the pod's `dnsConfig` if name servers were meant");
    let kind = plugin.text("type").unwrap_or_default();
    let mut args = plugin.part("args");
    args.lost("master", "the NIC is chosen for each interface, there and here", "");
    let mut link = match kind.as_str() {
        "sriov" => sriov(&mut args, network),
        "mellanox" => {
            args.note(
                Class::Check,
                "",
                "the device plugin's resources were looked up in the first NicClusterPolicy",
                "set `link.resourceName` to the resource of the device plugin",
            );
            json!({ "kind": "host-device" })
        }
        kind => {
            let mut notes = Vec::new();
            let link = of_type(kind, &mut notes);
            plugin.take_over(notes);
            link
        }
    };
    let device = matches!(kind.as_str(), "sriov" | "mellanox");
    if let (Some(mode), Some(link)) = (args.text("mode"), link.as_object_mut()) {
        match device {
            true => args.note(Class::NoEquivalent, "mode", "a whole device has no mode", ""),
            false => {
                link.insert("mode".to_owned(), json!(mode.to_lowercase()));
            }
        }
    }
    if let (Some(mtu), Some(link)) = (args.parsed::<u32>("mtu", "a number of bytes"), link.as_object_mut())
        && mtu > 0
    {
        link.insert("mtu".to_owned(), json!(mtu));
    }
    plugin.finish(args);
    spec.finish(plugin);
    link
}

/// Whether nodes can route to pods on such a link.
pub(super) fn is_routed(link: &Value) -> bool {
    let text = |field: &str| link.get(field).and_then(Value::as_str).unwrap_or_default();
    text("kind") == "ipvlan" && matches!(text("mode"), "l3" | "l3s")
}

pub(super) fn of_type(kind: &str, notes: &mut Vec<Note>) -> Value {
    match kind {
        "ipvlan" | "macvlan" => json!({ "kind": kind }),
        "aws-ipvlan" => {
            let meaning =
                "assigned each pod's address to the cloud's interface that carries it; here the link is plain ipvlan";
            let to_do =
                "let the cloud route the blocks to the nodes' interfaces, or assign the addresses by other means";
            notes.push(Note::new(Class::NoEquivalent, "spec.plugin.type", meaning, to_do));
            json!({ "kind": "ipvlan" })
        }
        "sriov" | "mellanox" | "host-device" => json!({ "kind": "host-device" }),
        other => {
            let meaning = format!("`{other}` is no plugin of that system; there, it was not found; macvlan is written");
            notes.push(Note::new(Class::Check, "spec.plugin.type", meaning, "choose `link.kind`"));
            json!({ "kind": "macvlan" })
        }
    }
}

/// A virtual function is a device that is moved into the pod; the SR-IOV operator makes it as the network says.
fn sriov(args: &mut Fields, network: &str) -> Value {
    let resource = args.text("resourceName");
    let mut functions = Map::new();
    let mut put = |field: &str, value: Option<Value>| functions.extend(value.map(|value| (field.to_owned(), value)));
    for (theirs, ours) in [("numVfs", "numVfs"), ("priority", "priority"), ("vlan", "vlan"), ("vlanQoS", "vlanQoS")] {
        put(ours, args.parsed::<u32>(theirs, "a number").map(|number| json!(number)));
    }
    for (theirs, ours) in [("isRdma", "isRdma"), ("needVhostNet", "needVhostNet")] {
        put(ours, args.flag(theirs).map(|flag| json!(flag)));
    }
    let mut taken = Vec::new();
    for (theirs, ours) in [("spoofchk", "spoofChk"), ("trust", "trust")] {
        let text = args.text(theirs);
        let flag = text.map(|text| matches!(text.as_str(), "on" | "true" | "yes"));
        taken.extend(flag.is_some().then_some(theirs));
        put(ours, flag.map(|flag| json!(flag)));
    }
    for (theirs, ours) in [("minTxRate", "minTxRate"), ("maxTxRate", "maxTxRate")] {
        let rate = args.parsed::<u32>(theirs, "a number of Mbit/s");
        taken.extend(rate.is_some().then_some(theirs));
        put(ours, rate.map(|rate| json!(rate)));
    }
    for name in taken {
        args.note(
            Class::Changed,
            name,
            "was lost on its way to the device there; here it is written for the SR-IOV operator",
            "",
        );
    }
    if resource.is_none() {
        let meaning = format!(
            "is missing, so the SR-IOV operator is asked for devices of `{network}` by the name that it gives them"
        );
        args.note(Class::Check, "resourceName", meaning, "compare with what pods ask for");
    }
    // A network that names its resource uses devices which somebody else made.
    let sriov =
        if resource.is_none() && functions.is_empty() { json!({ "numVfs": 1 }) } else { Value::Object(functions) };
    let resource = resource.map(|name| if name.contains('/') { name } else { format!("openshift.io/{name}") });
    json!({ "kind": "host-device", "resourceName": resource, "sriov": sriov })
}
