//! Netlink messages of netfilter: a header, a header of netfilter's own, attributes that may hold attributes.

use super::numbers::{NFNETLINK_V0, NLA_F_NESTED, NLA_TYPE_MASK};

/// Attributes one after the other.
#[derive(Debug, Default)]
pub struct Attributes(Vec<u8>);

/// Without a sequence number yet.
#[derive(Debug)]
pub struct Message {
    kind: u16,
    flags: u16,
    family: u8,
    resource: u16,
    attributes: Attributes,
}

impl Attributes {
    pub fn put(&mut self, kind: u16, value: &[u8]) -> &mut Attributes {
        let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.pad();
        self
    }

    /// In network order, as nf_tables wants its numbers.
    pub fn number(&mut self, kind: u16, value: u32) -> &mut Attributes {
        self.put(kind, &value.to_be_bytes())
    }

    /// With the zero at its end.
    pub fn text(&mut self, kind: u16, value: &str) -> &mut Attributes {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.put(kind, &bytes)
    }

    pub fn nest(&mut self, kind: u16, inside: impl FnOnce(&mut Attributes)) -> &mut Attributes {
        let start = self.0.len();
        self.0.extend([0; 2]);
        self.0.extend((kind | NLA_F_NESTED).to_ne_bytes());
        inside(self);
        let length = u16::try_from(self.0.len() - start).unwrap_or(u16::MAX);
        if let Some(space) = self.0.get_mut(start..start + 2) {
            space.copy_from_slice(&length.to_ne_bytes());
        }
        self
    }

    /// Attributes that are written already.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
        self.pad();
    }

    /// For closures that return nothing.
    pub fn end(&mut self) {}

    pub fn len(&self) -> usize {
        self.0.len()
    }

    fn pad(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }
}

impl Message {
    pub fn new(kind: u16, flags: u16, family: u8) -> Message {
        Message { kind, flags, family, resource: 0, attributes: Attributes::default() }
    }

    /// Of the messages around a transaction: whose it is.
    pub fn of_subsystem(mut self, subsystem: u16) -> Message {
        self.resource = subsystem;
        self
    }

    pub fn with(mut self, fill: impl FnOnce(&mut Attributes)) -> Message {
        fill(&mut self.attributes);
        self
    }

    pub fn add_flags(&mut self, flags: u16) {
        self.flags |= flags;
    }

    pub fn bytes(&self, sequence: u32) -> Vec<u8> {
        let length = 20 + self.attributes.len();
        let mut out = Vec::with_capacity(length);
        out.extend(u32::try_from(length).unwrap_or(u32::MAX).to_ne_bytes());
        out.extend(self.kind.to_ne_bytes());
        out.extend((self.flags | super::numbers::NLM_F_REQUEST).to_ne_bytes());
        out.extend(sequence.to_ne_bytes());
        out.extend([0; 4]);
        out.extend([self.family, NFNETLINK_V0]);
        out.extend(self.resource.to_be_bytes());
        out.extend(&self.attributes.0);
        out
    }
}

/// Attributes of an answer: kind and value. Ends where something is malformed.
pub fn each(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (header, body) = rest.split_first_chunk::<4>()?;
        let [l0, l1, k0, k1] = *header;
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let value = body.get(..length.checked_sub(4)?)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes([k0, k1]) & NLA_TYPE_MASK, value))
    })
}

/// Behind netfilter's own header.
pub fn of_message(payload: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    each(payload.get(4..).unwrap_or_default())
}

pub fn number(value: &[u8]) -> u32 {
    value.first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

pub fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).trim_end_matches('\0').to_owned()
}
