//! Policies of every temper, each a real implementation of the evaluator's trait, and the built-in ones in process.

use std::sync::Arc;

use nicety_core::{
    decision::{Choice, Decision, Denial, Selection, Verdict},
    evaluate::{Evaluation, Evaluator, Failure, Refusal},
    facts::{Description, Facts, Kind, nic_selection},
    finding::Finding,
};
use nicety_objects::{Strategies, strategies::PolicyRef};
use nicety_strategies::{StrategySet, Trials};
use serde_json::{Value, json};

type Decide = fn(config: &str, facts: &Facts) -> Result<Decision, Refusal>;

pub struct Policy {
    kind: Kind,
    description: Description,
    decide: Decide,
}

impl Evaluator for Policy {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn description(&self) -> &Description {
        &self.description
    }

    fn digest(&self) -> &str {
        "0123"
    }

    fn validate_config(&self, config: &str) -> Result<Vec<String>, Failure> {
        match self.description.name.as_str() {
            // A rule across fields, and a policy that does not survive the question.
            "rail" if config.contains("\"from\":7") => {
                Ok(vec!["`from` is the last rail".into(), "choose another".into()])
            }
            "traps-on-config" => Err(Failure::Trap { message: "unreachable".into() }),
            _ => Ok(Vec::new()),
        }
    }

    fn evaluate(&self, config: &str, facts: &Facts) -> Evaluation {
        Evaluation { outcome: (self.decide)(config, facts), fuel: 7, log: Vec::new() }
    }
}

/// What `builtin:NAME` is in these tests.
pub fn load(reference: &PolicyRef) -> Result<Arc<dyn Evaluator>, String> {
    let PolicyRef::Builtin(name) = reference else { return Err(format!("`{reference}` is not there")) };
    if let Some(native) = nicety_native::get(name) {
        return Ok(Arc::from(native));
    }
    let (kind, decide): (Kind, Decide) = match name.as_str() {
        "asks-for-nothing" => (Kind::Attach, |_, _| Ok(Decision::Requests(Vec::new()))),
        "first-gateway-only" => (Kind::GatewayFilter, |_, facts| Ok(Decision::Allowed(first_gateway(facts)))),
        "every-gateway" => (Kind::GatewayFilter, |_, facts| {
            Ok(Decision::Allowed(first_gateway(facts).iter().map(|_| u64::MAX).collect()))
        }),
        "reverse" => (Kind::NicSelection, |_, facts| Ok(reversed(nics(facts)))),
        "not-eth1" => (Kind::NicSelection, |_, facts| Ok(without(nics(facts), "eth1"))),
        "rail" => (Kind::NicSelection, |_, facts| Ok(without(nics(facts), "eth0"))),
        "foreign-nic" => (Kind::NicSelection, |_, facts| Ok(foreign(nics(facts)))),
        "wrong-kind" => (Kind::NicSelection, |_, _| Ok(Decision::Requests(Vec::new()))),
        "stalls" => (Kind::NicSelection, |_, _| Err(Refusal::Failed(Failure::Fuel { limit: 10 }))),
        "traps-on-config" => (Kind::NicSelection, |_, facts| Ok(reversed(nics(facts)))),
        "no-schema" => (Kind::NicSelection, |_, facts| Ok(reversed(nics(facts)))),
        "denies" => (Kind::NicSelection, |_, _| {
            let message = "not on a Sunday".to_owned();
            Err(Refusal::Denied(Denial { code: "sunday".into(), message, ..Denial::default() }))
        }),
        _ => return Err(format!("there is no policy `{name}`")),
    };
    let config_schema = match name.as_str() {
        "rail" => {
            json!({"type": "object", "additionalProperties": false, "properties": {"from": {"type": "integer", "maximum": 7}}})
        }
        "no-schema" => json!({"type": "nonsense"}),
        _ => json!({"type": "object"}),
    };
    let description = Description {
        name: name.clone(),
        version: "0.1.0".into(),
        summary: String::new(),
        config_schema: config_schema.to_string(),
        requires: Vec::new(),
        wants: Vec::new(),
    };
    Ok(Arc::new(Policy { kind, description, decide }))
}

/// A set from `strategies.yaml`, or every finding as a line.
pub fn set(document: Value) -> Result<StrategySet, Vec<String>> {
    set_of(document, &Trials::default())
}

/// The same with the trials of sets before.
pub fn set_of(document: Value, trials: &Trials) -> Result<StrategySet, Vec<String>> {
    let lines = |findings: Vec<Finding>| findings.iter().map(Finding::to_string).collect::<Vec<_>>();
    let document = Strategies::from_value(document).map_err(lines)?;
    nicety_strategies::build(&document, &mut |module, _| load(&module.policy), trials).map_err(lines)
}

pub fn refused(document: Value) -> Vec<String> {
    set(document).map(|_| ()).unwrap_err()
}

fn nics(facts: &Facts) -> &nic_selection::Facts {
    match facts {
        Facts::NicSelection(facts) => facts,
        other => panic!("asked for {}", other.kind().name()),
    }
}

fn choice(candidate: u32) -> Choice {
    Choice { candidate, reserve: None, reason: "free".into() }
}

fn reversed(facts: &nic_selection::Facts) -> Decision {
    let chosen = (0..facts.candidates.len() as u32).rev().map(choice).collect();
    Decision::Selection(Selection { chosen, ..Selection::default() })
}

fn without(facts: &nic_selection::Facts, name: &str) -> Decision {
    let mut selection = Selection::default();
    for (index, nic) in (0_u32..).zip(&facts.candidates) {
        if nic.name == name {
            selection.dropped.push(Verdict { candidate: index, reason: format!("{name} is mine") });
        } else {
            selection.chosen.push(choice(index));
        }
    }
    Decision::Selection(selection)
}

/// Claims a NIC that nobody offered.
fn foreign(facts: &nic_selection::Facts) -> Decision {
    let mut chosen: Vec<Choice> = (0..facts.candidates.len() as u32).map(choice).collect();
    chosen.push(choice(99));
    Decision::Selection(Selection { chosen, ..Selection::default() })
}

fn first_gateway(facts: &Facts) -> Vec<u64> {
    match facts {
        Facts::GatewayFilter(facts) => vec![1; facts.endpoints.len()],
        other => panic!("asked for {}", other.kind().name()),
    }
}
