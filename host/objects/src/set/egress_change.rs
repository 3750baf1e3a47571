//! Files over what is in force, for whoever asks what would come of them: nothing is changed by it.

use std::collections::BTreeMap;

use nicety_core::finding::Finding;

use super::{Document, File, Set, below, documents};
use crate::{Strategies, manifest::Object};

/// What would be another, and by whom it would be decided.
#[derive(Debug, Clone, PartialEq)]
pub struct EgressChange {
    /// Policies, nodes and what they have, namespaces and pods: to be added, or in the place of those of their names.
    pub objects: Vec<Object>,
    /// Those in force, or those that the files have in their place; with the policies' own choices.
    pub strategies: Strategies,
}

impl Set {
    /// Judged together with what is in force, as it will be: a policy may name a strategy that is there already, and strategies must leave
    /// none out that a policy names. What has nothing to say about who leaves where is a finding, for nobody asks about that.
    pub fn egress_change(&self, files: &[File]) -> Result<EgressChange, Vec<Finding>> {
        let (given, findings) = given(files);
        if !findings.is_empty() {
            return Err(findings);
        }
        let mut policies = self.egress_policies.clone();
        let mut written = self.written();
        let mut objects = Vec::new();
        let mut origins = BTreeMap::new();
        for (at, object) in given {
            match object {
                Object::Strategies(strategies) => {
                    origins.insert("ConfigMap".to_owned(), at);
                    written = strategies;
                }
                Object::EgressPolicy(policy) => {
                    origins.insert(format!("EgressPolicy {}", policy.name), at);
                    policies.insert(policy.name.clone(), policy.clone());
                    objects.push(Object::EgressPolicy(policy));
                }
                other => objects.push(other),
            }
        }
        let networks = self.networks.values().cloned().map(Object::Network);
        let all: Vec<Object> = networks.chain(policies.into_values().map(Object::EgressPolicy)).collect();
        let (set, refused) = Set::assemble(all.iter().chain([&Object::Strategies(written)]), &Set::default());
        let findings: Vec<Finding> = refused
            .into_iter()
            .flat_map(|one| {
                let name = format!("{} {}", one.kind, one.name);
                let at = origins.get(&name).or_else(|| origins.get(one.kind)).cloned().unwrap_or(name);
                one.findings.into_iter().map(move |finding| below(&at, finding))
            })
            .collect();
        if findings.is_empty() { Ok(EgressChange { objects, strategies: set.strategies }) } else { Err(findings) }
    }

    /// The strategies without what policies have chosen themselves: another version of a policy may choose otherwise.
    fn written(&self) -> Strategies {
        let mut written = self.strategies.clone();
        let chosen = &mut written.gateway_distribution.overrides;
        chosen.retain(|name, chosen| {
            self.egress_policies.get(name).is_none_or(|policy| policy.strategy.as_ref() != Some(chosen))
        });
        written
    }
}

/// With the place of each, and everything that is wrong with single ones.
fn given(files: &[File]) -> (Vec<(String, Object)>, Vec<Finding>) {
    let (mut given, mut findings) = (Vec::new(), Vec::new());
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for file in files {
        let documents = match documents(file) {
            Ok(documents) => documents,
            Err(finding) => {
                findings.push(finding);
                continue;
            }
        };
        if documents.is_empty() {
            findings.push(Finding::new(file.name.as_str(), "holds no object, so that there is nothing to try"));
        }
        for Document { at, identity, object } in documents {
            let name = if matches!(object, Ok(Object::Strategies(_))) {
                "strategies".to_owned()
            } else {
                identity.to_string()
            };
            if let Some(first) = seen.insert(name, file.name.clone()) {
                findings.push(Finding::new(at, format!("is there twice; the first stands in `{first}`")));
                continue;
            }
            match object {
                Err(more) => findings.extend(more.into_iter().map(|finding| below(&at, finding))),
                Ok(object) if says_something(&object) => given.push((at, object)),
                Ok(_) => {
                    let known = "EgressPolicy, Node, Pod, Namespace, HostInterface and strategies";
                    findings.push(Finding::new(at, format!("says nothing of who leaves where; hint: {known} do")));
                }
            }
        }
    }
    (given, findings)
}

fn says_something(object: &Object) -> bool {
    matches!(
        object,
        Object::EgressPolicy(_)
            | Object::Node(_)
            | Object::Pod(_)
            | Object::Namespace(_)
            | Object::HostInterface(_)
            | Object::Strategies(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> File {
        File { name: name.to_owned(), text: text.to_owned() }
    }

    fn policy(name: &str, strategy: &str) -> File {
        let text = format!(
            "apiVersion: nicety.dev/v1alpha1\nkind: EgressPolicy\nmetadata: {{name: {name}}}\nspec:\n  selectors: [{{podSelector: {{}}}}]\n  \
             destinationCIDRs: [0.0.0.0/0]\n  egressGateways: [{{nodeSelector: {{}}}}]\n  strategy: {strategy}\n"
        );
        file("change.yaml", &text)
    }

    /// A policy that names a strategy of the document.
    fn in_force() -> Set {
        let strategies = "strategies:\n  mine: {policy: 'builtin:rendezvous'}\n  near: {policy: 'builtin:zone', config: {mode: localOnly}}\n";
        Set::parse(&[file("strategies.yaml", strategies), policy("out", "mine")]).unwrap()
    }

    fn found(files: &[File]) -> String {
        in_force().egress_change(files).unwrap_err().iter().map(Finding::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_policy_may_name_a_strategy_that_is_in_force() {
        let change = in_force().egress_change(&[policy("more", "mine")]).unwrap();
        assert_eq!(change.objects.len(), 1);
        assert_eq!(change.strategies.gateway_distribution.to("more").as_str(), "mine");
        let change = in_force().egress_change(&[policy("out", "jump")]).unwrap();
        assert_eq!(change.strategies.gateway_distribution.to("out").as_str(), "jump");
        assert!(
            found(&[policy("more", "no-such")])
                .contains("change.yaml: EgressPolicy more: spec.strategy: there is no strategy")
        );
    }

    #[test]
    fn nothing_given_is_what_is_in_force() {
        let change = in_force().egress_change(&[]).unwrap();
        assert_eq!(change, EgressChange { objects: Vec::new(), strategies: in_force().strategies });
    }

    #[test]
    fn strategies_take_the_place_of_those_in_force_wherever_their_file_is() {
        let with = |text: &str| file("/etc/new/strategies.yaml", text);
        let change = in_force().egress_change(&[with(
            "gatewayDistribution: {default: jump}\nstrategies: {mine: {policy: 'builtin:jump'}}",
        )]);
        assert_eq!(change.unwrap().strategies.gateway_distribution.default.as_str(), "jump");
        // What a policy in force names is gone.
        assert!(
            found(&[with("gatewayDistribution: {default: jump}")]).starts_with("EgressPolicy out: spec.strategy: ")
        );
    }

    #[test]
    fn what_says_nothing_of_who_leaves_where_is_told_and_not_passed_over() {
        let class = "apiVersion: nicety.dev/v1alpha1\nkind: DeviceClass\nmetadata: {name: fast}\nspec: {ids: [{vendor: '15b3', products: ['1019']}]}\n";
        let said = found(&[file("class.yaml", class), file("empty.yaml", "# later\n")]);
        assert!(
            said.contains("class.yaml: DeviceClass fast: says nothing of who leaves where; hint: EgressPolicy, "),
            "{said}"
        );
        assert!(said.contains("empty.yaml: holds no object"), "{said}");
        assert!(found(&[policy("more", "mine"), policy("more", "mine")]).contains("is there twice"));
    }
}
