//! Review of gateway-filter and gateway-distribution: every endpoint is answered, nobody is sent where it may not go.

use super::{capped::Capped, text};
use crate::{
    decision::Assignment,
    facts::gateways::{Facts, Gateway, Health, NONE},
    finding::Finding,
};

/// All that is wrong with an assignment of these endpoints.
pub fn distribution(facts: &Facts, assignment: &Assignment) -> Vec<Finding> {
    let Assignment { primary, standby, reason, reasons, attributes } = assignment;
    let count = facts.endpoints.len();
    let mut capped = Capped::default();
    for (path, length) in [("primary", primary.len()), ("standby", standby.len()), ("reason", reason.len())] {
        if length != count {
            capped.push(|| Finding::new(path, format!("has {length} entries for {count} endpoints")));
        }
    }
    capped.extend(
        reasons.iter().enumerate().filter_map(|(index, text)| text::reason(|| format!("reasons[{index}]"), text)),
    );
    capped.extend(text::attributes("attributes", attributes));
    for (endpoint, ((primary, standby), reason)) in primary.iter().zip(standby).zip(reason).enumerate().take(count) {
        let mut found = |list: &str, why: String| {
            capped
                .push(|| Finding::new(format!("{list}[{endpoint}]"), format!("{}: {why}", identity(facts, endpoint))));
        };
        if usize::from(*reason) >= reasons.len() {
            found("reason", format!("{reason} is no reason; there are {}", reasons.len()));
        }
        if let Some(why) = refusal(facts, endpoint, *primary, Role::Primary) {
            found("primary", why);
        }
        if let Some(why) = refusal(facts, endpoint, *standby, Role::Standby) {
            found("standby", why);
        }
        if standby == primary && *primary != NONE {
            found("standby", "is the primary gateway too".to_owned());
        } else if *primary == NONE && *standby != NONE {
            found("standby", "stands by for no primary gateway".to_owned());
        }
    }
    capped.finish()
}

/// All that is wrong with a filter's new `allowed`: it covers every endpoint, and takes away only.
pub fn filter(facts: &Facts, allowed: &[u64]) -> Vec<Finding> {
    let words = facts.words_per_endpoint();
    let wanted = facts.endpoints.len().saturating_mul(words);
    if allowed.len() != wanted {
        let message =
            format!("has {} words; {} endpoints of {words} words need {wanted}", allowed.len(), facts.endpoints.len());
        return vec![Finding::new("allowed", message)];
    }
    let mut capped = Capped::default();
    for (index, word) in allowed.iter().enumerate() {
        let (endpoint, first) = (index / words, (index % words) * 64);
        let before = if facts.allowed.is_empty() { u64::MAX } else { facts.allowed.get(index).copied().unwrap_or(0) };
        let added = word & !(before & existing(facts.gateways.len(), first));
        if added != 0 {
            capped.push(|| {
                let gateway = first + added.trailing_zeros() as usize;
                let message = match facts.gateways.get(gateway) {
                    Some(Gateway { id, .. }) => format!(
                        "{}: gateway `{id}` was not allowed before; a filter only narrows",
                        identity(facts, endpoint)
                    ),
                    None => format!(
                        "{}: {gateway} is no gateway; there are {}",
                        identity(facts, endpoint),
                        facts.gateways.len()
                    ),
                };
                Finding::new(format!("allowed[{index}]"), message)
            });
        }
    }
    capped.finish()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Primary,
    Standby,
}

/// Why this gateway cannot have this role for this endpoint.
fn refusal(facts: &Facts, endpoint: usize, index: u32, role: Role) -> Option<String> {
    if index == NONE {
        return None;
    }
    let Some(gateway) = facts.gateways.get(index as usize) else {
        return Some(format!("{index} is no gateway; there are {}", facts.gateways.len()));
    };
    let id = &gateway.id;
    let had = facts.endpoints.previous.get(endpoint) == Some(&index);
    if !is_allowed(facts, endpoint, index as usize) {
        Some(format!("gateway `{id}` is not allowed"))
    } else if gateway.weight == 0 {
        Some(format!("gateway `{id}` has weight 0 and takes no endpoints"))
    } else if gateway.draining && !had {
        Some(format!("gateway `{id}` is draining and takes no new endpoints"))
    } else if gateway.health == Health::Unhealthy && role == Role::Primary {
        Some(format!("gateway `{id}` is unhealthy"))
    } else {
        None
    }
}

fn is_allowed(facts: &Facts, endpoint: usize, gateway: usize) -> bool {
    let word = facts.allowed.get(endpoint * facts.words_per_endpoint() + gateway / 64);
    facts.allowed.is_empty() || word.is_some_and(|word| word >> (gateway % 64) & 1 == 1)
}

/// Bits of the gateways that exist, in the word that starts with gateway `first`.
fn existing(gateways: usize, first: usize) -> u64 {
    match gateways.saturating_sub(first) {
        left @ 0..64 => (1 << left) - 1,
        _ => u64::MAX,
    }
}

fn identity(facts: &Facts, endpoint: usize) -> String {
    let known = facts.endpoints.identity.get(endpoint);
    known.map_or_else(|| format!("endpoint {endpoint}"), |identity| format!("endpoint `{identity}`"))
}

#[cfg(test)]
mod tests;
