//! Facts of gateway-filter and gateway-distribution, and the latter's answer: parallel flat lists, one entry per endpoint.

pub mod hash;
pub mod open;
pub mod rendezvous;

use crate::Address;

pub use crate::contract::{
    gateway_distribution::exports::nicety::policy::gateway_distribution::Assignment,
    gateway_filter::nicety::policy::gateways::{Cells, Column, Endpoints, Facts, Gateway, Health, Texts},
};

/// An index that points nowhere: no gateway, node or zone.
pub const NONE: u32 = u32::MAX;

#[expect(clippy::derivable_impls, reason = "the enum is generated, and its generator cannot mark a default")]
impl Default for Health {
    fn default() -> Self {
        Health::Unknown
    }
}

impl Default for Cells {
    fn default() -> Self {
        Cells::Numbers(Vec::new())
    }
}

impl PartialEq for Cells {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Cells::Numbers(a), Cells::Numbers(b)) => a == b,
            (Cells::Texts(a), Cells::Texts(b)) => a == b,
            (Cells::Numbers(_) | Cells::Texts(_), _) => false,
        }
    }
}

impl Texts {
    #[inline]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of one text; empty where there is none.
    #[inline]
    pub fn bytes_of(&self, place: usize) -> &[u8] {
        let end_of = |place: usize| self.ends.get(place).map(|end| *end as usize);
        let start = place.checked_sub(1).map_or(Some(0), end_of);
        start.zip(end_of(place)).and_then(|(start, end)| self.bytes.get(start..end)).unwrap_or_default()
    }

    /// One text; empty where there is none.
    pub fn get(&self, place: usize) -> &str {
        std::str::from_utf8(self.bytes_of(place)).unwrap_or_default()
    }

    pub fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
    }
}

impl<Text: AsRef<str>> FromIterator<Text> for Texts {
    fn from_iter<List: IntoIterator<Item = Text>>(list: List) -> Self {
        let mut texts = Texts::default();
        for text in list {
            texts.push(text.as_ref());
        }
        texts
    }
}

impl Endpoints {
    #[inline]
    pub fn len(&self) -> usize {
        self.identity.len()
    }

    pub fn is_empty(&self) -> bool {
        self.identity.is_empty()
    }

    /// The first address of an endpoint.
    #[inline]
    pub fn address(&self, endpoint: usize) -> Option<Address> {
        let end = *self.address_ends.get(endpoint)? as usize;
        let start =
            endpoint.checked_sub(1).map_or(Some(0), |before| self.address_ends.get(before).map(|e| *e as usize))?;
        match self.addresses.get(start * 2..end * 2)? {
            [high, low, ..] => Some(Address { high: *high, low: *low }),
            _ => None,
        }
    }

    /// The gateway before, where it is still there.
    #[inline]
    pub fn previous(&self, endpoint: usize) -> Option<u32> {
        self.previous.get(endpoint).copied().filter(|gateway| *gateway != NONE)
    }
}

impl Facts {
    /// May this endpoint use this gateway? An empty `allowed` allows all.
    #[inline]
    pub fn allows(&self, endpoint: usize, gateway: u32) -> bool {
        let word = endpoint * self.gateways.len().div_ceil(64) + gateway as usize / 64;
        self.allowed.is_empty() || self.allowed.get(word).is_some_and(|word| word >> (gateway % 64) & 1 == 1)
    }

    /// A filter's answer: of the gateways that each endpoint may use, those to keep.
    pub fn filtered(&self, keep: impl Fn(usize, u32, &Gateway) -> bool) -> Vec<u64> {
        let mut allowed = Vec::with_capacity(self.endpoints.len() * self.gateways.len().div_ceil(64));
        for endpoint in 0..self.endpoints.len() {
            for (word, gateways) in (0_u32..).zip(self.gateways.chunks(64)) {
                let bits = (0_u32..).zip(gateways).filter(|(bit, gateway)| {
                    let index = word * 64 + bit;
                    self.allows(endpoint, index) && keep(endpoint, index, gateway)
                });
                allowed.push(bits.fold(0, |bits, (bit, _)| bits | 1 << bit));
            }
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts;

    #[test]
    fn texts_are_found_by_place() {
        let texts: Texts = ["ab", "", "ö"].into_iter().collect();
        assert_eq!((texts.get(0), texts.get(1), texts.get(2), texts.get(3)), ("ab", "", "ö", ""));
        assert_eq!(texts.len(), 3);
    }

    #[test]
    fn an_empty_list_allows_every_gateway_and_a_full_one_says_which() {
        let mut of_70 = Facts { gateways: vec![facts::gateway("g", "10.0.0.1"); 70], ..Facts::default() };
        assert!(of_70.allows(5, 69));
        of_70.allowed = vec![0b10, 0, 0, 1 << 5];
        assert!(of_70.allows(0, 1) && !of_70.allows(0, 69) && of_70.allows(1, 69) && !of_70.allows(1, 1));
        assert!(!of_70.allows(2, 0), "an endpoint without bits may use none");
    }

    #[test]
    fn a_filter_keeps_no_gateway_that_was_not_allowed() {
        let gateways = (0..66).map(|n| facts::gateway(&format!("g{n}"), "10.0.0.1"));
        let mut facts = facts::gateways(gateways, facts::endpoints(&[("a", "10.0.0.1"), ("b", "10.0.0.2")]));
        assert_eq!(facts.filtered(|_, gateway, _| gateway > 63), [0, 0b11, 0, 0b11]);
        facts.allowed = vec![1, 0b01, 0, 0b10];
        assert_eq!(facts.filtered(|_, gateway, _| gateway > 63), [0, 0b01, 0, 0b10]);
    }

    #[test]
    fn an_endpoint_without_address_has_none_and_shifts_nobody() {
        let mut endpoints = facts::endpoints(&[("a", "10.0.0.1"), ("c", "10.0.0.3")]);
        endpoints.identity = ["a", "b", "c"].into_iter().collect();
        endpoints.address_ends = vec![1, 1, 2];
        let text = |place| endpoints.address(place).map(|address| address.to_string());
        assert_eq!(
            [text(0), text(1), text(2), text(3)],
            [Some("10.0.0.1".into()), None, Some("10.0.0.3".into()), None]
        );
    }
}
