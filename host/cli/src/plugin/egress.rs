//! `kubectl nicety egress`: who leaves where, by what the controller has told each node. What a node makes of it while a gateway is
//! dead, its own daemon says: `nicety egress show` there.

mod plan;

use std::process::ExitCode;

use serde_json::Value;

use super::{Kubectl, entries, text};
use crate::{
    args::{PluginEgress, PluginEgressCommand},
    text::{aligned, say},
};

pub fn run(kubectl: &Kubectl, arguments: &PluginEgress) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        Some(PluginEgressCommand::Plan(change)) => return plan::run(kubectl, change),
        Some(PluginEgressCommand::Picture(arguments)) => return plan::draw(kubectl, &arguments.policy),
        None => {}
    }
    let slices = kubectl.list("egressslices.nicety.dev", &[])?;
    if kubectl.cluster.json {
        say(&serde_json::to_string_pretty(&slices)?);
        return Ok(ExitCode::SUCCESS);
    }
    let health = kubectl.list("egresshealths.nicety.dev", &[])?;
    say(&page(&slices, &health, arguments.policy.as_deref()));
    Ok(ExitCode::SUCCESS)
}

pub fn page(slices: &[Value], health: &[Value], policy: Option<&str>) -> String {
    let head = ["POD", "NODE", "POLICY", "GATEWAY", "STANDBY", "WHY"].map(str::to_owned);
    let or_none = |name: &str| if name.is_empty() { "-".to_owned() } else { name.to_owned() };
    let mut rows = Vec::new();
    for slice in slices {
        let node = text(slice, "/spec/node");
        for endpoint in entries(slice, "/spec/endpoints") {
            let pod = format!("{}/{}", text(endpoint, "/namespace"), text(endpoint, "/name"));
            let exits =
                entries(endpoint, "/exits").filter(|exit| policy.is_none_or(|name| text(exit, "/policy") == name));
            rows.extend(exits.map(|exit| {
                let (primary, standby) = (or_none(text(exit, "/primary")), or_none(text(exit, "/standby")));
                let (policy, why) = (text(exit, "/policy").to_owned(), text(exit, "/reason").to_owned());
                [pod.clone(), node.to_owned(), policy, primary, standby, why]
            }));
        }
    }
    rows.sort();
    let said = health.iter().flat_map(|one| {
        let observer = text(one, "/metadata/name");
        let bad = entries(one, "/spec/observed").filter(|seen| text(seen, "/verdict") != "healthy");
        bad.map(move |seen| format!("  {observer} says that {} does not answer", text(seen, "/node")))
    });
    let said: Vec<String> = said.collect();
    let table = match rows.is_empty() {
        true => "no pod is captured".to_owned(),
        false => aligned(&std::iter::once(head).chain(rows).collect::<Vec<_>>()),
    };
    if said.is_empty() { table } else { format!("{table}\n\ngateways that do not answer:\n{}", said.join("\n")) }
}
