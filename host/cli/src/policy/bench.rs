//! `nicety policy bench`: what a decision takes in a fresh sandbox, which is what it takes in the daemon.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use nicety_core::{
    evaluate::{Evaluator, Refusal},
    facts::{Facts, sample},
};
use nicety_engine::Policy;
use serde::Serialize;

use super::{SAID_NO, loaded};
use crate::{
    args::PolicyBench,
    text::{aligned, complain, say},
};

/// Nobody waits longer.
const PATIENCE: Duration = Duration::from_secs(10);
const ENDPOINTS: u32 = 1000;
const GATEWAYS: u32 = 64;

/// Times in microseconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Figures {
    decisions: usize,
    p50: f64,
    p99: f64,
    most: f64,
    /// Units; the same for the same facts, always.
    fuel: u64,
    fuel_limit: u64,
    /// Bytes of linear memory that the policy has had at most.
    memory: u64,
    memory_limit: u64,
    /// What loading took, the compiler included.
    load_milliseconds: u128,
}

pub(super) fn run(arguments: &PolicyBench) -> anyhow::Result<ExitCode> {
    let named = &arguments.module.module;
    let given = arguments.facts.as_deref().map(loaded::facts).transpose()?;
    let config = loaded::config(arguments.config.as_deref())?;
    let start = Instant::now();
    let policy = loaded::policy(named)?;
    let load_milliseconds = start.elapsed().as_millis();
    let config = loaded::accepted(&policy, &config)?;
    let facts = given.unwrap_or_else(|| sample::of(policy.kind(), ENDPOINTS, GATEWAYS));
    let figures = match measured(&policy, &config, &facts, arguments.decisions as usize) {
        Ok(figures) => Figures { load_milliseconds, ..figures },
        Err(refusal) => {
            complain(&format!("`{named}` does not decide on these facts: {refusal}; hint: `--facts`, `--config`"));
            return Ok(ExitCode::from(SAID_NO));
        }
    };
    say(&if arguments.module.json { serde_json::to_string_pretty(&figures)? } else { lines(&policy, &figures) });
    Ok(ExitCode::SUCCESS)
}

fn measured(policy: &Policy, config: &str, facts: &Facts, decisions: usize) -> Result<Figures, Refusal> {
    let deadline = Instant::now() + PATIENCE;
    for _ in 0..decisions.div_ceil(10) {
        policy.evaluate(config, facts).outcome?;
        if Instant::now() > deadline {
            break;
        }
    }
    let mut times = Vec::with_capacity(decisions);
    while times.is_empty() || (times.len() < decisions && Instant::now() < deadline) {
        let start = Instant::now();
        let evaluation = policy.evaluate(config, facts);
        times.push(start.elapsed().as_secs_f64() * 1e6);
        evaluation.outcome?;
    }
    times.sort_by(f64::total_cmp);
    let percentile = |percent: usize| times.get((times.len() - 1) * percent / 100).copied().unwrap_or_default();
    let once = policy.measured(config, facts);
    Ok(Figures {
        decisions: times.len(),
        p50: percentile(50),
        p99: percentile(99),
        most: percentile(100),
        fuel: once.evaluation.fuel,
        fuel_limit: policy.limits().fuel,
        memory: once.memory,
        memory_limit: policy.limits().memory,
        load_milliseconds: 0,
    })
}

fn lines(policy: &Policy, figures: &Figures) -> String {
    let Figures { decisions, p50, p99, most, fuel, fuel_limit, memory, memory_limit, load_milliseconds } = figures;
    let share = |used: u64, limit: u64| format!("{:.1} %", used as f64 * 100.0 / limit.max(1) as f64);
    aligned(&[
        ["policy".to_owned(), format!("{}, {decisions} decisions", policy.description().name)],
        ["p50".to_owned(), format!("{p50:.1} us")],
        ["p99".to_owned(), format!("{p99:.1} us")],
        ["most".to_owned(), format!("{most:.1} us")],
        ["fuel".to_owned(), format!("{fuel}, {} of its limit", share(*fuel, *fuel_limit))],
        ["memory".to_owned(), format!("{memory} bytes, {} of its limit", share(*memory, *memory_limit))],
        ["load".to_owned(), format!("{load_milliseconds} ms")],
    ])
}
