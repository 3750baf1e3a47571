//! The network configuration for runtimes.
//!
//! `cniVersion` stays at 1.0.0, which older runtimes read; `cniVersions` lets newer ones choose 1.1.0, with GC and STATUS.

use std::{fs, path::Path};

use anyhow::{Context, bail};
use nicety_core::ids::NetworkName;
use serde_json::{Map, Value, json};

use crate::args::Conflist;

pub fn text(arguments: &Conflist) -> anyhow::Result<String> {
    let Conflist { conflist_name, name, network, delegate, socket } = arguments;
    if conflist_name.contains('/') || !conflist_name.ends_with(".conflist") {
        bail!("`{conflist_name}` is not the name of a file that ends in `.conflist`");
    }
    let socket = socket.to_str().filter(|socket| socket.starts_with('/'));
    let socket = socket.context("the socket is not an absolute path")?;
    let mut plugin = json!({"type": "nicety", "socket": socket});
    let mut capabilities = Map::from_iter([
        ("io.kubernetes.cri.pod-annotations".to_owned(), Value::Bool(true)),
        ("ips".to_owned(), Value::Bool(true)),
        ("mac".to_owned(), Value::Bool(true)),
        ("deviceID".to_owned(), Value::Bool(true)),
    ]);
    match (network, delegate) {
        (Some(network), _) => {
            let network: NetworkName = network.parse().context("hint: `--network` names a Network object")?;
            plugin["network"] = network.to_string().into();
        }
        (None, Some(file)) => {
            let delegate = read(file)?;
            capabilities.extend(declared(&delegate));
            plugin["delegate"] = delegate;
        }
        (None, None) => bail!("hint: `--network NETWORK` or `--delegate FILE` says who makes the pods' own interface"),
    }
    plugin["capabilities"] = capabilities.into();
    let list = json!({
        "cniVersion": "1.0.0",
        "cniVersions": ["1.0.0", "1.1.0"],
        "name": name,
        "plugins": [plugin],
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&list)?))
}

/// Whether one of the list's plugins is ours.
pub fn is_ours(bytes: &[u8]) -> bool {
    let list: Value = serde_json::from_slice(bytes).unwrap_or_default();
    list["plugins"].as_array().is_some_and(|plugins| plugins.iter().any(|plugin| plugin["type"] == "nicety"))
}

fn read(file: &Path) -> anyhow::Result<Value> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let mut delegate: Value =
        serde_json::from_str(&text).with_context(|| format!("`{}` is not JSON", file.display()))?;
    let fields = delegate.as_object_mut().with_context(|| format!("`{}` is not a JSON object", file.display()))?;
    if !fields.contains_key("type") && !fields.contains_key("plugins") {
        bail!(
            "`{}` has neither `type` nor `plugins`; hint: it is a network configuration of other plugins",
            file.display()
        );
    }
    // The network is ours: one name for the runtime, and for what plugins keep by name.
    fields.remove("name");
    fields.remove("cniVersions");
    Ok(delegate)
}

/// What the runtime fills in for a plugin is what its configuration declares, and ours stands before them all.
fn declared(delegate: &Value) -> Map<String, Value> {
    let alone = std::slice::from_ref(delegate);
    let plugins = delegate["plugins"].as_array().map_or(alone, Vec::as_slice);
    plugins
        .iter()
        .filter_map(|plugin| plugin["capabilities"].as_object())
        .flatten()
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(network: Option<&str>, delegate: Option<&Path>) -> Conflist {
        Conflist {
            conflist_name: "05-nicety.conflist".to_owned(),
            name: "pods".to_owned(),
            network: network.map(str::to_owned),
            delegate: delegate.map(Path::to_owned),
            socket: "/run/nicety/cni.sock".into(),
        }
    }

    #[test]
    fn older_runtimes_read_the_version_and_newer_ones_the_versions() {
        let list: Value = serde_json::from_str(&text(&arguments(Some("front"), None)).unwrap()).unwrap();
        assert_eq!((&list["cniVersion"], &list["cniVersions"]), (&json!("1.0.0"), &json!(["1.0.0", "1.1.0"])));
        assert_eq!(list["plugins"][0]["network"], "front");
        assert!(is_ours(list.to_string().as_bytes()) && !is_ours(b"{}"));
    }

    #[test]
    fn a_delegate_keeps_all_but_its_name_and_its_capabilities_are_ours() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let other = r#"{"name": "k8s", "plugins": [{"type": "bridge"}, {"type": "portmap", "capabilities": {"portMappings": true}}]}"#;
        fs::write(file.path(), other).unwrap();
        let list: Value = serde_json::from_str(&text(&arguments(None, Some(file.path()))).unwrap()).unwrap();
        let plugin = &list["plugins"][0];
        assert_eq!(plugin["delegate"]["plugins"][0], json!({"type": "bridge"}));
        assert_eq!(plugin["delegate"].get("name"), None);
        assert_eq!(plugin["capabilities"]["portMappings"], true);
    }

    #[test]
    fn who_makes_the_pods_own_interface_must_be_said() {
        assert!(text(&arguments(None, None)).unwrap_err().to_string().contains("--delegate FILE"));
    }
}
