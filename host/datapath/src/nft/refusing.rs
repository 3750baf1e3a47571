//! Chains of others that drop what none of their rules accepts. They are looked at, never changed.

use std::{cell::RefCell, collections::BTreeSet, time::Instant};

use nicety_core::address::Family;

use super::{
    Nft, NftError,
    attributes::{Message, each, number, of_message, text},
    numbers::*,
};

/// A chain of somebody else at a hook, with a policy of drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusing {
    pub hook: Hook,
    pub families: BTreeSet<Family>,
    /// As `nft` writes them: `ip filter`, `FORWARD`.
    pub table: String,
    pub chain: String,
    /// What the table's rules compare with, and more: their expressions as the kernel shows them.
    pub rules: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    Input,
    Forward,
}

struct Chain {
    of: u8,
    table: String,
    name: String,
    hook: Hook,
}

pub fn refusing(nft: &mut Nft, deadline: Instant) -> Result<Vec<Refusing>, NftError> {
    let found = RefCell::new(Vec::new());
    let ask = Message::new(GETCHAIN, NLM_F_DUMP, NFPROTO_UNSPEC);
    nft.ask(&ask, deadline, |payload| found.borrow_mut().extend(chain(payload)), || found.borrow_mut().clear())?;
    found.into_inner().into_iter().map(|chain| with_rules(nft, chain, deadline)).collect()
}

fn chain(payload: &[u8]) -> Option<Chain> {
    let of = *payload.first()?;
    let (mut table, mut name, mut hook, mut policy) = (None, None, None, None);
    for (attribute, value) in of_message(payload) {
        match attribute {
            NFTA_TABLE_NAME => table = Some(text(value)),
            NFTA_CHAIN_NAME => name = Some(text(value)),
            NFTA_CHAIN_POLICY => policy = Some(number(value)),
            NFTA_CHAIN_HOOK => {
                hook = each(value).find(|(kind, _)| *kind == NFTA_HOOK_HOOKNUM).map(|(_, value)| number(value));
            }
            _ => {}
        }
    }
    let hook = match hook? {
        NF_INET_LOCAL_IN => Hook::Input,
        NF_INET_FORWARD => Hook::Forward,
        _ => return None,
    };
    // Numbers of hooks mean something else in other families.
    let known = matches!(of, NFPROTO_INET | NFPROTO_IPV4 | NFPROTO_IPV6);
    (known && policy? == NF_DROP).then_some(())?;
    Some(Chain { of, table: table?, name: name?, hook })
}

fn with_rules(nft: &mut Nft, chain: Chain, deadline: Instant) -> Result<Refusing, NftError> {
    let Chain { of, table, name, hook } = chain;
    let ask = Message::new(GETRULE, NLM_F_DUMP, of).with(|out| out.text(NFTA_TABLE_NAME, &table).end());
    let rules = RefCell::new(Vec::new());
    let take = |payload: &[u8]| {
        let of_table = of_message(payload).any(|(kind, value)| kind == NFTA_TABLE_NAME && text(value) == table);
        let lists = of_message(payload).filter(|(kind, _)| of_table && *kind == NFTA_RULE_EXPRESSIONS);
        rules.borrow_mut().extend(lists.flat_map(|(_, list)| list).copied());
    };
    nft.ask(&ask, deadline, take, || rules.borrow_mut().clear())?;
    let (families, word) = match of {
        NFPROTO_IPV4 => (BTreeSet::from([Family::V4]), "ip"),
        NFPROTO_IPV6 => (BTreeSet::from([Family::V6]), "ip6"),
        _ => (BTreeSet::from([Family::V4, Family::V6]), "inet"),
    };
    Ok(Refusing { hook, families, table: format!("{word} {table}"), chain: name, rules: rules.into_inner() })
}
