//! A policy's own functions as an `Evaluator`.

use nicety_core::{
    decision::Decision,
    evaluate::{Evaluation, Evaluator, Failure, Level, LogLine, Refusal},
    facts::{Description, Facts, Kind},
};
use nicety_policy_sdk::{Definition, Request, attach, gateways, log, nic_selection};

use crate::convert;

/// A policy in process.
#[derive(Debug)]
pub struct Native {
    description: Description,
    policy: Policy,
}

#[derive(Debug)]
enum Policy {
    Attach(Definition<attach::Facts, Vec<Request>>),
    NicSelection(Definition<nic_selection::Facts, nic_selection::Selection>),
    GatewayFilter(Definition<gateways::Facts, Vec<u64>>),
    GatewayDistribution(Definition<gateways::Facts, gateways::Assignment>),
}

impl Native {
    pub fn attach(policy: Definition<attach::Facts, Vec<Request>>) -> Self {
        Native { description: convert::description((policy.describe)()), policy: Policy::Attach(policy) }
    }

    pub fn nic_selection(policy: Definition<nic_selection::Facts, nic_selection::Selection>) -> Self {
        Native { description: convert::description((policy.describe)()), policy: Policy::NicSelection(policy) }
    }

    pub fn gateway_filter(policy: Definition<gateways::Facts, Vec<u64>>) -> Self {
        Native { description: convert::description((policy.describe)()), policy: Policy::GatewayFilter(policy) }
    }

    pub fn gateway_distribution(policy: Definition<gateways::Facts, gateways::Assignment>) -> Self {
        Native { description: convert::description((policy.describe)()), policy: Policy::GatewayDistribution(policy) }
    }

    fn decide(&self, config: &str, facts: &Facts) -> Result<Decision, Refusal> {
        let to = &self.description;
        let denied = |denial| Refusal::Denied(convert::denial(denial));
        match (&self.policy, facts) {
            (Policy::Attach(policy), Facts::Attach(facts)) => {
                let requests = (policy.decide)(config, &convert::attach_facts(facts, to)).map_err(denied)?;
                convert::requests(requests).map(Decision::Requests).map_err(Refusal::Failed)
            }
            (Policy::NicSelection(policy), Facts::NicSelection(facts)) => {
                let selection = (policy.decide)(config, &convert::nic_selection_facts(facts, to)).map_err(denied)?;
                Ok(Decision::Selection(convert::selection(selection)))
            }
            (Policy::GatewayFilter(policy), Facts::GatewayFilter(facts)) => {
                (policy.decide)(config, &convert::gateway_facts(facts, to)).map(Decision::Allowed).map_err(denied)
            }
            (Policy::GatewayDistribution(policy), Facts::GatewayDistribution(facts)) => {
                let assignment = (policy.decide)(config, &convert::gateway_facts(facts, to)).map_err(denied)?;
                Ok(Decision::Assignment(convert::assignment(assignment)))
            }
            (_, facts) => Err(Refusal::Failed(Failure::Kind { policy: self.kind(), asked: facts.kind() })),
        }
    }
}

impl Evaluator for Native {
    fn kind(&self) -> Kind {
        match self.policy {
            Policy::Attach(_) => Kind::Attach,
            Policy::NicSelection(_) => Kind::NicSelection,
            Policy::GatewayFilter(_) => Kind::GatewayFilter,
            Policy::GatewayDistribution(_) => Kind::GatewayDistribution,
        }
    }

    fn description(&self) -> &Description {
        &self.description
    }

    fn digest(&self) -> &str {
        "native"
    }

    fn validate_config(&self, config: &str) -> Result<Vec<String>, Failure> {
        let validated = match &self.policy {
            Policy::Attach(policy) => (policy.validate_config)(config),
            Policy::NicSelection(policy) => (policy.validate_config)(config),
            Policy::GatewayFilter(policy) => (policy.validate_config)(config),
            Policy::GatewayDistribution(policy) => (policy.validate_config)(config),
        };
        Ok(validated.err().unwrap_or_default())
    }

    fn evaluate(&self, config: &str, facts: &Facts) -> Evaluation {
        log::take();
        let outcome = self.decide(config, facts);
        let level = |level| match level {
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
        };
        let log = log::take().into_iter().map(|(of, message)| LogLine { level: level(of), message }).collect();
        Evaluation { outcome, fuel: 0, log }
    }
}
