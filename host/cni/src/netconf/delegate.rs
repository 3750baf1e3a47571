//! `delegate`: another plugin, or a list of them, that makes CNI_IFNAME before our own interfaces are made. Read here, never run.

use serde_json::{Map, Value};

use super::NetConf;
use crate::{fields::Fields, finding::Finding, version::Version};

/// The network configurations of the plugins, in the order of their ADD.
#[derive(Debug, Clone, PartialEq)]
pub struct Delegate {
    /// In which the plugins are spoken to.
    pub version: Version,
    pub plugins: Vec<Plugin>,
    /// Of the call, as the runtime filled it in: each plugin gets what its own `capabilities` declare.
    runtime_config: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Plugin {
    /// `type`: the name of an executable file.
    pub kind: String,
    config: Map<String, Value>,
}

/// Plugins of the first generation of CNI 1.0 are everywhere, and refuse what is newer.
const NEWEST_UNASKED: Version = Version::V1_0_0;

impl Delegate {
    /// An object with `type`, or with a list `plugins`. None where there is no `delegate`.
    pub(super) fn read(fields: &mut Fields<'_, '_>, netconf: Version) -> Option<Delegate> {
        let object = fields.map("delegate")?;
        let runtime_config = fields.value("runtimeConfig").and_then(Value::as_object).cloned().unwrap_or_default();
        let mut delegate = fields.object("delegate")?;
        let version = match delegate.text("cniVersion").map(|text| text.parse::<Version>()) {
            Some(Ok(version)) => version,
            Some(Err(unsupported)) => {
                delegate.wrong("cniVersion", unsupported.to_string());
                return None;
            }
            None => netconf.min(NEWEST_UNASKED),
        };
        let plugins = match object.get("plugins") {
            Some(_) => delegate.objects("plugins", Plugin::read)?,
            None => vec![Plugin::read(&mut delegate)?],
        };
        if plugins.is_empty() {
            delegate.wrong("plugins", "is empty; hint: name the plugin that makes the pod's own interface");
            return None;
        }
        Some(Delegate { version, plugins, runtime_config })
    }

    /// What each plugin reads, but for `prevResult`. All are of one network: ours.
    pub fn configs(&self, name: &str) -> Vec<(String, Map<String, Value>)> {
        self.plugins.iter().map(|plugin| (plugin.kind.clone(), plugin.config(self, name))).collect()
    }
}

impl Plugin {
    fn read(fields: &mut Fields<'_, '_>) -> Option<Plugin> {
        let kind = fields.text("type").unwrap_or_default();
        let fault = match kind.as_str() {
            "" => Some("is missing; hint: it names the plugin's file".to_owned()),
            "." | ".." => Some(format!("`{kind}` is not the name of a file")),
            _ if kind.contains('/') || kind.contains('\0') => {
                Some(format!("`{kind}` is a path; hint: a plugin is named by its file in the folder of delegates"))
            }
            "nicety" => Some("`nicety` cannot be its own delegate".to_owned()),
            _ => None,
        };
        match fault {
            Some(fault) => {
                fields.wrong("type", fault);
                None
            }
            None => Some(Plugin { kind, config: fields.whole() }),
        }
    }

