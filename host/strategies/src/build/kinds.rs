//! What may stand in a pipeline with what.

use nicety_core::{facts::Kind, finding::Finding};

use crate::set::{Body, Strategy};

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
