//! `nicety policy run`: one decision of one policy, in the same sandbox as the daemon's, or of a live strategy.

use std::{process::ExitCode, time::Instant};

use nicety_core::{
    decision::Decision,
    evaluate::{Evaluation, Evaluator, Refusal},
    facts::Facts,
    ids::StrategyName,
};
use nicety_daemon::admin::view::Ran;
use serde_json::json;

use super::{SAID_NO, loaded, read};
use crate::{
    args::PolicyRun,
    client,
    text::{complain, say},
};

pub(super) fn run(arguments: &PolicyRun) -> anyhow::Result<ExitCode> {
    if let Some(name) = arguments.module.strip_prefix("strategy:") {
        let text = read(&arguments.facts)?;
        return live(arguments, name, text.as_bytes());
    }
    let facts = loaded::facts(&arguments.facts)?;
    let config = loaded::config(arguments.config.as_deref())?;
    let policy = loaded::policy(&arguments.module)?;
    let config = loaded::accepted(&policy, &config)?;
    let start = Instant::now();
    let evaluation = policy.evaluate(&config, &facts);
    let microseconds = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
    report(arguments, &facts, &evaluation, microseconds)
}

fn live(arguments: &PolicyRun, name: &str, facts: &[u8]) -> anyhow::Result<ExitCode> {
    let name: StrategyName = name.parse()?;
    anyhow::ensure!(arguments.config.is_none(), "a live strategy has its own config; hint: leave `--config` out");
    let ran: Ran = client::post(&arguments.socket.socket, &format!("/v1/strategies/{name}/run"), facts)?;
    say(&serde_json::to_string_pretty(&ran)?);
    Ok(if ran.outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(SAID_NO) })
}

fn report(
    arguments: &PolicyRun,
    facts: &Facts,
    evaluation: &Evaluation,
    microseconds: u64,
) -> anyhow::Result<ExitCode> {
    let findings = evaluation
        .outcome
        .as_ref()
        .map(|decision| nicety_strategies::run::reviewed(facts, decision))
        .unwrap_or_default();
    let no = evaluation.outcome.is_err() || !findings.is_empty();
    if arguments.socket.json {
        let outcome = match &evaluation.outcome {
            Ok(decision) => json!({ "decision": decision }),
            Err(refusal) => json!({ "refusal": refusal, "message": refusal.to_string() }),
        };
        let log: Vec<&str> = evaluation.log.iter().map(|line| line.message.as_str()).collect();
        let all = json!({ "outcome": outcome, "findings": findings, "fuel": evaluation.fuel, "microseconds": microseconds, "log": log });
        say(&serde_json::to_string_pretty(&all)?);
    } else {
        match &evaluation.outcome {
            Ok(decision) => say(&decided(facts, decision)?),
            Err(Refusal::Denied(denial)) => complain(&format!("denied ({}): {}", denial.code, denial.message)),
            Err(Refusal::Failed(failure)) => complain(&format!("failed: {failure}")),
        }
        for finding in &findings {
            complain(&format!("refused in review: {finding}"));
        }
        for line in &evaluation.log {
            complain(&format!("log: {}", line.message));
        }
        complain(&format!("{microseconds} us, {} fuel", evaluation.fuel));
    }
    Ok(if no { ExitCode::from(SAID_NO) } else { ExitCode::SUCCESS })
}

/// A selection in words; anything else as JSON.
fn decided(facts: &Facts, decision: &Decision) -> anyhow::Result<String> {
    let (Facts::NicSelection(facts), Decision::Selection(selection)) = (facts, decision) else {
        return Ok(serde_json::to_string_pretty(decision)?);
    };
    let name = |candidate: u32| facts.candidates.get(candidate as usize).map_or("?", |nic| nic.name.as_str());
    let chosen = selection.chosen.iter().map(|choice| format!("kept {}: {}", name(choice.candidate), choice.reason));
    let dropped =
        selection.dropped.iter().map(|verdict| format!("dropped {}: {}", name(verdict.candidate), verdict.reason));
    Ok(chosen.chain(dropped).collect::<Vec<_>>().join("\n"))
}
