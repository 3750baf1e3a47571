//! Changes as messages of one transaction.

use nicety_core::egress::table::{Key, NAME, Rule, Shape, Value, change::Change};

use super::{
    attributes::{Attributes, Message},
    expressions,
    numbers::*,
};

/// Bytes of elements in one message: the length of an attribute has 16 bits.
const ELEMENTS: usize = 32 * 1024;

/// The bytes of the transaction, whose first message has the number `first`, and for each message after that the change that it is of.
pub fn batch(changes: &[Change], first: u32) -> (Vec<u8>, Vec<usize>) {
    let mut messages: Vec<(usize, Message)> = Vec::new();
    for (position, change) in changes.iter().enumerate() {
        messages.extend(of(change, position).into_iter().map(|message| (position, message)));
    }
    if let Some((_, last)) = messages.last_mut() {
        last.add_flags(NLM_F_ACK);
    }
    let around = |kind| Message::new(kind, 0, NFPROTO_UNSPEC).of_subsystem(NFNL_SUBSYS_NFTABLES);
    let mut sequence = first;
    let mut bytes = around(NFNL_MSG_BATCH_BEGIN).bytes(sequence);
    for (_, message) in &messages {
        sequence = sequence.wrapping_add(1);
        bytes.extend(message.bytes(sequence));
    }
    bytes.extend(around(NFNL_MSG_BATCH_END).bytes(sequence.wrapping_add(1)));
    (bytes, messages.into_iter().map(|(position, _)| position).collect())
}

/// For an error message.
pub fn what(change: &Change) -> String {
    match change {
        Change::AddTable => format!("make table `{NAME}`"),
        Change::DeleteTable => format!("delete table `{NAME}`"),
        Change::AddChain { name, .. } => format!("make chain `{name}`"),
        Change::AddSet { name, .. } => format!("make set `{name}`"),
        Change::AddCounter { name } => format!("make counter `{name}`"),
        Change::DeleteElements { set, keys } => format!("delete {} elements of `{set}`", keys.len()),
        Change::Flush { chain } => format!("empty chain `{chain}`"),
        Change::AddRule { chain, rule } => format!("add the rule `{}` to chain `{chain}`", rule.says),
        Change::AddElements { set, elements, .. } => format!("add {} elements to `{set}`", elements.len()),
        Change::DeleteSet { name } => format!("delete set `{name}`"),
        Change::DeleteChain { name } => format!("delete chain `{name}`"),
        Change::DeleteCounter { name } => format!("delete counter `{name}`"),
    }
}

fn of(change: &Change, position: usize) -> Vec<Message> {
    let new = |kind| Message::new(kind, NLM_F_CREATE, NFPROTO_INET);
    let delete = |kind| Message::new(kind, 0, NFPROTO_INET);
    let named = |message: Message, name: &str, attribute: u16| {
        message.with(|attributes| {
            attributes.text(NFTA_TABLE_NAME, NAME).text(attribute, name);
        })
    };
    let one = match change {
        Change::AddTable => new(NEWTABLE).with(|table| table.text(NFTA_TABLE_NAME, NAME).end()),
        Change::DeleteTable => delete(DELTABLE).with(|table| table.text(NFTA_TABLE_NAME, NAME).end()),
        Change::AddChain { name, base } => named(new(NEWCHAIN), name, NFTA_CHAIN_NAME).with(|chain| {
            let Some(base) = base else { return };
            chain.nest(NFTA_CHAIN_HOOK, |hook| {
                hook.number(NFTA_HOOK_HOOKNUM, base.hook);
                hook.number(NFTA_HOOK_PRIORITY, base.priority.cast_unsigned());
            });
            chain.text(NFTA_CHAIN_TYPE, &base.kind);
        }),
        Change::AddSet { name, shape } => {
            named(new(NEWSET), name, NFTA_SET_NAME).with(|set| describe(set, *shape, position))
        }
        Change::AddCounter { name } => named(new(NEWOBJ), name, NFTA_OBJ_NAME).with(|object| {
            object.number(NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER).nest(NFTA_OBJ_DATA, |_| {});
        }),
        Change::Flush { chain } => named(delete(DELRULE), chain, NFTA_RULE_CHAIN),
        Change::AddRule { chain, rule } => add_rule(chain, rule),
        Change::DeleteSet { name } => named(delete(DELSET), name, NFTA_SET_NAME),
        Change::DeleteChain { name } => named(delete(DELCHAIN), name, NFTA_CHAIN_NAME),
        Change::DeleteCounter { name } => named(delete(DELOBJ), name, NFTA_OBJ_NAME)
            .with(|object| object.number(NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER).end()),
        Change::AddElements { set, shape, elements } => {
            let each = elements.iter().map(|(key, value)| (key, (!key.ends && shape.value.is_some()).then_some(value)));
            return elements_of(NEWSETELEM, NLM_F_CREATE, set, each);
        }
        Change::DeleteElements { set, keys } => {
            return elements_of(DELSETELEM, 0, set, keys.iter().map(|key| (key, None)));
        }
    };
    vec![one]
}

