//! Our table of nf_tables as data: chains, sets and counters by name, and what stands in them. `change` makes the difference between
//! two; the shell says it to the kernel.
//!
//! Elements grow with pods and destinations, rules and chains only with classes, policies and gateways. Pods stand in sets and never in
//! verdict maps: the kernel walks every chain behind every element of such a map again whenever an element or a rule is added.

pub mod change;
pub mod expression;
mod rules;
mod sets;

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
};

use self::expression::Expression;
pub use self::sets::{LINK_PREFIX, RETURN_LINK, link_group, way_link};
use super::program::{Program, Settings};
use crate::hash;

/// Of the family `inet`.
pub const NAME: &str = "nicety_egress";

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    pub chains: BTreeMap<String, Chain>,
    pub sets: BTreeMap<String, Set>,
    pub counters: BTreeSet<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    pub base: Option<Base>,
    pub rules: Vec<Rule>,
}

/// Where packets come into a chain, in the kernel's words and numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    pub kind: String,
    pub hook: u32,
    pub priority: i32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// For people.
    pub says: &'static str,
    pub does: Vec<Expression>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    pub shape: Shape,
    pub elements: BTreeMap<Key, Value>,
}

/// What the kernel is told of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub key: Type,
    /// None: a set, no map.
    pub value: Option<Type>,
    /// Keys come in pairs: where an interval begins and, marked as its end, the first key after it.
    pub interval: bool,
    /// The greatest number of elements, where there is one: the kernel then takes a table of fixed size, which is the faster one.
    pub most: Option<u32>,
}

/// In the words of `nft`: a number and a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    V4,
    V6,
    Mark,
    /// Of links.
    Group,
    MarkAndV4,
    MarkAndV6,
    Verdict,
}

/// As the kernel has it: addresses in network order, marks and names in the host's.
/// There is one for each pod in each set that it is in, so none lies on the heap.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key {
    bytes: [u8; LONGEST],
    length: u8,
    pub ends: bool,
}

/// A mark and an address of IPv6.
const LONGEST: usize = 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    None,
    Bytes(Vec<u8>),
    /// To the chain of this name, and not back.
    Goto(String),
    /// On, as if we were not here.
    Accept,
}

/// A table as it is read back: of a rule only the comment, which says what the rule does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    pub chains: BTreeMap<String, (Option<Base>, Vec<String>)>,
    pub sets: BTreeMap<String, Set>,
    pub counters: BTreeSet<String>,
}

impl Table {
    pub fn of(settings: &Settings, program: &Program) -> Table {
        Table {
            chains: rules::chains(settings, program),
            sets: sets::sets(settings, program),
            counters: program
                .policies
                .keys()
                .map(|policy| counter(policy))
                .chain([rules::STRAYED, rules::FOREIGN].map(str::to_owned))
                .collect(),
        }
    }

    /// What is read back once the kernel has it.
    pub fn shown(self) -> Shown {
        let comments = |chain: &Chain| chain.rules.iter().map(Rule::comment).collect();
        Shown {
            chains: self
                .chains
                .iter()
                .map(|(name, chain)| (name.clone(), (chain.base.clone(), comments(chain))))
                .collect(),
            sets: self.sets,
            counters: self.counters,
        }
    }

    pub fn elements(&self) -> usize {
        self.sets.values().map(|set| set.elements.len()).sum()
    }
}

/// What the kernel takes of a name, in bytes, and what stands before a policy's in ours at most (`exits4-65535-`).
const LONGEST_NAME: usize = 255;
const BEFORE_POLICY: usize = 13;
/// What stands for the rest of a long one.
const DIGEST: usize = 17;

/// A policy as it stands in names of the kernel: one that is too long has its end replaced by what it is hashed to, behind a character that
/// no policy's name has.
fn short(policy: &str) -> String {
    let room = LONGEST_NAME - BEFORE_POLICY;
    match policy.get(..room - DIGEST) {
        Some(begin) if policy.len() > room => format!("{begin}_{:016x}", hash::number(&["egress-name", policy])),
        _ => policy.to_owned(),
    }
}

/// Of the packets that a policy dropped because there was no gateway.
pub fn counter(policy: &str) -> String {
    format!("dropped-{}", short(policy))
}

/// The policy whose counter this is, as it stands in names.
pub fn policy_of(counter: &str) -> Option<&str> {
    counter.strip_prefix("dropped-")
}

impl Rule {
    pub fn comment(&self) -> String {
        let digest = hash::number(&[self.says, &format!("{:?}", self.does)]);
        format!("{} ({digest:016x})", self.says)
    }
}

impl Type {
    /// As nft numbers its types; two that are joined have six bits each.
    pub fn number(self) -> u32 {
        match self {
            Type::V4 => 7,
            Type::V6 => 8,
            Type::Mark => 19,
            Type::Group => 35,
            Type::MarkAndV4 => 19 << 6 | 7,
            Type::MarkAndV6 => 19 << 6 | 8,
            Type::Verdict => 0xffff_ff00,
        }
    }

    /// In bytes.
    pub fn len(self) -> u32 {
        match self {
            Type::V4 | Type::Mark | Type::Group => 4,
            Type::V6 => 16,
            Type::MarkAndV4 => 8,
            Type::MarkAndV6 => 20,
            Type::Verdict => 0,
        }
    }

    /// Written as the host writes numbers.
    pub fn is_host_order(self) -> bool {
        matches!(self, Type::Mark | Type::Group)
    }
}

/// The kernel takes the end of one interval before the beginning of the next at the same key, and not after it.
impl Ord for Key {
    fn cmp(&self, other: &Key) -> Ordering {
        self.bytes().cmp(other.bytes()).then_with(|| other.ends.cmp(&self.ends))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Key) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Key {
    /// No key of ours is longer than 20 bytes; of one that is, the rest is left out.
    pub fn of(bytes: impl IntoIterator<Item = u8>) -> Key {
        let mut key = Key { bytes: [0; LONGEST], length: 0, ends: false };
        for (place, byte) in key.bytes.iter_mut().zip(bytes) {
            *place = byte;
            key.length += 1;
        }
        key
    }

    pub fn address(address: IpAddr) -> Key {
        match address {
            IpAddr::V4(v4) => Key::of(v4.octets()),
            IpAddr::V6(v6) => Key::of(v6.octets()),
        }
    }

    pub fn number(number: u32) -> Key {
        Key::of(number.to_ne_bytes())
    }

    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x?}{}", self.bytes(), if self.ends { " ends" } else { "" })
    }
}

impl Value {
    pub fn number(number: u32) -> Value {
        Value::Bytes(number.to_ne_bytes().to_vec())
    }
}

pub fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}
