//! One run of one policy, with everything that is to be remembered of it. The answer is reviewed here, before anybody uses it
//! (invariant I4).

use nicety_core::{
    decision::Decision,
    evaluate::{Evaluation, LogLine, Refusal},
    facts::Facts,
    finding::Finding,
    ids::StrategyName,
    record::decision::Role,
    review,
};

use crate::{no::No, set::Configured};

/// Microseconds of a monotonic clock; this crate reads none itself.
pub type Clock<'a> = dyn Fn() -> u64 + 'a;

#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub role: Role,
    pub strategy: StrategyName,
    pub policy: String,
    pub digest: String,
    pub config: String,
    pub config_hash: String,
    /// As the policy saw them.
    pub facts: Facts,
    pub outcome: Result<Decision, Refusal>,
    /// What review found; any finding means that the decision was not used.
    pub findings: Vec<Finding>,
    /// Microseconds.
    pub duration_us: u64,
    pub fuel: u64,
    pub log: Vec<LogLine>,
}

impl Run {
    /// Asks one policy. It sees those attributes and columns only that it asked for by `wants` or `requires`.
    pub fn of(strategy: &StrategyName, configured: &Configured, role: Role, facts: &Facts, clock: &Clock<'_>) -> Run {
        let Configured { policy, config, config_hash } = configured;
        let description = policy.description();
        let asked = |name: &str| description.wants.iter().chain(&description.requires).any(|known| known == name);
        let facts = facts.with_attributes(asked);
        let start = clock();
        let Evaluation { outcome, fuel, log } = match role {
            Role::Live | Role::Fallback | Role::Canary => policy.evaluate(config, &facts),
            Role::Shadow => policy.evaluate_if_free(config, &facts),
        };
        let duration_us = clock().saturating_sub(start);
        let findings = outcome.as_ref().map(|decision| reviewed(&facts, decision)).unwrap_or_default();
        Run {
            role,
            strategy: strategy.clone(),
            policy: description.name.clone(),
            digest: policy.digest().to_owned(),
            config: config.clone(),
            config_hash: config_hash.clone(),
            facts,
            outcome,
            findings,
            duration_us,
            fuel,
            log,
        }
    }

    /// The decision, if it may be used.
    pub fn judged(&self) -> Result<Decision, No> {
        let (strategy, policy) = (self.strategy.clone(), self.policy.clone());
        match &self.outcome {
            Ok(decision) if self.findings.is_empty() => Ok(decision.clone()),
            Ok(_) => Err(No::Refused { strategy, policy, findings: self.findings.clone() }),
            Err(Refusal::Denied(denial)) => Err(No::Denied { strategy, policy, denial: Box::new(denial.clone()) }),
            Err(Refusal::Failed(failure)) => Err(No::Failed { strategy, policy, failure: failure.clone() }),
        }
    }
}

/// Every rule of review that the decision breaks.
pub fn reviewed(facts: &Facts, decision: &Decision) -> Vec<Finding> {
    match (facts, decision) {
        (Facts::Attach(facts), Decision::Requests(requests)) => review::attach(facts, requests),
        (Facts::NicSelection(facts), Decision::Selection(selection)) => review::selection(facts, selection),
        (Facts::GatewayFilter(facts), Decision::Allowed(allowed)) => review::filter(facts, allowed),
        (Facts::GatewayDistribution(facts), Decision::Assignment(assignment)) => {
            review::distribution(facts, assignment)
        }
        (facts, _) => vec![Finding::new("", format!("is not an answer to a question of kind {}", facts.kind().name()))],
    }
}
