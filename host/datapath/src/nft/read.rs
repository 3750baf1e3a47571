//! Our table as the kernel shows it.

use std::{cell::RefCell, collections::BTreeMap, time::Instant};

use nicety_core::egress::table::{Base, Key, NAME, Set, Shape, Shown, Type, Value};

use super::{
    Nft, NftError,
    attributes::{Message, each, number, of_message, text},
    numbers::*,
};

pub fn table(nft: &mut Nft, deadline: Instant) -> Result<Option<Shown>, NftError> {
    let ask = Message::new(GETTABLE, NLM_F_ACK, NFPROTO_INET).with(|out| out.text(NFTA_TABLE_NAME, NAME).end());
    if !nft.ask(&ask, deadline, |_| {}, || {})? {
        return Ok(None);
    }
    let mut shown = Shown::default();
    for (name, base) in listed(nft, GETCHAIN, deadline, chain)? {
        shown.chains.insert(name, (base, Vec::new()));
    }
    for (chain, comment) in listed(nft, GETRULE, deadline, rule)? {
        if let Some((_, rules)) = shown.chains.get_mut(&chain) {
            rules.push(comment);
        }
    }
    for (name, shape) in listed(nft, GETSET, deadline, set)? {
        let ask = Message::new(GETSETELEM, NLM_F_DUMP, NFPROTO_INET).with(|out| {
            out.text(NFTA_SET_ELEM_LIST_TABLE, NAME).text(NFTA_SET_ELEM_LIST_SET, &name);
        });
        let elements = RefCell::new(BTreeMap::new());
        let take = |payload: &[u8]| {
            let lists = of_message(payload).filter(|(kind, _)| *kind == NFTA_SET_ELEM_LIST_ELEMENTS);
            elements.borrow_mut().extend(lists.flat_map(|(_, list)| each(list)).filter_map(|(_, one)| element(one)));
        };
        nft.ask(&ask, deadline, take, || elements.borrow_mut().clear())?;
        shown.sets.insert(name, Set { shape, elements: elements.into_inner() });
    }
    shown.counters.extend(counters(nft, deadline)?.into_keys());
    Ok(Some(shown))
}

pub fn counters(nft: &mut Nft, deadline: Instant) -> Result<BTreeMap<String, u64>, NftError> {
    Ok(listed(nft, GETOBJ, deadline, object)?.into_iter().collect())
}

pub fn generation(nft: &mut Nft, deadline: Instant) -> Result<Option<u32>, NftError> {
    let found = RefCell::new(None);
    let take = |payload: &[u8]| {
        *found.borrow_mut() =
            of_message(payload).find(|(kind, _)| *kind == NFTA_GEN_ID).map(|(_, value)| number(value));
    };
    nft.ask(&Message::new(GETGEN, NLM_F_ACK, NFPROTO_UNSPEC), deadline, take, || {})?;
    Ok(found.into_inner())
}

/// Everything of one kind in our table; kernels before 6.3 show other tables' chains too.
fn listed<T>(
    nft: &mut Nft,
    kind: u16,
    deadline: Instant,
    parse: impl Fn(&[u8]) -> Option<T>,
) -> Result<Vec<T>, NftError> {
    let ask = Message::new(kind, NLM_F_DUMP, NFPROTO_INET).with(|out| out.text(NFTA_TABLE_NAME, NAME).end());
    let found = RefCell::new(Vec::new());
    let take = |payload: &[u8]| {
        let ours = of_message(payload).any(|(kind, value)| kind == NFTA_TABLE_NAME && text(value) == NAME);
        found.borrow_mut().extend(Some(payload).filter(|_| ours).and_then(&parse));
    };
    nft.ask(&ask, deadline, take, || found.borrow_mut().clear())?;
    Ok(found.into_inner())
}

