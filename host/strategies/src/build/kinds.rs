//! What may stand in a pipeline with what.

use nicety_core::{facts::Kind, finding::Finding};

use crate::set::{Body, Strategy};

/// What is wrong with the strategies beside a strategy: they decide the same, and a share of the pods is one of pods' decisions.
pub fn beside(strategy: &Strategy) -> Vec<Finding> {
    let Some(kind) = strategy.kind() else { return Vec::new() };
    let path = format!("strategies.{}", strategy.name);
    let shadows = strategy.shadow.iter().enumerate().map(|(place, other)| (format!("{path}.shadow[{place}]"), other));
    let canary = strategy.canary.iter().map(|canary| (format!("{path}.canary.strategy"), &canary.strategy));
    let others = shadows.chain(canary).filter(|(_, other)| other.kind().is_some_and(|other| other != kind));
    let mut findings: Vec<Finding> = others
        .map(|(path, other)| {
            Finding::new(path, format!("`{}` does not decide {}, as this strategy does", other.name, kind.name()))
        })
        .collect();
    if strategy.canary.is_some() && matches!(kind, Kind::GatewayDistribution | Kind::GatewayFilter) {
        let message =
            format!("has no share of {}, which is decided for all endpoints at once; hint: use `shadow`", kind.name());
        findings.push(Finding::new(format!("{path}.canary"), message));
    }
    findings
}

/// A pipeline is of one kind, but for filters in front of a distribution; attach does not chain; a fallback decides the same.
pub fn mixed(strategy: &Strategy) -> Option<Finding> {
    let last = strategy.kind()?;
    if let Some(fallback) = &strategy.fallback
        && fallback.kind() != Some(last)
    {
        let message = format!("`{}` does not decide {}, as this strategy does", fallback.name, last.name());
        return Some(Finding::new(format!("strategies.{}.onFailure.fallback", strategy.name), message));
    }
    let Body::Pipeline(members) = &strategy.body else { return None };
    let path = format!("strategies.{}.pipeline", strategy.name);
    if last == Kind::Attach && members.len() > 1 {
        return Some(Finding::new(path, "attach strategies do not chain; hint: name one"));
    }
    let (_, front) = members.split_last()?;
    let before = match last {
        Kind::GatewayDistribution | Kind::GatewayFilter => Kind::GatewayFilter,
        Kind::Attach | Kind::NicSelection => last,
    };
    let (place, wrong) = front.iter().enumerate().find(|(_, member)| member.kind() != Some(before))?;
    let message = format!(
        "strategy `{}` decides {}, which cannot stand before {}",
        wrong.name,
        wrong.kind().map_or("nothing", Kind::name),
        last.name()
    );
    Some(Finding::new(format!("{path}[{place}]"), message))
}
