//! What a replay prints.

use nicety_core::{compare::Agreement, evaluate::Evaluator};
use nicety_engine::Policy;
use serde_json::{Value, json};

use super::{Changed, LeftOut, RefusedConfig, Replayed};
use crate::text::{aligned, shortened, utc};

/// A config may be long; `--json` has all of it.
const CONFIG: usize = 200;

pub(super) fn document(policy: &Policy, replayed: &Replayed, left_out: &LeftOut) -> Value {
    let description = policy.description();
    json!({
        "policy": { "name": description.name, "version": description.version, "digest": policy.digest() },
        "kind": policy.kind(),
        "compared": replayed.compared(),
        "replayed": replayed,
        "leftOut": left_out,
    })
}

pub(super) fn text(policy: &Policy, replayed: &Replayed, left_out: &LeftOut) -> String {
    let description = policy.description();
    let mut parts = vec![format!(
        "{} decisions of {} compared with policy `{}` {} (module {}){}",
        replayed.compared(),
        policy.kind().name(),
        description.name,
        description.version,
        policy.digest().get(..12).unwrap_or_default(),
        besides(left_out)
    )];
    if replayed.compared() > 0 {
        parts.push(table(replayed));
    }
    parts.extend(replayed.refused_configs.iter().map(refused));
    if replayed.compared() == 0 && replayed.refused_configs.is_empty() {
        parts.push("nothing to compare".to_owned());
    }
    parts.extend(replayed.differences.iter().map(changed));
    let more = replayed.changed().saturating_sub(replayed.differences.len() as u64);
    if more > 0 {
        parts.push(format!("and {more} more; hint: `--limit {}` shows them all", replayed.changed()));
    }
    let new_facts: Vec<&str> = description.wants.iter().chain(&description.requires).map(String::as_str).collect();
    if !new_facts.is_empty() && replayed.changed() > 0 {
        parts.push(format!(
            "note: of the attributes that it asks for ({}), records have those that the recorded policy asked for too",
            new_facts.join(", ")
        ));
    }
    parts.join("\n\n")
}

fn besides(left_out: &LeftOut) -> String {
    let LeftOut { other_kinds, in_shadow, unwanted, unreadable } = left_out;
    let counted = [
        (*other_kinds, "of other kinds"),
        (*in_shadow, "made in shadow"),
        (*unwanted, "not asked for"),
        (unreadable.len() as u64, "unreadable"),
    ];
    let parts: Vec<String> =
        counted.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if parts.is_empty() { String::new() } else { format!("; left out: {}", parts.join(", ")) }
}

fn table(replayed: &Replayed) -> String {
    let head = std::iter::once("STRATEGY".to_owned())
        .chain(Agreement::ALL.map(|agreement| agreement.to_string().to_uppercase()))
        .collect::<Vec<_>>();
    let row = |(strategy, counts): (&String, &super::Counts)| {
        let counts = Agreement::ALL.map(|agreement| counts.get(&agreement).copied().unwrap_or_default().to_string());
        std::iter::once(strategy.clone()).chain(counts).collect::<Vec<_>>()
    };
    let all = (replayed.by_strategy.len() > 1).then(|| row((&"all".to_owned(), &replayed.agreements)));
    let rows = std::iter::once(head).chain(replayed.by_strategy.iter().map(row)).chain(all);
    let rows: Vec<[String; 7]> = rows.filter_map(|row| row.try_into().ok()).collect();
    aligned(&rows)
}

fn refused(refused: &RefusedConfig) -> String {
    let RefusedConfig { config, decisions, findings } = refused;
    let findings: Vec<String> =
        findings.iter().map(|finding| format!("  {}", finding.clone().within("config"))).collect();
    format!(
        "{decisions} decisions not compared, because the policy does not take their config `{}`:\n{}\n  hint: `--config FILE` gives it one, `--strategy NAME` leaves other strategies out",
        shortened(config, CONFIG),
        findings.join("\n")
    )
}

fn changed(changed: &Changed) -> String {
    let Changed { id, step, time, pod, asked, strategy, policy, comparison } = changed;
    let mut lines = vec![format!(
        "{}: {asked}, pod {}/{}, strategy `{strategy}` (policy {policy}), ADD {id} step {step} at {}",
        comparison.agreement,
        pod.namespace,
        pod.name,
        utc(*time)
    )];
    let rows: Vec<[String; 3]> = comparison
        .differences
        .iter()
        .flat_map(|difference| {
            [
                [format!("  {}", difference.object), "was".to_owned(), difference.before.clone()],
                [String::new(), "is".to_owned(), difference.after.clone()],
            ]
        })
        .collect();
    lines.push(aligned(&rows));
    lines.join("\n")
}
