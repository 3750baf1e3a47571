//! `kubectl nicety egress plan` and `picture`: what the controller would do, computed here of what kubectl lists. It needs the right to list
//! the objects, which is the user's own, and none to write; policies run in sandboxes of this process.

use std::{process::ExitCode, sync::Arc};

use anyhow::{Context, anyhow};
use nicety_controller::egress::{
    Config,
    dry::{Change, Dry, KINDS, Scope},
};
use nicety_daemon::admin::view::egress::{Picture, PlanView};
use nicety_deciding::State;
use nicety_egress::picture;
use nicety_objects::{strategies::CONFIG_MAP, yaml};

use super::Kubectl;
use crate::{args::EgressChange, controller::Sandboxed, egress::NO, text::say};

/// 3 where a pod would lose its gateway, more would be captured without one, or nothing would be decided.
pub fn run(kubectl: &Kubectl, change: &EgressChange) -> anyhow::Result<ExitCode> {
    let strategy = change.strategy.as_deref().map(str::parse).transpose();
    let strategy =
        strategy.with_context(|| format!("`{}` is no strategy", change.strategy.as_deref().unwrap_or_default()))?;
    let mut with = Vec::new();
    for (name, text) in change.manifests()? {
        with.extend(yaml::documents(&text).with_context(|| format!("cannot read `{name}`"))?);
    }
    let without = change.without.clone();
    let plan = listed(kubectl)?.plan(Change { without, with, strategy }).map_err(|wrong| anyhow!("{wrong}"))?;
    let plan = PlanView::of(&plan);
    say(if kubectl.cluster.json { serde_json::to_string_pretty(&plan)? } else { plan.text.clone() }.trim_end());
    Ok(if plan.is_bad() { NO.into() } else { ExitCode::SUCCESS })
}

pub fn draw(kubectl: &Kubectl, policy: &str) -> anyhow::Result<ExitCode> {
    let dry = listed(kubectl)?;
    let assembly = dry.assembly().context("there is nothing to draw")?;
    let svg = picture::draw(assembly, policy).with_context(|| {
        let known = assembly.view().policies.keys().cloned().collect::<Vec<_>>().join("`, `");
        format!("there is no policy `{policy}`; hint: there are `{known}`")
    })?;
    say(&if kubectl.cluster.json { serde_json::to_string_pretty(&Picture { svg })? } else { svg });
    Ok(ExitCode::SUCCESS)
}

/// The cluster as it is now. What changes while it is listed is seen before or after.
fn listed(kubectl: &Kubectl) -> anyhow::Result<Dry> {
    let system = ["--namespace", &kubectl.cluster.system_namespace];
    let field = format!("--field-selector=metadata.name={CONFIG_MAP}");
    let mut objects = Vec::new();
    for (kind, scope) in KINDS {
        let more: Vec<&str> = match scope {
            Scope::Cluster => Vec::new(),
            Scope::EveryNamespace => vec!["--all-namespaces"],
            Scope::System => system.into_iter().chain([field.as_str()]).collect(),
        };
        objects.extend(kubectl.list(kind, &more)?);
    }
    let config = Config::new(Arc::new(Sandboxed::new(State::default())?));
    Dry::of(config, objects).map_err(|wrong| anyhow!("{wrong}"))
}
