//! Loads the policies of a document and checks their configs, first by the schema that each publishes, then by its own rules.

use std::{collections::BTreeMap, sync::Arc};

use nicety_core::{evaluate::Evaluator, finding::Finding, ids::StrategyName};
use nicety_objects::{
    schema,
    strategies::{Body, Limits, ModuleRef, Strategy},
};
use serde_json::Value;

use super::Loader;

/// A loaded policy with a config that it accepts.
pub struct Checked {
    pub policy: Arc<dyn Evaluator>,
    pub config: String,
}

/// A module under limits, and what loading it gave.
type Loaded<'a> = (&'a ModuleRef, &'a Limits, Result<Arc<dyn Evaluator>, String>);

/// One module is loaded once, however many strategies use it under the same limits.
pub fn load(
    strategies: &BTreeMap<StrategyName, Strategy>,
    load: &mut Loader<'_>,
    findings: &mut Vec<Finding>,
) -> BTreeMap<StrategyName, Checked> {
    let mut loaded: Vec<Loaded<'_>> = Vec::new();
    let mut checked = BTreeMap::new();
    for (name, strategy) in strategies {
        let Body::Policy { module: reference, config, limits } = &strategy.body else { continue };
        let before = loaded.iter().find(|(known, under, _)| *known == reference && *under == limits);
        let policy = match before {
            Some((_, _, policy)) => policy.clone(),
            None => {
                let policy = load(reference, limits);
                loaded.push((reference, limits, policy.clone()));
                policy
            }
        };
        let path = format!("strategies.{name}");
        match policy {
            Err(message) => findings.push(Finding::new(format!("{path}.policy"), message)),
            Ok(policy) => {
                let wrong = refused(policy.as_ref(), config);
                if wrong.is_empty() {
                    checked.insert(name.clone(), Checked { policy, config: config.to_string() });
                }
                findings.extend(wrong.into_iter().map(|finding| finding.within(&format!("{path}.config"))));
            }
        }
    }
    checked
}

/// What schema and policy have against a config; the policy's rules are asked only when the schema is content.
pub fn refused(policy: &dyn Evaluator, config: &Value) -> Vec<Finding> {
    let name = &policy.description().name;
    let schema = match schema::compile_check(&policy.description().config_schema) {
        Ok(schema) => schema,
        Err(error) => return vec![Finding::new("", format!("policy `{name}` publishes no usable schema: {error}"))],
    };
    let by_schema = schema::check(&schema, config);
    if !by_schema.is_empty() {
        return by_schema;
    }
    match policy.validate_config(&config.to_string()) {
        Ok(messages) => messages.into_iter().map(|message| Finding::new("", message)).collect(),
        Err(failure) => vec![Finding::new("", format!("policy `{name}` could not check its config: {failure}"))],
    }
}
