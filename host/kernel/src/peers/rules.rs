//! A rule as a request, and as the kernel lists it.

use std::time::Instant;

use ipnet::IpNet;
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    route::{RouteHeader, RouteProtocol},
    rule::{RuleAction, RuleAttribute, RuleMessage},
};
use nicety_core::cluster::routes::acts::{Rule, Seen};

use super::{RULE_PRIORITY, zero};
use crate::{
    addresses::family,
    conversation::{Conversation, ConversationError},
    routes::ROUTE_PROTOCOL,
};

pub fn message(rule: Rule) -> RuleMessage {
    let mut message = RuleMessage::default();
    message.header.family = family(rule.from.addr());
    message.header.src_len = rule.from.prefix_len();
    message.header.table = RouteHeader::RT_TABLE_UNSPEC;
    message.header.action = RuleAction::ToTable;
    message.attributes = vec![
        RuleAttribute::Priority(RULE_PRIORITY),
        RuleAttribute::Table(rule.table),
        RuleAttribute::Protocol(RouteProtocol::Other(ROUTE_PROTOCOL)),
    ];
    if rule.from.prefix_len() > 0 {
        message.attributes.push(RuleAttribute::Source(rule.from.network()));
    }
    message
}

/// Ours become rules; of others only the tables that they lead to are of interest.
pub fn all(conversation: &mut Conversation, seen: &mut Seen, deadline: Instant) -> Result<(), ConversationError> {
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let mut message = RuleMessage::default();
        message.header.family = family;
        for row in conversation.dump(RouteNetlinkMessage::GetRule(message), deadline)? {
            let RouteNetlinkMessage::NewRule(message) = row else { continue };
            match ours(&message) {
                Some(rule) => drop(seen.rules.insert(rule)),
                None => drop(seen.named.insert(table(&message))),
            }
        }
    }
    Ok(())
}

fn table(message: &RuleMessage) -> u32 {
    let wide =
        message.attributes.iter().find_map(|a| if let RuleAttribute::Table(table) = a { Some(*table) } else { None });
    wide.unwrap_or_else(|| u32::from(message.header.table))
}

/// Exactly as `message` makes them: protocol, priority, a source and nothing more.
fn ours(message: &RuleMessage) -> Option<Rule> {
    let (mut from, mut protocol, mut priority) = (zero(message.header.family)?, None, None);
    for attribute in &message.attributes {
        match attribute {
            RuleAttribute::Source(address) => from = *address,
            RuleAttribute::Protocol(number) => protocol = Some(u8::from(*number)),
            RuleAttribute::Priority(number) => priority = Some(*number),
            RuleAttribute::Iifname(_)
            | RuleAttribute::Oifname(_)
            | RuleAttribute::FwMark(_)
            | RuleAttribute::Destination(_) => return None,
            _ => {}
        }
    }
    let marked = protocol == Some(ROUTE_PROTOCOL) && priority == Some(RULE_PRIORITY);
    let from = IpNet::new(from, message.header.src_len).ok()?;
    marked.then(|| Rule { from, table: table(message) })
}