fn describe(set: &mut Attributes, shape: Shape, position: usize) {
    let interval = if shape.interval { NFT_SET_INTERVAL } else { 0 };
    let map = if shape.value.is_some() { NFT_SET_MAP } else { 0 };
    set.number(NFTA_SET_FLAGS, interval | map);
    set.number(NFTA_SET_KEY_TYPE, shape.key.number()).number(NFTA_SET_KEY_LEN, shape.key.len());
    if let Some(value) = shape.value {
        set.number(NFTA_SET_DATA_TYPE, value.number());
        if value.len() > 0 {
            set.number(NFTA_SET_DATA_LEN, value.len());
        }
    }
    if let Some(most) = shape.most {
        set.nest(NFTA_SET_DESC, |desc| desc.number(NFTA_SET_DESC_SIZE, most).end());
    }
    // Of this transaction; the kernel insists on one.
    set.number(NFTA_SET_ID, u32::try_from(position).unwrap_or_default().wrapping_add(1));
    let order = |host: bool| if host { BYTEORDER_HOST } else { BYTEORDER_NETWORK };
    let mut notes = vec![UDATA_SET_KEYBYTEORDER, 4];
    notes.extend(order(shape.key.is_host_order()).to_ne_bytes());
    if let Some(value) = shape.value {
        notes.extend([UDATA_SET_DATABYTEORDER, 4]);
        notes.extend(order(value.is_host_order()).to_ne_bytes());
    }
    set.put(NFTA_SET_USERDATA, &notes);
}

fn add_rule(chain: &str, rule: &Rule) -> Message {
    Message::new(NEWRULE, NLM_F_CREATE | NLM_F_APPEND, NFPROTO_INET).with(|out| {
        out.text(NFTA_RULE_TABLE, NAME).text(NFTA_RULE_CHAIN, chain);
        out.nest(NFTA_RULE_EXPRESSIONS, |list| rule.does.iter().for_each(|one| expressions::put(list, one)));
        let comment = rule.comment();
        let mut notes = vec![UDATA_RULE_COMMENT, u8::try_from(comment.len() + 1).unwrap_or(u8::MAX)];
        notes.extend(comment.bytes());
        notes.push(0);
        out.put(NFTA_RULE_USERDATA, &notes);
    })
}

/// As many messages as it takes.
fn elements_of<'a>(
    kind: u16,
    flags: u16,
    set: &str,
    elements: impl Iterator<Item = (&'a Key, Option<&'a Value>)>,
) -> Vec<Message> {
    let mut elements = elements.peekable();
    let mut messages = Vec::new();
    while elements.peek().is_some() {
        messages.push(Message::new(kind, flags, NFPROTO_INET).with(|out| {
            out.text(NFTA_SET_ELEM_LIST_TABLE, NAME).text(NFTA_SET_ELEM_LIST_SET, set);
            out.nest(NFTA_SET_ELEM_LIST_ELEMENTS, |list| {
                while list.len() < ELEMENTS
                    && let Some((key, value)) = elements.next()
                {
                    list.nest(NFTA_LIST_ELEM, |out| element(out, key, value));
                }
            });
        }));
    }
    messages
}

fn element(out: &mut Attributes, key: &Key, value: Option<&Value>) {
    out.nest(NFTA_SET_ELEM_KEY, |data| data.put(NFTA_DATA_VALUE, key.bytes()).end());
    match value {
        None | Some(Value::None) => {}
        Some(Value::Bytes(bytes)) => {
            out.nest(NFTA_SET_ELEM_DATA, |data| data.put(NFTA_DATA_VALUE, bytes).end());
        }
        Some(Value::Accept) => {
            out.nest(NFTA_SET_ELEM_DATA, |data| expressions::verdict(data, NF_ACCEPT, None));
        }
        Some(Value::Goto(chain)) => {
            out.nest(NFTA_SET_ELEM_DATA, |data| expressions::verdict(data, NFT_GOTO, Some(chain)));
        }
    }
    if key.ends {
        out.number(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
    }
}
