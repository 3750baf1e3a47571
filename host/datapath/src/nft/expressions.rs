//! Expressions of rules, as nf_tables takes them. Numbers of attributes are explained by the name of the expression that they stand
//! behind, in linux/netfilter/nf_tables.h.

use nicety_core::{
    address::Family,
    egress::table::expression::{Expression, Field, protocol},
};

use super::{attributes::Attributes, numbers::*};

/// `NFT_REG32_00`: registers of 32 bits; a longer value lies in those that follow.
fn register(number: u8) -> u32 {
    8 + u32::from(number)
}

/// `NFT_REG_VERDICT`.
const VERDICT: u32 = 0;

const META_MARK: u32 = 3;
const META_NFPROTO: u32 = 15;
const META_L4PROTO: u32 = 16;
const META_IIFGROUP: u32 = 21;
const META_OIFGROUP: u32 = 22;
const CT_DIRECTION: u32 = 1;
const CT_MARK: u32 = 3;
const NETWORK: u32 = 1;
const TRANSPORT: u32 = 2;
const CMP_EQ: u32 = 0;
const CMP_NEQ: u32 = 1;
const LOOKUP_INVERTED: u32 = 1;
const FIB_ADDRTYPE: u32 = 3;
const FIB_DADDR: u32 = 2;
const RT_TCPMSS: u32 = 3;
const SNAT: u32 = 0;
const HTON: u32 = 1;
const EXTHDR_TCPOPT: u32 = 1;
const TCPOPT_MAXSEG: u8 = 2;

pub fn put(list: &mut Attributes, expression: &Expression) {
    match expression {
        Expression::Load { field, to } => load(list, *field, register(*to)),
        Expression::Bits { register: at, mask, xor } => one(list, "bitwise", |out| {
            out.number(1, register(*at)).number(2, register(*at)).number(3, 4);
            out.nest(4, |data| data.put(NFTA_DATA_VALUE, &mask.to_ne_bytes()).end());
            out.nest(5, |data| data.put(NFTA_DATA_VALUE, &xor.to_ne_bytes()).end());
        }),
        Expression::Is { register: at, value } => compare(list, *at, CMP_EQ, value),
        Expression::IsNot { register: at, value } => compare(list, *at, CMP_NEQ, value),
        Expression::In { set, register: at } => lookup(list, set, *at, None, 0),
        Expression::NotIn { set, register: at } => lookup(list, set, *at, None, LOOKUP_INVERTED),
        Expression::Map { set, register: at, to } => lookup(list, set, *at, Some(register(*to)), 0),
        Expression::Follow { set, register: at } => lookup(list, set, *at, Some(VERDICT), 0),
        Expression::SetMark { register: at } => {
            one(list, "meta", |out| out.number(2, META_MARK).number(3, register(*at)).end());
        }
        Expression::SetFlowMark { register: at } => {
            one(list, "ct", |out| out.number(2, CT_MARK).number(4, register(*at)).end());
        }
        Expression::Snat { family, register: at } => one(list, "nat", |out| {
            out.number(1, SNAT).number(2, u32::from(protocol(*family))).number(3, register(*at));
        }),
        Expression::Count { counter } => {
            one(list, "objref", |out| out.number(1, NFT_OBJECT_COUNTER).text(2, counter).end());
        }
        Expression::Goto { chain } => decide(list, NFT_GOTO, Some(chain)),
        Expression::Accept => decide(list, NF_ACCEPT, None),
        Expression::Drop => decide(list, NF_DROP, None),
        Expression::ClampSegment => {
            one(list, "rt", |out| out.number(1, register(0)).number(2, RT_TCPMSS).end());
            one(list, "byteorder", |out| {
                out.number(1, register(0)).number(2, register(0)).number(3, HTON).number(4, 2).number(5, 2);
            });
            one(list, "exthdr", |out| {
                out.put(2, &[TCPOPT_MAXSEG]).number(3, 2).number(4, 2).number(6, EXTHDR_TCPOPT).number(7, register(0));
            });
        }
    }
}

pub fn verdict(data: &mut Attributes, code: u32, chain: Option<&str>) {
    data.nest(NFTA_DATA_VERDICT, |out| {
        out.number(NFTA_VERDICT_CODE, code);
        if let Some(chain) = chain {
            out.text(NFTA_VERDICT_CHAIN, chain);
        }
    });
}

fn load(list: &mut Attributes, field: Field, to: u32) {
    let mut meta = |key| one(list, "meta", |out| out.number(1, to).number(2, key).end());
    match field {
        Field::Mark => meta(META_MARK),
        Field::InGroup => meta(META_IIFGROUP),
        Field::OutGroup => meta(META_OIFGROUP),
        Field::NetworkProtocol => meta(META_NFPROTO),
        Field::TransportProtocol => meta(META_L4PROTO),
        Field::FlowMark => one(list, "ct", |out| out.number(1, to).number(2, CT_MARK).end()),
        Field::FlowDirection => one(list, "ct", |out| out.number(1, to).number(2, CT_DIRECTION).end()),
        Field::Source(Family::V4) => payload(list, to, NETWORK, 12, 4),
        Field::Source(Family::V6) => payload(list, to, NETWORK, 8, 16),
        Field::Destination(Family::V4) => payload(list, to, NETWORK, 16, 4),
        Field::Destination(Family::V6) => payload(list, to, NETWORK, 24, 16),
        Field::DestinationPort => payload(list, to, TRANSPORT, 2, 2),
        Field::TcpFlags => payload(list, to, TRANSPORT, 13, 1),
        Field::DestinationType => {
            one(list, "fib", |out| out.number(1, to).number(2, FIB_ADDRTYPE).number(3, FIB_DADDR).end());
        }
    }
}

fn payload(list: &mut Attributes, to: u32, base: u32, offset: u32, length: u32) {
    one(list, "payload", |out| out.number(1, to).number(2, base).number(3, offset).number(4, length).end());
}

fn compare(list: &mut Attributes, at: u8, operation: u32, value: &[u8]) {
    one(list, "cmp", |out| {
        out.number(1, register(at)).number(2, operation);
        out.nest(3, |data| data.put(NFTA_DATA_VALUE, value).end());
    });
}

fn lookup(list: &mut Attributes, set: &str, at: u8, to: Option<u32>, flags: u32) {
    one(list, "lookup", |out| {
        out.text(1, set).number(2, register(at));
        if let Some(to) = to {
            out.number(3, to);
        }
        if flags != 0 {
            out.number(5, flags);
        }
    });
}

fn decide(list: &mut Attributes, code: u32, chain: Option<&str>) {
    one(list, "immediate", |out| {
        out.number(1, VERDICT);
        out.nest(2, |data| verdict(data, code, chain));
    });
}

fn one(list: &mut Attributes, name: &str, fill: impl FnOnce(&mut Attributes)) {
    list.nest(NFTA_LIST_ELEM, |out| {
        out.text(NFTA_EXPR_NAME, name).nest(NFTA_EXPR_DATA, fill);
    });
}