    fn config(&self, delegate: &Delegate, name: &str) -> Map<String, Value> {
        let mut config = self.config.clone();
        config.insert("cniVersion".to_owned(), delegate.version.as_str().into());
        config.insert("name".to_owned(), name.into());
        let declared = config.get("capabilities").and_then(Value::as_object).cloned().unwrap_or_default();
        let wanted = |key: &String| declared.get(key).and_then(Value::as_bool) == Some(true);
        let given = delegate.runtime_config.iter().filter(|(key, _)| wanted(key));
        let given: Map<String, Value> = given.map(|(key, value)| (key.clone(), value.clone())).collect();
        if !given.is_empty() {
            config.insert("runtimeConfig".to_owned(), given.into());
        }
        config
    }
}

/// CNI_IFNAME has one maker.
pub(super) fn conflicts(netconf: &NetConf, has_prev_result: HasPrevResult, findings: &mut Vec<Finding>) {
    if netconf.delegate.is_none() {
        return;
    }
    if let Some(network) = &netconf.network {
        let message = format!("stands beside `network: {network}`; hint: CNI_IFNAME is made by one of the two");
        findings.push(Finding::new("delegate", message));
    }
    if netconf.caller == super::Caller::MetaPlugin {
        findings.push(Finding::new("delegate", "stands beside `delegated`; hint: a delegate runs no others"));
    }
    if has_prev_result == HasPrevResult::Yes {
        let message = "stands behind another plugin, which has made CNI_IFNAME; hint: leave it out, or come first";
        findings.push(Finding::new("delegate", message));
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HasPrevResult {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{Env, Mode, Request};

    fn parse(netconf: &serde_json::Value) -> Result<Request, String> {
        let env: Env = [
            ("CNI_COMMAND", "ADD"),
            ("CNI_CONTAINERID", "c1"),
            ("CNI_IFNAME", "eth0"),
            ("CNI_NETNS", "/run/netns/c1"),
            ("CNI_PATH", "/opt/cni/bin"),
        ]
        .into_iter()
        .collect();
        Request::parse(&env, netconf.to_string().as_bytes()).map_err(|refused| refused.to_string())
    }

    fn with(delegate: serde_json::Value) -> serde_json::Value {
        json!({
            "cniVersion": "1.1.0", "name": "pods", "type": "nicety", "delegate": delegate,
            "runtimeConfig": {"portMappings": [{"hostPort": 80, "containerPort": 8080}], "mac": "02:00:00:00:00:01"},
        })
    }

    #[test]
    fn a_list_of_plugins_gets_our_name_and_what_each_declares() {
        let plugins = json!({"plugins": [
            {"type": "bridge", "ipam": {"type": "host-local"}},
            {"type": "portmap", "capabilities": {"portMappings": true}},
        ]});
        let Ok(Request::Add(attachment)) = parse(&with(plugins)) else { panic!() };
        assert_eq!(attachment.mode(), Mode::Chained);
        let configs = attachment.netconf.delegate.unwrap().configs("pods");
        assert_eq!(configs.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), ["bridge", "portmap"]);
        assert_eq!((&configs[0].1["name"], &configs[0].1["cniVersion"]), (&json!("pods"), &json!("1.0.0")));
        assert_eq!(configs[0].1.get("runtimeConfig"), None);
        assert_eq!(configs[1].1["runtimeConfig"], json!({"portMappings": [{"hostPort": 80, "containerPort": 8080}]}));
    }

    #[test]
    fn what_cannot_be_a_delegate_is_told_by_its_field() {
        let refused = |delegate| parse(&with(delegate)).unwrap_err();
        for (delegate, words) in [
            (json!({"type": "../sh"}), "delegate.type: `../sh` is a path"),
            (json!({"type": "nicety"}), "delegate.type: `nicety` cannot be its own delegate"),
            (json!({"ipam": {}}), "delegate.type: is missing"),
            (json!({"plugins": [{"type": ".."}]}), "delegate.plugins[0].type: `..` is not the name of a file"),
            (json!({"plugins": []}), "delegate.plugins: is empty"),
            (json!({"type": "bridge", "cniVersion": "9.9.9"}), "delegate.cniVersion: "),
            (json!("bridge"), "delegate"),
        ] {
            let found = refused(delegate);
            assert!(found.contains(words), "{found}");
        }
    }

    #[test]
    fn cni_ifname_has_one_maker() {
        let mut both = with(json!({"type": "bridge"}));
        both["network"] = json!("front");
        both["prevResult"] = json!({"cniVersion": "1.0.0", "interfaces": []});
        let found = parse(&both).unwrap_err();
        assert!(found.contains("stands beside `network: front`") && found.contains("stands behind another"), "{found}");
    }
}
