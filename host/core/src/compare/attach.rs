//! Two lists of requests, place by place.

use super::{Agreement, Comparison, Difference};
use crate::facts::{Group, Request, attach::Facts};

pub(super) fn compare(facts: &Facts, before: &[Request], after: &[Request]) -> Comparison {
    let mut agreement = Agreement::Same;
    let mut differences = Vec::new();
    for place in 0..before.len().max(after.len()) {
        let (was, is) = (before.get(place), after.get(place));
        if was == is {
            continue;
        }
        let same_effect = was.map(wordless) == is.map(wordless);
        agreement = agreement.max(if same_effect { Agreement::OtherReasons } else { Agreement::Different });
        let told = |request: Option<&Request>| request.map_or_else(|| "not asked for".to_owned(), |it| told(facts, it));
        differences.push(Difference { object: format!("requests[{place}]"), before: told(was), after: told(is) });
    }
    Comparison { agreement, differences }
}

fn wordless(request: &Request) -> Request {
    Request { reason: String::new(), ..request.clone() }
}

/// The network by its name, what the request says of it, and why.
fn told(facts: &Facts, request: &Request) -> String {
    let offer = facts.networks.get(request.network as usize);
    let network =
        offer.map_or_else(|| format!("network {}", request.network), |offer| format!("network `{}`", offer.name));
    format!("{network}, {}: {}", request.in_words(), request.reason)
}

impl Request {
    /// What it says beside network and reason, leaving out what it does not say: `as net1, NICs 1-4, class fast`.
    pub fn in_words(&self) -> String {
        let Request {
            network: _,
            ifname,
            primary,
            nics_min,
            nics_max,
            distinct,
            masters,
            class,
            target,
            addresses,
            pools,
            gateway4,
            gateway6,
            mac,
            mtu,
            reason: _,
            attributes,
        } = self;
        let mut parts = Vec::new();
        let mut part = |what: &str, value: Option<String>| parts.extend(value.map(|value| format!("{what}{value}")));
        part("as ", ifname.clone());
        part("", primary.then(|| "primary".to_owned()));
        part(
            "NICs ",
            Some(match nics_max {
                Some(most) if most == nics_min => most.to_string(),
                Some(most) => format!("{nics_min}-{most}"),
                None => format!("{nics_min} or more"),
            }),
        );
        part(
            "distinct by ",
            distinct.map(|group| match group {
                Group::Card => "card".to_owned(),
                Group::NumaNode => "NUMA node".to_owned(),
                Group::Upstream => "upstream".to_owned(),
            }),
        );
        part("masters ", listed(masters));
        part("class ", class.clone());
        part("bit/s ", target.map(|bits| bits.to_string()));
        part("addresses ", listed(addresses));
        part("pools ", listed(pools));
        part("gateway ", gateway4.map(|gateway| gateway.to_string()));
        part("gateway ", gateway6.map(|gateway| gateway.to_string()));
        part("MAC ", mac.map(|mac| mac.to_string()));
        part("MTU ", mtu.map(|mtu| mtu.to_string()));
        part("attributes ", listed(&attributes.iter().map(|attribute| &attribute.name).collect::<Vec<_>>()));
        parts.join(", ")
    }
}

fn listed<T: ToString>(values: &[T]) -> Option<String> {
    (!values.is_empty()).then(|| values.iter().map(T::to_string).collect::<Vec<_>>().join(" "))
}
