//! From `strategies.yaml` to a set that runs. Everything is checked before any of it is used, and every finding is named at once.

mod kinds;
mod names;
mod policies;

pub use policies::refused as refused_config;

use std::{collections::BTreeMap, sync::Arc};

use nicety_core::{evaluate::Evaluator, facts::Kind, finding::Finding, hash, ids::StrategyName};
use nicety_objects::strategies::{self as written, Assigned, Limits, ModuleRef, OnFailure, Strategies};

use crate::{
    canary::{Terms, Trials},
    set::{Body, Canary, Configured, Extension, Strategy, StrategySet},
};

/// Fetches and loads a module; the text is the whole error.
pub type Loader<'a> = dyn FnMut(&ModuleRef, &Limits) -> Result<Arc<dyn Evaluator>, String> + 'a;

/// A set, or everything that is wrong with it. `trials` are those of the sets before.
pub fn build(document: &Strategies, load: &mut Loader<'_>, trials: &Trials) -> Result<StrategySet, Vec<Finding>> {
    let mut findings = names::findings(document);
    let policies = policies::load(&document.strategies, load, &mut findings);
    if names::circles(document) {
        return Err(findings);
    }
    let too_long = names::too_long(document);
    if !too_long.is_empty() {
        findings.extend(too_long);
        return Err(findings);
    }
    let mut building = Building { written: &document.strategies, policies, built: BTreeMap::new(), trials };
    for name in document.strategies.keys() {
        building.strategy(name);
    }
    // What could not be built has its finding already; the rest is looked at all the same.
    let strategies = building.built;
    findings.extend(strategies.values().filter_map(|strategy| kinds::mixed(strategy)));
    findings.extend(strategies.values().flat_map(|strategy| kinds::beside(strategy)));
    let mut extension = |assigned, field, kind| extension(assigned, field, kind, &strategies, &mut findings);
    let attach = extension(&document.attach, ("attach", "networks"), Kind::Attach);
    let nic_selection = extension(&document.nic_selection, ("nicSelection", "networks"), Kind::NicSelection);
    let gateway_distribution =
        extension(&document.gateway_distribution, ("gatewayDistribution", "egressPolicies"), Kind::GatewayDistribution);
    match (attach, nic_selection, gateway_distribution) {
        (Some(attach), Some(nic_selection), Some(gateway_distribution)) if findings.is_empty() => {
            Ok(StrategySet { attach, nic_selection, gateway_distribution, strategies })
        }
        _ => Err(findings),
    }
}

/// Names are known to have no circles.
struct Building<'a> {
    written: &'a BTreeMap<StrategyName, written::Strategy>,
    policies: BTreeMap<StrategyName, policies::Checked>,
    built: BTreeMap<StrategyName, Arc<Strategy>>,
    trials: &'a Trials,
}

impl Building<'_> {
    fn strategy(&mut self, name: &StrategyName) -> Option<Arc<Strategy>> {
        if let Some(strategy) = self.built.get(name) {
            return Some(strategy.clone());
        }
        let written::Strategy { body, on_failure, shadow, canary } = self.written.get(name)?;
        let body = match body {
            written::Body::Policy { .. } => {
                let policies::Checked { policy, config } = self.policies.remove(name)?;
                Body::Policy(Configured { policy, config_hash: hash::hex(&[&config]), config })
            }
            written::Body::Pipeline(members) => {
                Body::Pipeline(members.iter().map(|member| self.strategy(member)).collect::<Option<_>>()?)
            }
        };
        let fallback = match on_failure {
            OnFailure::Deny => None,
            OnFailure::Fallback(other) => Some(self.strategy(other)?),
        };
        let shadow = shadow.iter().map(|other| self.strategy(other)).collect::<Option<Vec<_>>>()?;
        let mut strategy = Strategy { name: name.clone(), body, fallback, shadow, canary: None };
        if let Some(canary) = canary {
            strategy.canary = Some(self.canary(&strategy, canary)?);
        }
        let strategy = Arc::new(strategy);
        self.built.insert(name.clone(), strategy.clone());
        Some(strategy)
    }
}

impl Building<'_> {
    fn canary(&mut self, live: &Strategy, written: &written::Canary) -> Option<Canary> {
        let written::Canary { strategy, percent, max_failure_percent, judged_after } = written;
        let strategy = self.strategy(strategy)?;
        let terms = Terms { percent: *percent, max_failure_percent: *max_failure_percent, judged_after: *judged_after };
        let of = [live.name.as_str(), &live.identity(), strategy.name.as_str(), &strategy.identity()];
        let trial = self.trials.of(format!("{} {terms:?}", of.join(" ")));
        Some(Canary { strategy, terms, trial })
    }
}

/// `field` and the key under which it has its overrides.
fn extension(
    assigned: &Assigned,
    (field, key): (&str, &str),
    wanted: Kind,
    strategies: &BTreeMap<StrategyName, Arc<Strategy>>,
    findings: &mut Vec<Finding>,
) -> Option<Extension> {
    let mut of_kind = |path: String, name: &StrategyName| {
        let strategy = strategies.get(name)?;
        if strategy.kind() == Some(wanted) {
            return Some(strategy.clone());
        }
        let is = strategy.kind().map_or("nothing", Kind::name);
        let hint = match (wanted, strategy.kind()) {
            (Kind::GatewayDistribution, Some(Kind::GatewayFilter)) => {
                "; hint: a filter stands in a `pipeline` before a distribution: name one that ends in a distribution"
            }
            _ => "",
        };
        findings.push(Finding::new(path, format!("strategy `{name}` decides {is}, not {}{hint}", wanted.name())));
        None
    };
    let default = of_kind(format!("{field}.default"), &assigned.default);
    let overrides = assigned.overrides.iter();
    let overrides =
        overrides.filter_map(|(of, name)| Some((of.clone(), of_kind(format!("{field}.{key}.{of}"), name)?)));
    let overrides = overrides.collect();
    Some(Extension { default: default?, overrides })
}
