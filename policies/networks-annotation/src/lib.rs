//! attach: the networks that a pod names in the annotation of the Network Plumbing Working Group, in both of its forms.

mod element;
mod finding;
mod long;
mod short;
mod target;

use nicety_policy_sdk::{
    Denial, Request,
    attach::{Facts, Mode},
};
use serde::Deserialize;

use crate::finding::Findings;

/// Where a pod says what it wants.
const ANNOTATION: &str = "k8s.v1.cni.cncf.io/networks";

/// It takes no settings.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Config {}

nicety_policy_sdk::policy! {
    kind: attach,
    name: "networks-annotation",
    summary: "the networks that the pod names in the annotation k8s.v1.cni.cncf.io/networks",
    config: Config,
    wants: ["class", "masters", "nics", "target", "unready-reason"],
    decide: decide,
}

/// A denial carries everything that is wrong, not the first.
pub fn decide(_: &Config, facts: &Facts) -> Result<Vec<Request>, Denial> {
    match facts.call.mode {
        Mode::Delegated => delegated(facts).map(|request| vec![request]),
        Mode::Chained => named(facts),
        Mode::OwnNetwork => {
            let named = named(facts)?;
            Ok(std::iter::once(facts.primary_request()?).chain(named).collect())
        }
    }
}

/// What a meta plugin asks for: it has read the annotation itself, and hands down the arguments of the one element.
fn delegated(facts: &Facts) -> Result<Request, Denial> {
    let mut findings = Findings::default();
    let arguments = element::Arguments::of_attributes(&facts.call.attributes, &mut findings);
    if let Some(nics) = arguments.nics.filter(|nics| *nics > 1) {
        let message =
            format!("is {nics}, and a meta plugin attaches one interface at a time; name the network {nics} times");
        findings.push("`nics`", &message);
    }
    findings.into_denial("the arguments of the CNI configuration", "cni-args")?;
    let element::Arguments { nics: _, masters, class, target } = arguments;
    Ok(Request { masters, class, target, ..facts.primary_request()? })
}

/// The requests of the pod's annotation; none without one.
fn named(facts: &Facts) -> Result<Vec<Request>, Denial> {
    let text = facts.pod.annotation(ANNOTATION).unwrap_or_default().trim_ascii();
    let mut findings = Findings::default();
    let elements = if text.is_empty() {
        Vec::new()
    } else if text.bytes().any(|byte| matches!(byte, b'[' | b'{' | b'"')) {
        long::read(text, &mut findings)
    } else {
        short::read(text, &mut findings)
    };
    let mut requests = Vec::with_capacity(elements.len());
    for element in elements {
        requests.extend(element.request(facts, &mut findings));
    }
    same_names(facts, &requests, &mut findings);
    findings.into_denial(&format!("annotation `{ANNOTATION}`"), ANNOTATION)?;
    Ok(requests)
}

/// No two interfaces can have one name, nor one the name of the pod's first.
fn same_names(facts: &Facts, requests: &[Request], findings: &mut Findings) {
    for (place, request) in requests.iter().enumerate() {
        let Some(name) = &request.ifname else { continue };
        if *name == facts.call.ifname {
            findings.push("interface", &format!("`{name}` is the name of the pod's first interface"));
        }
        if requests.iter().take(place).any(|earlier| earlier.ifname.as_ref() == Some(name)) {
            findings.push("interface", &format!("`{name}` is asked for twice"));
        }
    }
}

#[cfg(test)]
mod tests;
