//! A set of strategies as it runs: validated as a whole, swapped in as a whole, so that a decision runs under one generation.

use std::{collections::BTreeMap, fmt, sync::Arc};

use nicety_core::{evaluate::Evaluator, facts::Kind, hash, ids::StrategyName};

use crate::canary::{Terms, Trial};

/// The strategies of each extension point.
#[derive(Debug, Clone)]
pub struct StrategySet {
    pub attach: Extension,
    pub nic_selection: Extension,
    pub gateway_distribution: Extension,
    /// Every strategy of the set by name, also those that no extension point uses.
    pub strategies: BTreeMap<StrategyName, Arc<Strategy>>,
}

/// The strategy for whatever has no override, and the overrides by network or egress policy.
#[derive(Debug, Clone)]
pub struct Extension {
    pub default: Arc<Strategy>,
    pub overrides: BTreeMap<String, Arc<Strategy>>,
}

/// A named choice of policy, or of strategies that narrow one after the other.
#[derive(Debug)]
pub struct Strategy {
    pub name: StrategyName,
    pub body: Body,
    /// Decides in its place when it fails or lies; none: deny. A denial is no failure.
    pub fallback: Option<Arc<Strategy>>,
    /// Asked the same once the answer is out; never applied. Only where an extension point names this strategy.
    pub shadow: Vec<Arc<Strategy>>,
    /// Takes a share of the decisions. Only where an extension point names this strategy.
    pub canary: Option<Canary>,
}

/// A strategy that takes a share of another's decisions.
#[derive(Debug)]
pub struct Canary {
    pub strategy: Arc<Strategy>,
    pub terms: Terms,
    /// Outlives the set: a reload that changes neither strategy does not start anew.
    pub trial: Arc<Trial>,
}

#[derive(Debug)]
pub enum Body {
    Policy(Configured),
    /// Never empty.
    Pipeline(Vec<Arc<Strategy>>),
}

/// A policy with a config that it has accepted.
pub struct Configured {
    pub policy: Arc<dyn Evaluator>,
    /// JSON.
    pub config: String,
    /// SHA-256 of `config`, in hexadecimal.
    pub config_hash: String,
}

impl Extension {
    /// The strategy for a network, or for an egress policy.
    pub fn of(&self, name: &str) -> &Strategy {
        self.overrides.get(name).unwrap_or(&self.default)
    }
}

impl Canary {
    /// Whether this decision is its own.
    pub fn takes(&self, live: &Strategy, pod: &str) -> bool {
        self.terms.take(live.name.as_str(), pod) && !self.trial.score().rolled_back
    }
}

impl Strategy {
    /// What it decides: the kind of its last policy.
    pub fn kind(&self) -> Option<Kind> {
        match &self.body {
            Body::Policy(configured) => Some(configured.policy.kind()),
            Body::Pipeline(members) => members.last().and_then(|member| member.kind()),
        }
    }
}

impl Strategy {
    /// Of everything that it decides by: modules, configs, order, fallbacks. Equal identities decide alike.
    pub fn identity(&self) -> String {
        let body = match &self.body {
            Body::Policy(Configured { policy, config_hash, .. }) => {
                // A native policy has no digest of its own.
                vec![policy.description().name.clone(), policy.digest().to_owned(), config_hash.clone()]
            }
            Body::Pipeline(members) => members.iter().map(|member| member.identity()).collect(),
        };
        let fallback = self.fallback.as_ref().map(|fallback| fallback.identity()).unwrap_or_default();
        let fields: Vec<&str> = body.iter().chain([&fallback]).map(String::as_str).collect();
        hash::hex(&fields)
    }
}

impl fmt::Debug for Configured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Configured { policy, config, config_hash: _ } = self;
        let name = &policy.description().name;
        f.debug_struct("Configured")
            .field("policy", name)
            .field("digest", &policy.digest())
            .field("config", config)
            .finish()
    }
}
