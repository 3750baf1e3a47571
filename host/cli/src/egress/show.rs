//! `nicety egress show`: who leaves where, and why.

use std::process::ExitCode;

use nicety_core::egress::share::GatewayId;
use nicety_daemon::admin::view::egress::{Egress, EndpointView, ExitView, GatewayView};

use super::NO;
use crate::{
    args::EgressShow,
    client,
    text::{aligned, say, utc},
};

pub fn run(arguments: &EgressShow) -> anyhow::Result<ExitCode> {
    let EgressShow { policy, pod, socket } = arguments;
    let mut egress: Egress = client::get(&socket.socket, "/v1/egress")?;
    if let Some(policy) = policy {
        let known = egress.policies.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join("`, `");
        let is_known = egress.policies.iter().any(|one| one.name == *policy);
        anyhow::ensure!(is_known, "node {} has no policy `{policy}`; hint: there are `{known}`", egress.node);
        only_of(&mut egress, policy);
    }
    if let Some(pod) = pod {
        egress.endpoints.retain(|one| one.pod.to_string() == *pod);
        egress.held.retain(|one| one.pod.to_string() == *pod);
    }
    let found = pod.is_none() || !egress.endpoints.is_empty() || !egress.held.is_empty();
    say(&if socket.json { serde_json::to_string_pretty(&egress)? } else { page(&egress, pod.as_deref()) });
    Ok(if found { ExitCode::SUCCESS } else { NO.into() })
}

fn only_of(egress: &mut Egress, policy: &str) {
    egress.policies.retain(|one| one.name == policy);
    egress.endpoints.iter_mut().for_each(|one| one.exits.retain(|exit| exit.policy == policy));
    egress.endpoints.retain(|one| !one.exits.is_empty());
    egress.held.retain(|one| one.policies.contains(policy));
    let exits: Vec<ExitView> = egress.endpoints.iter().flat_map(|one| one.exits.clone()).collect();
    let named = |id: &GatewayId| {
        exits.iter().any(|exit| [&exit.primary, &exit.standby, &exit.now].into_iter().flatten().any(|one| one == id))
    };
    egress.gateways.retain(|one| named(&one.id));
}

fn page(egress: &Egress, pod: Option<&str>) -> String {
    let Some(settings) = &egress.settings else {
        return format!("egress is off on node {}; hint: the daemon's `--egress on`", egress.node);
    };
    // Of what is shown, which may be one policy or one pod alone.
    let without = egress.endpoints.iter().filter(|one| one.exits.iter().any(|exit| exit.now.is_none())).count();
    let mut parts = vec![format!(
        "node {}: {} pods are captured, {without} of them have no gateway; {} gateways, asked by {} every {} ms",
        egress.node,
        egress.endpoints.len(),
        egress.gateways.len(),
        settings.probe,
        settings.interval_ms
    )];
    if let (Some(at), Some(took)) = (egress.changed, egress.changed_in_us) {
        parts.push(format!("last change {}, which took {:.1} ms", utc(at), took as f64 / 1000.0));
    }
    let listed =
        |title: &str, lines: Vec<String>| (!lines.is_empty()).then(|| format!("{title}\n  {}", lines.join("\n  ")));
    parts.extend(listed("NOT as it should be:", egress.faults.clone()));
    parts.extend(listed("attention:", egress.doubts.clone()));
    let stopped = egress.stopped.iter().filter(|(_, packets)| **packets > 0);
    parts.extend(listed("stopped packets:", stopped.map(|(why, packets)| format!("{why}: {packets}")).collect()));
    let head = ["POLICY", "PRIORITY", "PODS HERE", "DROPPED", "DESTINATIONS"].map(str::to_owned);
    let policies = egress.policies.iter().map(|one| {
        let nets = one.destinations.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let except = one.excluded.iter().map(|net| format!("-{net}")).collect::<Vec<_>>().join(" ");
        let nets = format!("{nets} {except}").trim().to_owned();
        [one.name.clone(), one.priority.to_string(), one.endpoints.to_string(), one.dropped.to_string(), nets]
    });
    parts.push(aligned(&std::iter::once(head).chain(policies).collect::<Vec<_>>()));
    let head = ["GATEWAY", "HEALTH", "PODS HERE", "LEAVE WITH", "NOTE"].map(str::to_owned);
    let gateways = egress.gateways.iter().map(gateway);
    parts.push(aligned(&std::iter::once(head).chain(gateways).collect::<Vec<_>>()));
    let head = ["POD", "POLICY", "LEAVES BY", "STANDBY", "WHY"].map(str::to_owned);
    let mut pods: Vec<[String; 5]> = egress.endpoints.iter().flat_map(rows).collect();
    pods.extend(egress.held.iter().filter(|one| !one.policies.is_empty()).map(|one| {
        let policies = one.policies.iter().cloned().collect::<Vec<_>>().join(" ");
        let why = "held: nobody has said yet where it leaves; its packets are dropped";
        [one.pod.to_string(), policies, "-".to_owned(), "-".to_owned(), why.to_owned()]
    }));
    match pods.is_empty() {
        true => parts.push(match pod {
            Some(pod) => format!("no policy captures `{pod}` on this node; hint: ask the pod's own node"),
            None => "no pod of this node is captured".to_owned(),
        }),
        false => parts.push(aligned(&std::iter::once(head).chain(pods).collect::<Vec<_>>())),
    }
    parts.join("\n\n")
}

fn gateway(one: &GatewayView) -> [String; 5] {
    let with = one.leaves_with.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let with = if with.is_empty() { "as the gateway has it".to_owned() } else { with };
    [one.id.to_string(), one.health.clone(), one.pods.to_string(), with, one.wrong.clone().unwrap_or_default()]
}

fn rows(one: &EndpointView) -> Vec<[String; 5]> {
    let text = |id: &Option<GatewayId>| id.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    let row = |exit: &ExitView| {
        let leaves = if exit.now.is_some() { text(&exit.now) } else { "nowhere".to_owned() };
        [one.pod.to_string(), exit.policy.clone(), leaves, text(&exit.standby), exit.why.clone()]
    };
    one.exits.iter().map(row).collect()
}
