//! The chains. `steer` looks at what comes in, after destinations have been translated: answers of flows that came by a tunnel go back
//! by it, what comes out of a tunnel leaves by that tunnel's way, and a captured pod's flow that has a gateway stays on it. All else that
//! pods send goes, by the destination, to its policy. There the pod's gateway is looked for, and if there is none the packet is dropped
//! and counted. `leave` translates sources, before others do; `guard` lets nothing of ours pass that has another source or goes another way
//! than it should, and takes the mark off: the outer packet of a tunnel inherits it and must not be led by it.
//!
//! While a transaction takes effect, a packet may meet one rule before it and the next one after it, and find an element in neither. So
//! nothing follows from an element that is not there but a drop: a pod that no class has is dropped, and a class has an answer for every
//! destination, also for those that are no business of ours.
//!
//! Nearly all packets are of flows that go on: they meet few rules and cheap ones, each of which has its price on every packet. Rules that
//! nothing on this node needs are not there, and segments are clamped where the guard looks anyway.
//!
//! A set per class and a set per policy and gateway, each asked by one rule, though one map would do with fewer looks: what such a map
//! yields would be the key of another, and `nft` 1.0.6 ends in an assertion when it is to show that.

use std::collections::BTreeMap;

use super::{
    Base, Chain, Rule, counter,
    expression::{
        Expression::{self, *},
        Field, protocol,
    },
    octets,
    sets::{
        ARRIVALS, GATES, LINK_GROUPS, MINE, captured, destinations, direct, exits, gateways_of, leave, link_group,
        nodes, pods,
    },
    short,
};
use crate::{
    address::Family,
    egress::program::{GateKind, Program, Settings},
};

/// Packets that a guard stopped.
pub const STRAYED: &str = "strayed";
/// Packets to the tunnels' port that no known node sent.
pub const FOREIGN: &str = "foreign";

const BACK: &str = "back";
const ANSWERS: &str = "answers";
const INTO: &str = "into";
const KNOWN: &str = "known";
const STRAY: &str = "stray";

/// Of linux/netfilter.h.
const PREROUTING: u32 = 0;
const INPUT: u32 = 1;
const POSTROUTING: u32 = 4;

const TCP: u8 = 6;
const UDP: u8 = 17;
/// SYN and RST of the flags of TCP.
const SYN: u32 = 0x02;
const SYN_AND_RST: u32 = 0x06;
/// `IP_CT_DIR_REPLY`.
const REPLY: u8 = 1;
/// Of linux/rtnetlink.h.
const RTN_LOCAL: u32 = 2;

pub fn exit_chain(number: u32) -> String {
    format!("exit-{number}")
}

pub fn stay_chain(number: u32) -> String {
    format!("stay-{number}")
}

fn pod_chain(family: Family) -> String {
    format!("pod{}", super::sets::suffix(family))
}

pub fn class_chain(family: Family, class: u32) -> String {
    format!("class{}-{class:08x}", super::sets::suffix(family))
}

pub fn policy_chain(policy: &str) -> String {
    format!("policy-{}", short(policy))
}

