//! One element of the annotation, whichever form it was written in, and the request that it becomes.

use nicety_policy_sdk::{
    Address, Attribute, Attributes, Prefix, Request,
    attach::{Facts, illegal_ifname},
};

use crate::{ANNOTATION, finding::Findings, target};

#[derive(Debug, Default)]
pub struct Element {
    /// From 1.
    pub place: usize,
    pub namespace: Option<String>,
    pub name: String,
    pub ifname: Option<String>,
    pub mac: Option<u64>,
    pub addresses: Vec<Prefix>,
    pub gateway4: Option<Address>,
    pub gateway6: Option<Address>,
    pub arguments: Arguments,
}

/// What an element says under `cni-args`.
#[derive(Debug, Default)]
pub struct Arguments {
    /// None: no limit.
    pub nics: Option<u32>,
    pub masters: Vec<String>,
    pub class: Option<String>,
    /// Bits per second.
    pub target: Option<u64>,
}

impl Arguments {
    /// `nics` of zero or less sets no limit. What does not read is told.
    pub fn checked(
        nics: Option<i64>,
        masters: Vec<String>,
        class: Option<String>,
        target: Option<String>,
        path: &str,
        findings: &mut Findings,
    ) -> Arguments {
        for (place, master) in masters.iter().enumerate() {
            if let Some(why) = illegal_ifname(master) {
                findings.push(&format!("{path}, `masters`"), &format!("`{master}` {why}"));
            } else if masters.iter().take(place).any(|earlier| earlier == master) {
                findings.push(&format!("{path}, `masters`"), &format!("`{master}` stands twice"));
            }
        }
        let rate = target.as_deref().and_then(target::parse);
        if let Some(text) = target.filter(|_| rate.is_none()) {
            let message = format!("`{text}` is no bandwidth; write digits and `Gbps`, `Mbps` or `Kbps`");
            findings.push(&format!("{path}, `target`"), &message);
        }
        let nics = nics.filter(|nics| *nics > 0).map(|nics| u32::try_from(nics).unwrap_or(u32::MAX));
        Arguments { nics, masters, class, target: rate }
    }

    /// The same arguments where a meta plugin handed them down, as attributes of the call.
    pub fn of_attributes(attributes: &[Attribute], findings: &mut Findings) -> Arguments {
        let nics = attributes.number("nics");
        let masters = attributes.texts("masters").unwrap_or_default().to_vec();
        let text = |name| attributes.text(name).filter(|text| !text.is_empty()).map(str::to_owned);
        Arguments::checked(nics, masters, text("class"), text("target"), "cni-args", findings)
    }
}

impl Element {
    pub fn at(place: usize) -> Element {
        Element { place, ..Element::default() }
    }

    /// None, and findings, when the network is not one that this pod can have now.
    pub fn request(self, facts: &Facts, findings: &mut Findings) -> Option<Request> {
        let path = format!("element {}", self.place);
        let pod_namespace = &facts.pod.namespace;
        if let Some(foreign) = self.namespace.as_ref().filter(|namespace| *namespace != pod_namespace) {
            let message = format!(
                "`{foreign}/{}` is of another namespace than the pod's, `{pod_namespace}`; networks are of the whole cluster, so leave the namespace out",
                self.name
            );
            findings.add(&path, "foreign-namespace", &message, Some(format!("{foreign}/{}", self.name)));
            return None;
        }
        if self.mac.is_some() && self.arguments.nics.is_some_and(|nics| nics > 1) {
            findings.push(&format!("{path}, `mac`"), "is the address of one interface, and `nics` asks for several");
        }
        let Some((network, offer)) = facts.offer(&self.name) else {
            let message = format!("`{}` is no network that this pod may use; {}", self.name, facts.offered());
            findings.add(&path, "unknown-network", &message, Some(self.name));
            return None;
        };
        if !offer.ready {
            findings.not_ready(&path, offer);
            return None;
        }
        let Element { place, namespace: _, name: _, ifname, mac, addresses, gateway4, gateway6, arguments } = self;
        let Arguments { nics, masters, class, target } = arguments;
        Some(Request {
            network,
            ifname,
            nics_min: 1,
            nics_max: nics.or(mac.map(|_| 1)),
            masters,
            class,
            target,
            addresses,
            gateway4,
            gateway6,
            mac,
            reason: format!("annotation {ANNOTATION}, element {place}"),
            ..Request::default()
        })
    }
}
