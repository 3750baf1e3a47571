//! `nicety explain`: why a pod got the network cards that it has, or none.

use nicety_core::{
    decision::{Choice, Decision, Verdict},
    evaluate::Refusal,
    facts::{Facts, nic_selection::Nic},
    record::{
        Record, Timings,
        decision::{DecisionRecord, Outcome, Role},
    },
};
use nicety_daemon::admin::view::Explained;

use crate::{args, client, text::say};

pub fn run(arguments: &args::Explain) -> anyhow::Result<()> {
    let path = format!("/v1/explain?of={}", arguments.of);
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    anyhow::ensure!(arguments.of.chars().all(legal), "`{}` is neither a container ID nor NAMESPACE/POD", arguments.of);
    let found: Vec<Explained> = client::get(&arguments.socket.socket, &path)?;
    if arguments.socket.json {
        say(&serde_json::to_string_pretty(&found)?);
        return Ok(());
    }
    anyhow::ensure!(
        !found.is_empty(),
        "nothing is remembered of `{}`; hint: `nicety status` counts what is attached",
        arguments.of
    );
    say(&found.iter().map(add).collect::<Vec<_>>().join("\n\n"));
    Ok(())
}

fn add(explained: &Explained) -> String {
    let mut lines = Vec::new();
    if let Some(first) = explained.decisions.first() {
        let pod = &first.pod;
        let of = first.key.as_ref().map(|key| format!(" (container {}, {})", key.container, key.ifname));
        let of = of.unwrap_or_default();
        lines.push(format!("ADD {} of pod {}/{}{of}", first.id, pod.namespace, pod.name));
    }
    for decision in &explained.decisions {
        lines.extend(policy(decision));
    }
    match &explained.record {
        Some(record) => lines.extend(attached(record)),
        None => lines.push("  nothing of it is attached now".to_owned()),
    }
    lines.join("\n")
}

fn policy(decision: &DecisionRecord) -> Vec<String> {
    let role = match decision.role {
        Role::Live => "",
        Role::Fallback => ", as the fallback",
        Role::Canary => ", as the canary",
        Role::Shadow => ", in shadow",
    };
    let digest = decision.digest.get(..12).unwrap_or(&decision.digest);
    let mut lines = vec![format!(
        "  {}: strategy `{}`{role} ({digest}, {} us, {} fuel)",
        decision.asked, decision.strategy, decision.duration_us, decision.fuel
    )];
    lines.extend(said(decision).into_iter().map(|line| format!("    {line}")));
    lines.extend(decision.findings.iter().map(|finding| format!("    refused in review: {finding}")));
    lines.extend(decision.log.iter().map(|line| format!("    log: {}", line.message)));
    lines
}

fn said(decision: &DecisionRecord) -> Vec<String> {
    match &decision.outcome {
        Outcome::Refused(Refusal::Denied(denial)) => vec![format!("denied ({}): {}", denial.code, denial.message)],
        Outcome::Refused(Refusal::Failed(failure)) => vec![format!("failed: {failure}")],
        Outcome::Decided(Decision::Requests(requests)) => {
            let request = |request: &nicety_core::facts::Request| {
                let network = match &decision.facts {
                    Facts::Attach(facts) => {
                        facts.networks.get(request.network as usize).map(|offer| offer.name.as_str())
                    }
                    _ => None,
                };
                format!("asked for network `{}`: {}", network.unwrap_or("?"), request.reason)
            };
            if requests.is_empty() {
                vec!["asked for nothing".to_owned()]
            } else {
                requests.iter().map(request).collect()
            }
        }
        Outcome::Decided(Decision::Selection(selection)) => {
            let name = |candidate: u32| match &decision.facts {
                Facts::NicSelection(facts) => {
                    facts.candidates.get(candidate as usize).map_or("?", |nic: &Nic| &nic.name)
                }
                _ => "?",
            };
            let chosen = selection
                .chosen
                .iter()
                .map(|Choice { candidate, reason, .. }| format!("kept {}: {reason}", name(*candidate)));
            let dropped = selection
                .dropped
                .iter()
                .map(|Verdict { candidate, reason }| format!("dropped {}: {reason}", name(*candidate)));
            chosen.chain(dropped).collect()
        }
        Outcome::Decided(Decision::Allowed(_) | Decision::Assignment(_)) => vec!["assigned gateways".to_owned()],
    }
}

fn attached(record: &Record) -> Vec<String> {
    let mut lines: Vec<String> = record
        .interfaces
        .iter()
        .map(|interface| {
            let nic = interface.nic.as_ref().map_or_else(|| "the host".to_owned(), |nic| nic.name.to_string());
            let addresses = interface.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            format!(
                "  {} = {} on {nic}, {addresses}, network `{}`: {}",
                interface.ifname,
                interface.link.name(),
                interface.network,
                interface.reason
            )
        })
        .collect();
    let Timings { decide_us, lease_us, apply_us } = record.timings;
    lines.push(format!(
        "  took {decide_us} us to decide, {lease_us} us to lease and record, {apply_us} us in the kernel"
    ));
    lines
}
