//! One question to a policy and its answer, in words.

use nicety_core::{
    decision::Decision,
    evaluate::Refusal,
    facts::{
        Facts, Pod,
        attach::{self, Offer},
        nic_selection,
    },
    record::decision::{DecisionRecord, Outcome, Role},
};

use super::candidates;
use crate::text::shortened;

/// An annotation may be a whole document.
const VALUE: usize = 120;
/// Written by tools for themselves; no policy decides by it.
const NOISE: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The facts that are the same for all policies of a chain.
pub fn question(decision: &DecisionRecord) -> Vec<String> {
    match &decision.facts {
        Facts::Attach(attach::Facts { pod, networks, call, .. }) => {
            let offer = |offer: &Offer| match (offer.default, offer.ready) {
                (true, true) => format!("{} (default)", offer.name),
                (false, true) => offer.name.clone(),
                (_, false) => format!("{} (not ready)", offer.name),
            };
            let offers = networks.iter().map(offer).collect::<Vec<_>>().join(", ");
            let mut lines = vec![format!("on offer: {}", if offers.is_empty() { "nothing" } else { &offers })];
            lines.extend(of_pod(pod));
            let wanted = call.addresses.iter().map(ToString::to_string).chain(call.mac.map(|mac| mac.to_string()));
            let wanted = wanted.chain(call.device_id.clone()).collect::<Vec<_>>().join(" ");
            lines.extend((!wanted.is_empty()).then(|| format!("the runtime wants {wanted}")));
            lines
        }
        Facts::NicSelection(nic_selection::Facts { request, candidates, devices, .. }) => {
            let mut lines = vec![format!("wanted: {}, among {} candidates", request.in_words(), candidates.len())];
            for device in devices {
                let pci = device.pci.map(|pci| format!(" {pci}")).unwrap_or_default();
                let numa = device.numa.map(|numa| format!(" on NUMA node {numa}")).unwrap_or_default();
                lines.push(format!("the pod holds {}{pci}{numa}", device.kind));
            }
            lines
        }
        Facts::GatewayFilter(facts) | Facts::GatewayDistribution(facts) => {
            vec![format!("{} endpoints on {} gateways", facts.endpoints.len(), facts.gateways.len())]
        }
    }
}

fn of_pod(pod: &Pod) -> Vec<String> {
    let annotations = pod.annotations.iter().filter(|annotation| annotation.key != NOISE);
    let annotations = annotations
        .map(|annotation| format!("annotation {} = {}", annotation.key, shortened(&annotation.value, VALUE)));
    let labels = pod.labels.iter().flatten().map(|label| format!("{}={}", label.key, label.value)).collect::<Vec<_>>();
    let labels = (!labels.is_empty()).then(|| format!("labels {}", shortened(&labels.join(" "), VALUE)));
    annotations.chain(labels).collect()
}

/// Who was asked, what it said, what review said to that, and what it cost.
pub fn answer(decision: &DecisionRecord) -> Vec<String> {
    let DecisionRecord { role, strategy, policy, digest, duration_us, fuel, findings, log, .. } = decision;
    let role = match role {
        Role::Live => "",
        Role::Fallback => ", as the fallback",
        Role::Canary => ", as the canary",
        Role::Shadow => ", in shadow: compared, not applied",
    };
    let module = digest.get(..12).unwrap_or(digest);
    let mut lines =
        vec![format!("strategy `{strategy}`{role} (policy {policy}, module {module}, {duration_us} us, {fuel} fuel)")];
    lines.extend(outcome(decision).into_iter().map(|line| format!("  {line}")));
    lines.extend(findings.iter().map(|finding| format!("  refused in review: {finding}")));
    lines.extend(log.iter().map(|line| format!("  log: {}", shortened(&line.message, 200))));
    lines
}

fn outcome(decision: &DecisionRecord) -> Vec<String> {
    match (&decision.outcome, &decision.facts) {
        (Outcome::Refused(Refusal::Denied(denial)), _) => {
            let retry = if denial.retryable { "; the runtime may try again" } else { "" };
            vec![format!("denied ({}): {}{retry}", denial.code, denial.message)]
        }
        (Outcome::Refused(Refusal::Failed(failure)), _) => vec![format!("failed: {failure}")],
        (Outcome::Decided(Decision::Requests(requests)), facts) => {
            let name = |network: u32| match facts {
                Facts::Attach(facts) => facts.networks.get(network as usize).map_or("?", |offer| &offer.name),
                _ => "?",
            };
            let request = |request: &nicety_core::facts::Request| {
                format!("asked for network `{}`, {}: {}", name(request.network), request.in_words(), request.reason)
            };
            if requests.is_empty() {
                vec!["asked for nothing".to_owned()]
            } else {
                requests.iter().map(request).collect()
            }
        }
        (Outcome::Decided(Decision::Selection(selection)), Facts::NicSelection(facts)) => {
            candidates::table(facts, selection)
        }
        (Outcome::Decided(Decision::Assignment(assignment)), Facts::GatewayDistribution(facts)) => {
            let served = |place: u32| assignment.primary.iter().filter(|primary| **primary == place).count();
            let gateways = (0u32..).zip(&facts.gateways).take(16);
            let mut lines: Vec<String> = gateways
                .map(|(place, gateway)| format!("gateway {}: {} endpoints", gateway.id, served(place)))
                .collect();
            lines.extend(
                (facts.gateways.len() > 16).then(|| format!("and {} more gateways", facts.gateways.len() - 16)),
            );
            lines
        }
        (Outcome::Decided(_), _) => vec!["said which gateways are allowed".to_owned()],
    }
}

/// Bits per second, as short as they can be said.
pub fn rate(bits: u64) -> String {
    let units = [(1_000_000_000, "Gbit/s"), (1_000_000, "Mbit/s"), (1000, "kbit/s")];
    let unit = units.into_iter().find(|(unit, _)| bits >= *unit && bits.is_multiple_of(unit / 10));
    match unit {
        Some((unit, name)) if bits.is_multiple_of(unit) => format!("{} {name}", bits / unit),
        Some((unit, name)) => format!("{}.{} {name}", bits / unit, bits % unit / (unit / 10)),
        None => format!("{bits} bit/s"),
    }
}