pub fn chains(settings: &Settings, program: &Program) -> BTreeMap<String, Chain> {
    let mask = settings.mask.bits();
    let mut chains = BTreeMap::new();
    let mut put = |name: &str, base: Option<(&str, u32, i32)>, rules: Vec<Rule>| {
        let base = base.map(|(kind, hook, priority)| Base { kind: kind.to_owned(), hook, priority });
        chains.insert(name.to_owned(), Chain { base, rules });
    };
    // After -100, where destinations are translated.
    put("steer", Some(("filter", PREROUTING, -90)), steer(program));
    for family in [Family::V4, Family::V6] {
        put(&pod_chain(family), None, from_pod(family, mask, program));
    }
    // Before 100, where clusters masquerade: a source that is chosen is not chosen again.
    put("leave", Some(("nat", POSTROUTING, 90)), [Family::V4, Family::V6].map(|family| snat(family, mask)).into());
    // After all that translate.
    put("guard", Some(("filter", POSTROUTING, 300)), guard(settings));
    put(INTO, None, into(settings, program));
    put("tunnel", Some(("filter", INPUT, -10)), vec![rule("out of a tunnel", flow(to(settings.port), [goto(KNOWN)]))]);
    put(KNOWN, None, known());
    put(ANSWERS, None, answers(mask, program));
    put(
        BACK,
        None,
        vec![marking("answers go back by the tunnel", mask, settings.mask.mark(settings.mask.back()), None)],
    );
    put(STRAY, None, vec![rule("not by our rules", vec![count(STRAYED), Drop])]);
    for number in program.gateways.keys() {
        let mark = settings.mask.mark(*number);
        put(&exit_chain(*number), None, vec![marking("by this gateway", mask, mark, Some(()))]);
        put(&stay_chain(*number), None, vec![marking("stays with this gateway", mask, mark, None)]);
    }
    for class in program.classes.keys() {
        for family in [Family::V4, Family::V6] {
            // The family is known here, but without asking again `nft` shows bytes in place of an address.
            let policy = flow(of(family), [load(Field::Destination(family), 0), follow(&destinations(family, *class))]);
            let rules = vec![rule("by its destination", policy), rule("between two sets", vec![goto(STRAY)])];
            put(&class_chain(family, *class), None, rules);
        }
    }
    for policy in program.policies.keys() {
        let mut rules = vec![rule("the flow has a gateway", vec![load(Field::FlowMark, 0), bits(mask), follow(GATES)])];
        for (family, number) in gateways_of(program, policy) {
            let gate =
                [load(Field::Source(family), 0), within(&exits(family, policy, number)), goto(&exit_chain(number))];
            rules.push(rule("the pod has one", flow(of(family), gate)));
        }
        rules.push(rule("neither has", vec![count(&counter(policy)), Drop]));
        put(&policy_chain(policy), None, rules);
    }
    chains
}

fn has_own(program: &Program) -> bool {
    program.gateways.values().any(|gate| matches!(gate.kind, GateKind::Own(_)))
}

fn answers(mask: u32, program: &Program) -> Vec<Rule> {
    let back = || vec![load(Field::FlowMark, 0), bits(mask), within(MINE), goto(BACK)];
    let back = has_own(program).then(|| rule("answers to another node", back()));
    back.into_iter().chain([rule("answers", vec![Accept])]).collect()
}

fn steer(program: &Program) -> Vec<Rule> {
    let mut rules = vec![rule("answers", vec![load(Field::FlowDirection, 0), is(0, [REPLY]), goto(ANSWERS)])];
    if !program.endpoints.is_empty() {
        for family in [Family::V4, Family::V6] {
            let pod = [load(Field::Source(family), 0), within(&captured(family)), goto(&pod_chain(family))];
            rules.push(rule("from a pod", flow(of(family), pod)));
        }
    }
    if has_own(program) {
        rules.push(rule("out of a tunnel", vec![load(Field::InGroup, 0), follow(ARRIVALS)]));
    }
    let ours = [load(Field::InGroup, 0), bits(LINK_GROUPS), is(0, link_group(0).to_ne_bytes())];
    rules.push(rule("out of a tunnel that leads nowhere", flow(ours, [goto(STRAY)])));
    rules
}

/// What a captured pod sends.
fn from_pod(family: Family, mask: u32, program: &Program) -> Vec<Rule> {
    let mut rules = vec![
        rule("the flow has a gateway", vec![load(Field::FlowMark, 0), bits(mask), follow(GATES)]),
        rule("to this node", vec![load(Field::DestinationType, 0), is(0, RTN_LOCAL.to_ne_bytes()), Accept]),
    ];
    for class in program.classes.keys() {
        let pod = [load(Field::Source(family), 0), within(&pods(family, *class)), goto(&class_chain(family, *class))];
        rules.push(rule("of a class", flow(of(family), pod)));
    }
    rules.push(rule("between two classes", vec![goto(STRAY)]));
    rules
}

fn snat(family: Family, mask: u32) -> Rule {
    let source = [load(Field::Mark, 0), bits(mask), map(&leave(family), 0, 0), Snat { family, register: 0 }];
    rule("the source", flow(of(family), source))
}

