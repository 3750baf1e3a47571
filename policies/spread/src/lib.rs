//! nic-selection: the NICs with the fewest attachments first.

use nicety_policy_sdk::{
    Attributes, Denial,
    nic_selection::{Facts, Nic, Selection},
};
use serde::Deserialize;

/// The tenant of the pod, in clusters that label tenants.
const TENANT: &str = "tenant";

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whose attachments count.
    count: Count,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
enum Count {
    /// Those of all pods.
    #[default]
    All,
    /// Those of the pod's namespace, so that each namespace spreads by itself.
    Namespace,
    /// Those of the pod's tenant; of its namespace where no tenant is known.
    Tenant,
}

nicety_policy_sdk::policy! {
    kind: nic-selection,
    name: "spread",
    summary: "the NICs with the fewest attachments first",
    config: Config,
    wants: ["tenant"],
    decide: decide,
}

/// Chooses all; NICs with equally many keep their order. A NIC that this pod took before has one more than the facts count.
pub fn decide(config: &Config, facts: &Facts) -> Result<Selection, Denial> {
    let tenant = facts.pod.attributes.text(TENANT).filter(|_| config.count == Count::Tenant);
    let whose = match (config.count, tenant) {
        (Count::All, _) => String::new(),
        (Count::Namespace, _) => format!(" of namespace `{}`", facts.pod.namespace),
        (Count::Tenant, Some(tenant)) => format!(" of tenant `{tenant}`"),
        (Count::Tenant, None) => format!(" of namespace `{}`, for no tenant is known", facts.pod.namespace),
    };
    let count = |nic: &Nic| {
        let counted = nic.users.iter().filter(|user| match (config.count, tenant) {
            (Count::All, _) => true,
            (Count::Tenant, Some(tenant)) => user.tenant.as_deref() == Some(tenant),
            (Count::Namespace, _) | (Count::Tenant, None) => user.namespace == facts.pod.namespace,
        });
        counted.fold(0_u32, |sum, user| sum.saturating_add(user.attachments))
    };
    let own = |candidate| u32::from(facts.taken.contains(&candidate));
    let mut order: Vec<(u32, u32)> =
        facts.indexed().map(|(candidate, nic)| (count(nic).saturating_add(own(candidate)), candidate)).collect();
    order.sort_by_key(|(attachments, _)| *attachments);
    let mut selection = Selection::default();
    for (attachments, candidate) in order {
        let ours = if own(candidate) == 1 { ", one of them this pod's" } else { "" };
        let plural = if attachments == 1 { "" } else { "s" };
        selection.choose(candidate, format!("{attachments} attachment{plural}{whose}{ours}"));
    }
    Ok(selection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nicety_policy_sdk::{Attribute, Value, facts, nic_selection::UseBy};

    fn nic(name: &str, users: &[(&str, Option<&str>, u32)]) -> Nic {
        let user = |(namespace, tenant, attachments): &(&str, Option<&str>, u32)| UseBy {
            tenant: tenant.map(str::to_owned),
            ..facts::use_by(namespace, *attachments)
        };
        Nic { users: users.iter().map(user).collect(), ..facts::nic(name) }
    }

    /// Three NICs: in total 3, 1 and 1 attachments; of `podns` 0, 1 and 0; of tenant `red` 1, 0 and 1.
    fn facts() -> Facts {
        facts::selection([
            nic("eth1", &[("a", Some("red"), 1), ("b", None, 2)]),
            nic("eth2", &[("podns", None, 1)]),
            nic("eth3", &[("c", Some("red"), 1)]),
        ])
    }

    fn order(count: Count, facts: &Facts) -> Vec<&str> {
        let selection = decide(&Config { count }, facts).unwrap();
        selection.chosen.iter().map(|choice| facts.candidates[choice.candidate as usize].name.as_str()).collect()
    }

    fn of_tenant(tenant: &str) -> Facts {
        let mut facts = facts();
        facts.pod.attributes = vec![Attribute { name: TENANT.into(), value: Value::Text(tenant.into()) }];
        facts
    }

    #[test]
    fn the_nic_with_the_fewest_attachments_is_first_and_a_tie_keeps_the_order() {
        assert_eq!(order(Count::All, &facts()), ["eth2", "eth3", "eth1"]);
    }

    #[test]
    fn a_namespace_can_spread_by_itself() {
        assert_eq!(order(Count::Namespace, &facts()), ["eth1", "eth3", "eth2"]);
    }

    #[test]
    fn a_tenant_can_spread_by_itself() {
        assert_eq!(order(Count::Tenant, &of_tenant("red")), ["eth2", "eth1", "eth3"]);
    }

    #[test]
    fn without_a_tenant_the_namespace_counts_and_the_reason_says_so() {
        assert_eq!(order(Count::Tenant, &facts()), order(Count::Namespace, &facts()));
        let selection = decide(&Config { count: Count::Tenant }, &facts()).unwrap();
        assert_eq!(selection.chosen[0].reason, "0 attachments of namespace `podns`, for no tenant is known");
    }

    #[test]
    fn what_this_pod_took_before_counts() {
        let taken = Facts { taken: vec![1], ..facts() };
        assert_eq!(order(Count::All, &taken), ["eth3", "eth2", "eth1"]);
        let selection = decide(&Config::default(), &taken).unwrap();
        assert_eq!(selection.chosen[1].reason, "2 attachments, one of them this pod's");
    }

    #[test]
    fn a_misspelt_count_is_refused_with_the_names_that_there_are() {
        let findings = (definition().validate_config)(r#"{"count": "tenants"}"#).unwrap_err();
        assert!(findings[0].contains("`tenants`") && findings[0].contains("`namespace`"), "{findings:?}");
    }
}
