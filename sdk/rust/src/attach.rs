//! Facts of attach: which networks a pod is attached to, and how. The answer is a list of [`crate::Request`].

use crate::{Attributes, Denial, Request};

pub use crate::contract::attach::exports::nicety::policy::attach::{Call, Facts, Mode, Offer};

#[expect(clippy::derivable_impls, reason = "the enum is generated, and its generator cannot mark a default")]
impl Default for Mode {
    fn default() -> Self {
        Mode::OwnNetwork
    }
}

impl Facts {
    /// The place and the offer of the network that the NetConf names.
    pub fn default_offer(&self) -> Option<(u32, &Offer)> {
        (0..).zip(&self.networks).find(|(_, offer)| offer.default)
    }

    pub fn offer(&self, name: &str) -> Option<(u32, &Offer)> {
        (0..).zip(&self.networks).find(|(_, offer)| offer.name == name)
    }

    /// The request for CNI_IFNAME: one NIC of the network that the NetConf names, with what the runtime asked for by capability.
    pub fn primary_request(&self) -> Result<Request, Denial> {
        let (network, offer) = self.default_offer().ok_or_else(|| {
            Denial::new("unknown-network", "the network that the CNI configuration names is not on offer to this pod")
        })?;
        if !offer.ready {
            return Err(offer.not_ready());
        }
        Ok(Request {
            network,
            primary: true,
            nics_min: 1,
            nics_max: Some(1),
            addresses: self.call.addresses.clone(),
            mac: self.call.mac,
            reason: "the network of the CNI configuration".to_owned(),
            ..Request::default()
        })
    }

    /// The names of all networks on offer, for messages.
    pub fn offered(&self) -> String {
        let names: Vec<String> = self.networks.iter().map(|offer| format!("`{}`", offer.name)).collect();
        if names.is_empty() { "there is none".to_owned() } else { format!("there are {}", names.join(", ")) }
    }
}

impl Offer {
    /// The denial for a network that is on offer and cannot be used now. It says why to a policy that wants `unready-reason`.
    pub fn not_ready(&self) -> Denial {
        let why = self.attributes.text("unready-reason").map(|why| format!(": {why}")).unwrap_or_default();
        let message = format!("network `{}` is not usable on this node now{why}", self.name);
        Denial::for_now("network-not-ready", message).about(&self.name)
    }
}

/// Why the kernel would not take this interface name; None for a good one.
pub fn illegal_ifname(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("is empty")
    } else if name.len() > 15 {
        Some("is longer than 15 bytes")
    } else if name == "." || name == ".." {
        Some("is a directory's name")
    } else if name.bytes().any(|c| matches!(c, b'/' | b':' | 0..=b' ' | 0x7f)) {
        Some("has a `/`, a `:`, white space or a control character")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts;

    #[test]
    fn the_primary_request_carries_what_the_runtime_asked_for() {
        let mut facts = facts::attach(Mode::OwnNetwork, facts::pod("podns", "pod"), "pods", &["fast"]);
        facts.networks.rotate_left(1);
        facts.call.mac = Some(0x0200_0000_0001);
        let request = facts.primary_request().unwrap();
        assert_eq!((request.network, request.nics_max, request.mac), (1, Some(1), Some(0x0200_0000_0001)));
        assert!(request.primary);
    }

    #[test]
    fn without_its_network_there_is_no_primary_request() {
        let mut facts = facts::attach(Mode::OwnNetwork, facts::pod("podns", "pod"), "pods", &[]);
        facts.networks[0].ready = false;
        assert!(facts.primary_request().unwrap_err().retryable);
        facts.networks.clear();
        assert_eq!(facts.primary_request().unwrap_err().code, "unknown-network");
    }

    #[test]
    fn an_interface_name_is_what_the_kernel_takes() {
        for good in ["eth0", "net1-0", "fifteencharsaaa"] {
            assert_eq!(illegal_ifname(good), None, "{good}");
        }
        for bad in ["", ".", "..", "sixteencharsaaaa", "a/b", "a:b", "a b", "a\n"] {
            assert!(illegal_ifname(bad).is_some(), "{bad:?}");
        }
    }
}
