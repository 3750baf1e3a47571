//! Marks of packets: the number of a gateway on this node in some bits of the kernel's packet mark. A node numbers the gateways for
//! itself; a number stays with its gateway, because flows that go on carry it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use serde::{Deserialize, Serialize};

use super::share::GatewayId;

/// The bits that are ours: at least three, without a gap. As text: `0x0ff00000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mask(u32);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no mask for packet marks: {why}; hint: write `0x0ff00000`")]
pub struct InvalidMask {
    text: String,
    why: &'static str,
}

/// Which gateway has which number on this node; from 1 on. Written down, numbers survive a restart of the daemon.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Marks(BTreeMap<GatewayId, u32>);

/// What changed in `Marks::assign`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assigned {
    /// Numbers that another gateway had before: flows that still carry them are not of the new one.
    pub reused: BTreeSet<u32>,
    /// There were not enough numbers.
    pub without: BTreeSet<GatewayId>,
}

impl Default for Mask {
    /// 254 gateways. kube-proxy takes 0x4000 and 0x8000.
    fn default() -> Mask {
        Mask(0x0ff0_0000)
    }
}

impl Mask {
    pub fn bits(self) -> u32 {
        self.0
    }

    /// The number as it stands in a packet's mark.
    pub fn mark(self, number: u32) -> u32 {
        (number << self.0.trailing_zeros()) & self.0
    }

    /// As wide, from the top down, and none of these bits.
    pub fn beside(self, used: u32) -> Option<Mask> {
        let low = self.0 >> self.0.trailing_zeros();
        (0..=low.leading_zeros()).rev().map(|shift| Mask(low << shift)).find(|mask| mask.0 & used == 0)
    }

    /// The greatest number: packets on their way back to the node that they came from. Gateways have those below.
    pub fn back(self) -> u32 {
        self.0 >> self.0.trailing_zeros()
    }
}

impl FromStr for Mask {
    type Err = InvalidMask;

    fn from_str(text: &str) -> Result<Mask, InvalidMask> {
        let wrong = |why| InvalidMask { text: text.to_owned(), why };
        let bits = text.strip_prefix("0x").map_or_else(|| text.parse(), |hex| u32::from_str_radix(hex, 16));
        let bits = bits.map_err(|_| wrong("it is a number of 32 bits"))?;
        match bits.count_ones() {
            0..=2 => Err(wrong("it has fewer than three bits")),
            ones if ones != 32 - bits.leading_zeros() - bits.trailing_zeros() => Err(wrong("its bits have a gap")),
            17.. => Err(wrong("it has more than 16 bits")),
            _ => Ok(Mask(bits)),
        }
    }
}

impl TryFrom<String> for Mask {
    type Error = InvalidMask;
    fn try_from(text: String) -> Result<Mask, InvalidMask> {
        text.parse()
    }
}

impl From<Mask> for String {
    fn from(mask: Mask) -> String {
        mask.to_string()
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

impl Marks {
    pub fn number(&self, gateway: &GatewayId) -> Option<u32> {
        self.0.get(gateway).copied()
    }

    pub fn gateway(&self, number: u32) -> Option<&GatewayId> {
        self.0.iter().find(|(_, own)| **own == number).map(|(id, _)| id)
    }

    /// Gives each of these a number. One that is not among them keeps its own until no other is free.
    pub fn assign<'a>(&mut self, wanted: impl Iterator<Item = &'a GatewayId>, mask: Mask) -> Assigned {
        let wanted: BTreeSet<&GatewayId> = wanted.collect();
        let mut assigned = Assigned::default();
        self.0.retain(|_, number| (1..mask.back()).contains(number));
        for id in &wanted {
            if self.0.contains_key(*id) {
                continue;
            }
            let taken: BTreeSet<u32> = self.0.values().copied().collect();
            let free = (1..mask.back()).find(|number| !taken.contains(number));
            let number = free.or_else(|| {
                let idle = self.0.keys().find(|id| !wanted.contains(id)).cloned()?;
                let number = self.0.remove(&idle)?;
                assigned.reused.insert(number);
                Some(number)
            });
            match number {
                Some(number) => drop(self.0.insert((*id).clone(), number)),
                None => drop(assigned.without.insert((*id).clone())),
            }
        }
        assigned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &[&str]) -> Vec<GatewayId> {
        names.iter().map(|name| GatewayId::from((*name).to_owned())).collect()
    }

    #[test]
    fn a_mask_has_three_bits_or_more_and_no_gap() {
        assert_eq!("0x0ff00000".parse(), Ok(Mask::default()));
        assert_eq!(Mask::default().to_string(), "0x0ff00000");
        assert_eq!(Mask::default().mark(255), 0x0ff0_0000);
        assert_eq!(Mask::default().back(), 255);
        for bad in ["0x3", "0x0f0f", "ff", "", "0xffffffff"] {
            assert!(bad.parse::<Mask>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_number_stays_with_its_gateway_until_no_other_is_free() {
        let mask: Mask = "0x7".parse().unwrap();
        let mut marks = Marks::default();
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| GatewayId::from(name.to_owned()));
        assert_eq!(marks.assign([&a, &b].into_iter(), mask), Assigned::default());
        assert_eq!(marks.assign([&b, &c, &d].into_iter(), mask), Assigned::default());
        assert_eq!([&a, &b, &c, &d].map(|id| marks.number(id)), [Some(1), Some(2), Some(3), Some(4)]);
        let [e, f, g, h] = ["e", "f", "g", "h"].map(|name| GatewayId::from(name.to_owned()));
        let assigned = marks.assign([&b, &c, &d, &e, &f, &g].into_iter(), mask);
        assert_eq!(assigned.reused, BTreeSet::from([1]));
        assert_eq!(marks.number(&a), None);
        assert_eq!([&b, &c, &d].map(|id| marks.number(id)), [Some(2), Some(3), Some(4)]);
        let assigned = marks.assign([&b, &c, &d, &e, &f, &g, &h].into_iter(), mask);
        assert_eq!(assigned.without, BTreeSet::from([h]));
    }

    #[test]
    fn numbers_survive_text() {
        let mut marks = Marks::default();
        marks.assign(ids(&["n1/default", "n2/192.0.2.1"]).iter(), Mask::default());
        let text = serde_json::to_string(&marks).unwrap();
        assert_eq!(serde_json::from_str::<Marks>(&text).unwrap(), marks);
    }
}