fn guard(settings: &Settings) -> Vec<Rule> {
    let mask = settings.mask;
    let mark = || [load(Field::Mark, 0), bits(mask.bits())];
    let mut rules = vec![
        rule("not ours", flow(mark(), [is(0, 0u32.to_ne_bytes()), Accept])),
        rule("by the tunnel", vec![load(Field::OutGroup, 0), is(0, link_group(0).to_ne_bytes()), goto(INTO)]),
    ];
    for family in [Family::V4, Family::V6] {
        let source = [load(Field::Source(family), 1), within(&direct(family))];
        rules.push(rule("by a way", flow(of(family), flow(flow(mark(), source), pass(settings)))));
    }
    rules.push(rule("answers", flow(is_back(settings), pass(settings))));
    rules.push(rule("another source, or another way", vec![goto(STRAY)]));
    rules
}

/// What leaves by the tunnel is an answer, or comes from this node.
fn into(settings: &Settings, program: &Program) -> Vec<Rule> {
    let mut rules = vec![clamp()];
    if has_own(program) {
        rules.push(rule("answers", flow(is_back(settings), pass(settings))));
    }
    for family in [Family::V4, Family::V6] {
        let Some(address) = settings.address(family) else { continue };
        let source = [load(Field::Source(family), 0), is(0, octets(address))];
        rules.push(rule("from this node", flow(of(family), flow(source, pass(settings)))));
    }
    rules.push(rule("another source", vec![goto(STRAY)]));
    rules
}

fn is_back(settings: &Settings) -> [Expression; 3] {
    let mask = settings.mask;
    [load(Field::Mark, 0), bits(mask.bits()), is(0, mask.mark(mask.back()).to_ne_bytes())]
}

/// Without the mark.
fn pass(settings: &Settings) -> [Expression; 4] {
    let rest = Bits { register: 0, mask: !settings.mask.bits(), xor: 0 };
    [load(Field::Mark, 0), rest, SetMark { register: 0 }, Accept]
}

fn clamp() -> Rule {
    let tcp = [
        load(Field::TransportProtocol, 0),
        is(0, [TCP]),
        load(Field::TcpFlags, 0),
        Bits { register: 0, mask: SYN_AND_RST, xor: 0 },
        is(0, [SYN as u8]),
        ClampSegment,
    ];
    rule("no segment longer than the tunnel", tcp.into())
}

fn to(port: u16) -> [Expression; 4] {
    [load(Field::TransportProtocol, 0), is(0, [UDP]), load(Field::DestinationPort, 0), is(0, port.to_be_bytes())]
}

fn known() -> Vec<Rule> {
    let family = |family| {
        let known = [load(Field::Source(family), 0), within(&nodes(family)), Accept];
        rule("from a node", flow(of(family), known))
    };
    vec![family(Family::V4), family(Family::V6), rule("from elsewhere", vec![count(FOREIGN), Drop])]
}

/// Sets our bits of the packet's mark, and of the flow's where it is to stay.
fn marking(says: &'static str, mask: u32, mark: u32, flow: Option<()>) -> Rule {
    let keep = Bits { register: 0, mask: !mask, xor: mark };
    let mut does = vec![load(Field::Mark, 0), keep.clone(), SetMark { register: 0 }];
    if flow.is_some() {
        does.extend([load(Field::FlowMark, 0), keep, SetFlowMark { register: 0 }]);
    }
    does.push(Accept);
    rule(says, does)
}

fn rule(says: &'static str, does: Vec<Expression>) -> Rule {
    Rule { says, does }
}

fn flow(first: impl IntoIterator<Item = Expression>, then: impl IntoIterator<Item = Expression>) -> Vec<Expression> {
    first.into_iter().chain(then).collect()
}

fn of(family: Family) -> [Expression; 2] {
    [load(Field::NetworkProtocol, 0), is(0, [protocol(family)])]
}

fn load(field: Field, to: u8) -> Expression {
    Load { field, to }
}

fn bits(mask: u32) -> Expression {
    Bits { register: 0, mask, xor: 0 }
}

fn is(register: u8, value: impl IntoIterator<Item = u8>) -> Expression {
    Is { register, value: value.into_iter().collect() }
}

fn within(set: &str) -> Expression {
    In { set: set.to_owned(), register: 0 }
}

fn map(set: &str, register: u8, to: u8) -> Expression {
    Map { set: set.to_owned(), register, to }
}

fn follow(set: &str) -> Expression {
    Follow { set: set.to_owned(), register: 0 }
}

fn goto(chain: &str) -> Expression {
    Goto { chain: chain.to_owned() }
}

fn count(counter: &str) -> Expression {
    Count { counter: counter.to_owned() }
}