fn chain(payload: &[u8]) -> Option<(String, Option<Base>)> {
    let (mut name, mut kind, mut hook) = (None, None, None);
    for (attribute, value) in of_message(payload) {
        match attribute {
            NFTA_CHAIN_NAME => name = Some(text(value)),
            NFTA_CHAIN_TYPE => kind = Some(text(value)),
            NFTA_CHAIN_HOOK => {
                let find = |wanted| each(value).find(|(kind, _)| *kind == wanted).map_or(0, |(_, value)| number(value));
                hook = Some((find(NFTA_HOOK_HOOKNUM), find(NFTA_HOOK_PRIORITY).cast_signed()));
            }
            _ => {}
        }
    }
    let base = hook.zip(kind).map(|((hook, priority), kind)| Base { kind, hook, priority });
    Some((name?, base))
}

/// A rule without a comment is not ours, and no comment of ours is empty.
fn rule(payload: &[u8]) -> Option<(String, String)> {
    let (mut chain, mut comment) = (None, String::new());
    for (attribute, value) in of_message(payload) {
        match attribute {
            NFTA_RULE_CHAIN => chain = Some(text(value)),
            NFTA_RULE_USERDATA => {
                if let [UDATA_RULE_COMMENT, length, rest @ ..] = value {
                    comment = text(rest.get(..usize::from(*length)).unwrap_or_default());
                }
            }
            _ => {}
        }
    }
    Some((chain?, comment))
}

fn set(payload: &[u8]) -> Option<(String, Shape)> {
    let (mut name, mut flags, mut key, mut value, mut most) = (None, 0, None, None, None);
    for (attribute, bytes) in of_message(payload) {
        match attribute {
            NFTA_SET_NAME => name = Some(text(bytes)),
            NFTA_SET_FLAGS => flags = number(bytes),
            NFTA_SET_KEY_TYPE => key = typed(number(bytes)),
            NFTA_SET_DATA_TYPE => value = typed(number(bytes)),
            NFTA_SET_DESC => {
                most = each(bytes).find(|(kind, _)| *kind == NFTA_SET_DESC_SIZE).map(|(_, size)| number(size));
            }
            _ => {}
        }
    }
    // One that is not ours by its types has a shape that none of ours has, and goes with the whole table.
    let key = key.unwrap_or(Type::Verdict);
    let value = value.filter(|_| flags & NFT_SET_MAP != 0);
    Some((name?, Shape { key, value, interval: flags & NFT_SET_INTERVAL != 0, most }))
}

fn typed(number: u32) -> Option<Type> {
    let all = [Type::V4, Type::V6, Type::Mark, Type::Group, Type::MarkAndV4, Type::MarkAndV6, Type::Verdict];
    all.into_iter().find(|one| one.number() == number)
}

fn element(bytes: &[u8]) -> Option<(Key, Value)> {
    let (mut key, mut value, mut ends) = (None, Value::None, false);
    for (attribute, data) in each(bytes) {
        let inside = || each(data).next();
        match attribute {
            NFTA_SET_ELEM_KEY => key = inside().map(|(_, bytes)| Key::of(bytes.iter().copied())),
            NFTA_SET_ELEM_FLAGS => ends = number(data) & NFT_SET_ELEM_INTERVAL_END != 0,
            NFTA_SET_ELEM_DATA => match inside() {
                Some((NFTA_DATA_VERDICT, verdict)) => {
                    let chain = each(verdict).find(|(kind, _)| *kind == NFTA_VERDICT_CHAIN);
                    value = chain.map_or(Value::Accept, |(_, name)| Value::Goto(text(name)));
                }
                Some((_, bytes)) => value = Value::Bytes(bytes.to_vec()),
                None => {}
            },
            _ => {}
        }
    }
    let mut key = key?;
    key.ends = ends;
    Some((key, value))
}

fn object(payload: &[u8]) -> Option<(String, u64)> {
    let (mut name, mut packets) = (None, 0);
    for (attribute, value) in of_message(payload) {
        match attribute {
            NFTA_OBJ_NAME => name = Some(text(value)),
            NFTA_OBJ_DATA => {
                let found = each(value).find(|(kind, _)| *kind == NFTA_COUNTER_PACKETS);
                let bytes = found.and_then(|(_, value)| value.first_chunk::<8>());
                packets = bytes.map_or(0, |bytes| u64::from_be_bytes(*bytes));
            }
            _ => {}
        }
    }
    Some((name?, packets))
}
