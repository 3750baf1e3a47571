//! The order of endpoints and gateways: by the text of the canonical address, as people sort lists (`10.0.0.10` before
//! `10.0.0.9`), then by identity, so that the order of the facts does not matter.

use std::{
    cmp::Ordering,
    fmt::{self, Write},
};

use nicety_policy_sdk::{
    Address,
    gateways::{Endpoints, Gateway},
};

/// Places of the endpoints, in order. An endpoint without an address comes first.
pub fn endpoints(endpoints: &Endpoints) -> Vec<u32> {
    let texts: Vec<Text> = (0..endpoints.len()).map(|place| Text::of(endpoints.address(place))).collect();
    sorted(&texts, &|place| (endpoints.identity.bytes_of(place), endpoints.uid.bytes_of(place)))
}

/// Places of the gateways, in order.
pub fn gateways(gateways: &[Gateway]) -> Vec<u32> {
    let texts: Vec<Text> = gateways.iter().map(|gateway| Text::of(gateway.addresses.first().copied())).collect();
    sorted(&texts, &|place| (gateways.get(place).map_or(&[], |gateway| gateway.id.as_bytes()), &[]))
}

/// What tells two of one address apart.
type Identity<'a> = &'a dyn Fn(usize) -> (&'a [u8], &'a [u8]);

/// The sort moves the first 16 bytes of each text, which is all of an IPv4 address; only where those are equal it looks further.
fn sorted(texts: &[Text], identity: Identity<'_>) -> Vec<u32> {
    let mut order: Vec<([u64; 2], u32)> = texts.iter().map(Text::head).zip(0..).collect();
    order.sort_unstable_by(|(a, a_place), (b, b_place)| match a.cmp(b) {
        Ordering::Equal => further(texts, identity, *a_place, *b_place),
        unequal => unequal,
    });
    order.into_iter().map(|(_, place)| place).collect()
}

/// Not inlined, because the sort compares in a dozen places.
#[cold]
#[inline(never)]
fn further(texts: &[Text], identity: Identity<'_>, a: u32, b: u32) -> Ordering {
    let key = |place: u32| (texts.get(place as usize).map(|text| text.bytes), identity(place as usize), place);
    key(a).cmp(&key(b))
}

/// The text of an address, with zeros behind: 39 bytes are the longest, and zero sorts before any character.
struct Text {
    bytes: [u8; 40],
    length: usize,
}

impl Text {
    fn of(address: Option<Address>) -> Text {
        let mut text = Text { bytes: [0; 40], length: 0 };
        match address {
            None => {}
            Some(address) if address.is_ipv4() => {
                let [_, _, _, _, octets @ ..] = address.low.to_be_bytes();
                for (place, octet) in octets.into_iter().enumerate() {
                    if place > 0 {
                        text.push(b'.');
                    }
                    text.decimal(octet);
                }
            }
            Some(address) => {
                // Writing into 40 bytes fails for no address, and an unfinished text still sorts the same way every time.
                let _complete: fmt::Result = write!(text, "{}", address.ip());
            }
        }
        text
    }

    fn decimal(&mut self, octet: u8) {
        if octet >= 100 {
            self.push(b'0' + octet / 100);
        }
        if octet >= 10 {
            self.push(b'0' + octet / 10 % 10);
        }
        self.push(b'0' + octet % 10);
    }

    fn push(&mut self, byte: u8) {
        if let Some(end) = self.bytes.get_mut(self.length) {
            *end = byte;
            self.length += 1;
        }
    }

    fn head(&self) -> [u64; 2] {
        let mut head = [0; 2];
        for (word, bytes) in head.iter_mut().zip(self.bytes.as_chunks().0) {
            *word = u64::from_be_bytes(*bytes);
        }
        head
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| self.push(byte));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_sorted_as_their_texts_are() {
        let mut list = [
            "10.0.0.9",
            "10.0.0.10",
            "10.0.0.100",
            "9.255.255.255",
            "192.168.0.1",
            "255.255.255.255",
            "0.0.0.0",
            "2001:db8::1",
            "2001:db8::10",
            "2001:db8:1111:2222:3333:4444:5555:6666",
            "2001:db8:1111:2222:3333:4444:5555:6665",
            "::",
            "fe80::1",
        ];
        let texts: Vec<Text> = list.iter().map(|text| Text::of(Some(text.parse().unwrap()))).collect();
        let order = sorted(&texts, &|_| (&[], &[]));
        let ours: Vec<&str> = order.into_iter().map(|place| list[place as usize]).collect();
        list.sort();
        assert_eq!(ours, list);
    }
}
