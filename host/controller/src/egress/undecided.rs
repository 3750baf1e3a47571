//! What stands in while no strategies can run and none ever did: it decides nothing, so that what was decided before stays.

use std::{collections::BTreeMap, sync::Arc};

use nicety_core::{
    decision::Denial,
    evaluate::{Evaluation, Evaluator, Failure, Refusal},
    facts::{Description, Facts, Kind},
    ids::StrategyName,
};
use nicety_strategies::{
    StrategySet,
    set::{Body, Configured, Extension, Strategy},
};

struct Undecided(Description);

impl Evaluator for Undecided {
    fn kind(&self) -> Kind {
        Kind::GatewayDistribution
    }

    fn description(&self) -> &Description {
        &self.0
    }

    fn digest(&self) -> &str {
        "none"
    }

    fn validate_config(&self, _: &str) -> Result<Vec<String>, Failure> {
        Ok(Vec::new())
    }

    fn evaluate(&self, _: &str, _: &Facts) -> Evaluation {
        let message = "no strategies that can run have been seen yet".to_owned();
        let denial = Denial { code: "no-strategies".to_owned(), message, ..Denial::default() };
        Evaluation { outcome: Err(Refusal::Denied(denial)), fuel: 0, log: Vec::new() }
    }
}

/// None: the name is not one, which it is.
pub fn undecided() -> Option<StrategySet> {
    let name: StrategyName = "none".parse().ok()?;
    let description = Description { name: name.to_string(), ..Description::default() };
    let body = Body::Policy(Configured {
        policy: Arc::new(Undecided(description)),
        config: "{}".to_owned(),
        config_hash: String::new(),
    });
    let strategy = Arc::new(Strategy { name, body, fallback: None, shadow: Vec::new(), canary: None });
    let all = || Extension { default: strategy.clone(), overrides: BTreeMap::new() };
    let strategies = BTreeMap::new();
    Some(StrategySet { attach: all(), nic_selection: all(), gateway_distribution: all(), strategies })
}
