//! Routes and rules as requests, and as the kernel lists them.

use std::{net::IpAddr, time::Instant};

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    route::{RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType, RouteVia},
    rule::{RuleAction, RuleAttribute, RuleMessage},
};
use nicety_core::address::Family;

use super::{OthersRule, PROTOCOL, RULE_PRIORITY, Route, Rule};
use crate::{
    addresses::family,
    conversation::{Conversation, ConversationError, Request},
    routes::{ip, route_address},
};

pub fn put_route(route: &Route) -> Request {
    Request { flags: NLM_F_CREATE | NLM_F_REPLACE, message: RouteNetlinkMessage::NewRoute(message(route)) }
}

pub fn delete_route(route: &Route) -> Request {
    Request { flags: 0, message: RouteNetlinkMessage::DelRoute(message(route)) }
}

fn message(route: &Route) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = family(route.to.addr());
    message.header.destination_prefix_length = route.to.prefix_len();
    message.header.table = RouteHeader::RT_TABLE_UNSPEC;
    message.header.protocol = RouteProtocol::Other(route.protocol);
    message.header.kind = if route.link.is_some() { RouteType::Unicast } else { RouteType::Unreachable };
    message.header.scope = match (route.via, route.link, route.to) {
        (None, Some(_), IpNet::V4(_)) => RouteScope::Link,
        _ => RouteScope::Universe,
    };
    message.attributes = vec![RouteAttribute::Table(route.table), RouteAttribute::Priority(route.metric)];
    if route.to.prefix_len() > 0 {
        message.attributes.push(RouteAttribute::Destination(route_address(route.to.network())));
    }
    if let Some(via) = route.via {
        message.header.flags |= RouteFlags::Onlink;
        message.attributes.push(match (route.to, via) {
            (IpNet::V4(_), IpAddr::V6(v6)) => RouteAttribute::Via(RouteVia::Inet6(v6)),
            _ => RouteAttribute::Gateway(route_address(via)),
        });
    }
    message.attributes.extend(route.link.map(RouteAttribute::Oif));
    message
}

/// Of all tables, multipath routes left out.
pub fn routes(conversation: &mut Conversation, deadline: Instant) -> Result<Vec<Route>, ConversationError> {
    let mut routes = Vec::new();
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let mut message = RouteMessage::default();
        message.header.address_family = family;
        routes.extend(conversation.dump(RouteNetlinkMessage::GetRoute(message), deadline)?.iter().filter_map(row));
    }
    Ok(routes)
}

fn row(message: &RouteNetlinkMessage) -> Option<Route> {
    let RouteNetlinkMessage::NewRoute(message) = message else { return None };
    let header = &message.header;
    if header.flags.contains(RouteFlags::Cloned) || !matches!(header.kind, RouteType::Unicast | RouteType::Unreachable)
    {
        return None;
    }
    let any = match header.address_family {
        AddressFamily::Inet => IpAddr::from([0; 4]),
        AddressFamily::Inet6 => IpAddr::from([0; 16]),
        _ => return None,
    };
    let mut to = any;
    let mut route = Route {
        table: u32::from(header.table),
        to: IpNet::from(any),
        via: None,
        link: None,
        metric: 0,
        source: None,
        protocol: header.protocol.into(),
    };
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Table(number) => route.table = *number,
            RouteAttribute::Priority(number) => route.metric = *number,
            RouteAttribute::Destination(address) => to = ip(address)?,
            RouteAttribute::Gateway(address) => route.via = ip(address),
            RouteAttribute::Via(RouteVia::Inet6(v6)) => route.via = Some(IpAddr::V6(*v6)),
            RouteAttribute::Via(RouteVia::Inet(v4)) => route.via = Some(IpAddr::V4(*v4)),
            RouteAttribute::Oif(index) => route.link = Some(*index),
            RouteAttribute::PrefSource(address) => route.source = ip(address),
            RouteAttribute::MultiPath(hops) => route.link = hops.first().map(|hop| hop.interface_index),
            _ => {}
        }
    }
    // The kernel hangs an unreachable route of IPv6 on the loopback link.
    if header.kind == RouteType::Unreachable {
        route.link = None;
    }
    route.to = IpNet::new(to, header.destination_prefix_length).ok()?;
    Some(route)
}

pub fn add_rule(rule: Rule) -> Request {
    Request { flags: NLM_F_CREATE | NLM_F_EXCL, message: RouteNetlinkMessage::NewRule(rule_message(rule)) }
}

pub fn delete_rule(rule: Rule) -> Request {
    Request { flags: 0, message: RouteNetlinkMessage::DelRule(rule_message(rule)) }
}

fn rule_message(rule: Rule) -> RuleMessage {
    let mut message = RuleMessage::default();
    message.header.family = match rule.family {
        Family::V4 => AddressFamily::Inet,
        Family::V6 => AddressFamily::Inet6,
    };
    message.header.table = RouteHeader::RT_TABLE_UNSPEC;
    message.header.action = RuleAction::ToTable;
    message.attributes = vec![
        RuleAttribute::Priority(RULE_PRIORITY),
        RuleAttribute::Table(rule.table),
        RuleAttribute::FwMark(rule.mark),
        RuleAttribute::FwMask(rule.mask),
        RuleAttribute::Protocol(RouteProtocol::Other(PROTOCOL)),
    ];
    message
}

/// With our protocol and priority; and those of others by mark.
pub fn rules(
    conversation: &mut Conversation,
    deadline: Instant,
) -> Result<(Vec<Rule>, Vec<OthersRule>), ConversationError> {
    let (mut rules, mut others) = (Vec::new(), Vec::new());
    for (kernels, family) in [(AddressFamily::Inet, Family::V4), (AddressFamily::Inet6, Family::V6)] {
        let mut message = RuleMessage::default();
        message.header.family = kernels;
        for row in conversation.dump(RouteNetlinkMessage::GetRule(message), deadline)? {
            let RouteNetlinkMessage::NewRule(message) = row else { continue };
            let mut rule = Rule { family, mark: 0, mask: 0, table: u32::from(message.header.table) };
            let (mut protocol, mut priority) = (None, None);
            for attribute in &message.attributes {
                match attribute {
                    RuleAttribute::Table(table) => rule.table = *table,
                    RuleAttribute::FwMark(mark) => rule.mark = *mark,
                    RuleAttribute::FwMask(mask) => rule.mask = *mask,
                    RuleAttribute::Protocol(number) => protocol = Some(u8::from(*number)),
                    RuleAttribute::Priority(number) => priority = Some(*number),
                    _ => {}
                }
            }
            if protocol == Some(PROTOCOL) && priority == Some(RULE_PRIORITY) {
                rules.push(rule);
            } else if rule.mask != 0 {
                others.push(OthersRule {
                    family,
                    priority: priority.unwrap_or_default(),
                    mark: rule.mark,
                    mask: rule.mask,
                });
            }
        }
    }
    Ok((rules, others))
}
