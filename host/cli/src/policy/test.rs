//! `nicety policy test`: holds a module to a folder of golden cases. What review refuses would never be applied, so it fails a case
//! too, whatever the case says; and so does a policy that fails.

use std::{path::Path, process::ExitCode};

use anyhow::ensure;
use nicety_core::{
    compare::{self, Difference, Said},
    evaluate::{Evaluator, Refusal},
    facts::Facts,
    finding::Finding,
};
use nicety_objects::golden::{self, Answer, Golden};
use nicety_strategies::{build::refused_config, run::reviewed};
use serde::Serialize;

use super::{SAID_NO, inspect::count, loaded};
use crate::{
    args::PolicyTest,
    text::{complain, say},
};

/// One case and what came of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Held {
    case: String,
    shows: String,
    verdict: Verdict,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differences: Vec<Difference>,
    /// What is wrong with the case, its config, or the decision in review.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Finding>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Same,
    Differs,
    /// No answer is recorded.
    New,
    Updated,
    Unusable,
}

pub(super) fn run(arguments: &PolicyTest) -> anyhow::Result<ExitCode> {
    let cases = golden::folder(&arguments.cases)?;
    let folder = arguments.cases.display();
    ensure!(!cases.is_empty(), "`{folder}` holds no case; hint: a case is a file `NAME.json`, see docs/policy.md");
    let policy = loaded::policy(&arguments.module.module)?;
    let mut all = Vec::new();
    for case in &cases {
        let held = match case {
            Ok(golden) => held(golden, &policy, arguments.update)?,
            Err(error) => unusable(error),
        };
        if !arguments.module.json {
            told(&held);
        }
        all.push(held);
    }
    let good = all.iter().filter(|held| matches!(held.verdict, Verdict::Same | Verdict::Updated)).count();
    if arguments.module.json {
        say(&serde_json::to_string_pretty(&all)?);
    } else {
        say(&format!("{good} of {} hold", count(all.len(), "case")));
    }
    Ok(if good == all.len() { ExitCode::SUCCESS } else { ExitCode::from(SAID_NO) })
}

fn unusable(error: &golden::GoldenError) -> Held {
    let (golden::GoldenError::Read { path, .. }
    | golden::GoldenError::Write { path, .. }
    | golden::GoldenError::Case { path, .. }
    | golden::GoldenError::Facts { path, .. }) = error;
    Held {
        case: name(path),
        shows: String::new(),
        verdict: Verdict::Unusable,
        differences: Vec::new(),
        findings: vec![Finding::new("", nicety_deciding::chain(error))],
    }
}

fn held(golden: &Golden, policy: &dyn Evaluator, update: bool) -> anyhow::Result<Held> {
    let Golden { path, case, facts } = golden;
    let mut held = Held {
        case: name(path),
        shows: case.shows.clone(),
        verdict: Verdict::Unusable,
        differences: Vec::new(),
        findings: refused_config(policy, &case.config).into_iter().map(|finding| finding.within("config")).collect(),
    };
    if !held.findings.is_empty() {
        return Ok(held);
    }
    let answer = golden.answered(policy);
    held.findings = match &answer {
        Answer::Decision(decision) => {
            reviewed(facts, decision).into_iter().map(|finding| finding.within("decision")).collect()
        }
        // Nobody wants a policy that breaks its limits or is asked for what it does not decide; a denial is an answer.
        Answer::Refusal(Refusal::Failed(failure)) => vec![Finding::new("", failure.to_string())],
        Answer::Refusal(Refusal::Denied(_)) => Vec::new(),
    };
    let same = case.answer.as_ref().is_some_and(|recorded| golden::text(recorded) == golden::text(&answer));
    held.verdict = match &case.answer {
        _ if !held.findings.is_empty() => Verdict::Unusable,
        Some(_) if same => Verdict::Same,
        _ if update => Verdict::Updated,
        Some(recorded) => {
            held.differences = differences(facts, recorded, &answer);
            Verdict::Differs
        }
        None => Verdict::New,
    };
    if held.verdict == Verdict::Updated {
        golden.record(answer)?;
    }
    Ok(held)
}

fn differences(facts: &Facts, recorded: &Answer, answer: &Answer) -> Vec<Difference> {
    let told = compare::compare(facts, &said(recorded), &said(answer)).differences;
    if !told.is_empty() {
        return told;
    }
    // Only in what nobody reads, the place of a dropped NIC among the others for one: told whole.
    let one_line = |answer: &Answer| golden::text(answer).split_whitespace().collect::<Vec<_>>().join(" ");
    vec![Difference { object: "text".to_owned(), before: one_line(recorded), after: one_line(answer) }]
}

fn said(answer: &Answer) -> Said<'_> {
    let outcome: Result<_, &Refusal> = match answer {
        Answer::Decision(decision) => Ok(decision),
        Answer::Refusal(refusal) => Err(refusal),
    };
    Said::reviewed(outcome, &[])
}

fn told(held: &Held) {
    let Held { case, shows, verdict, differences, findings } = held;
    let shows = if shows.is_empty() { String::new() } else { format!(": {shows}") };
    match verdict {
        Verdict::Same => say(&format!("ok       {case}{shows}")),
        Verdict::Updated => say(&format!("updated  {case}{shows}")),
        Verdict::New => complain(&format!("new      {case}{shows}; hint: `--update` records what the policy answers")),
        Verdict::Differs => complain(&format!("DIFFERS  {case}{shows}")),
        Verdict::Unusable => complain(&format!("UNUSABLE {case}{shows}")),
    }
    for Difference { object, before, after } in differences {
        complain(&format!("           {object}\n             expected {before}\n             got      {after}"));
    }
    for finding in findings {
        complain(&format!("           {finding}"));
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
