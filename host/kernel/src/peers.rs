//! Routes to other nodes' pods, in tables of ours, and the rules that lead there: what the kernel has, and what `nicety_core` wants
//! changed. Only rows with our protocol number and metric, and rules with our protocol number and priority, are ours.

mod rows;
mod rules;

use std::{collections::BTreeSet, fs, net::IpAddr, path::Path, time::Instant};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;
use nicety_core::cluster::routes::{
    Change,
    acts::{Act, Seen},
};
use rustix::io::Errno;

use crate::{
    conversation::{Conversation, ConversationError, Request},
    refusal::Refusal,
};

/// The metric of our rows, which tells ours from another program's with the same destination: the kernel replaces only a row of the
/// same metric.
pub const METRIC: u32 = 110;

/// Before the main table (32766), and after what others put first for reasons of their own (VRFs at 1000, clouds' own at 512 to
/// 1536).
pub const RULE_PRIORITY: u32 = 30_110;

/// Where iproute2 keeps the names of tables; a table with a name is somebody's.
const NAMES: [&str; 3] = ["/etc/iproute2/rt_tables", "/usr/share/iproute2/rt_tables", "/usr/lib/iproute2/rt_tables"];
const NAMES_FOLDER: &str = "/etc/iproute2/rt_tables.d";

/// All tables but the kernel's own, in both families.
pub fn read(deadline: Instant) -> Result<Seen, ConversationError> {
    let mut host = Conversation::open()?;
    let mut seen = Seen { tables: rows::all(&mut host, deadline)?, ..Seen::default() };
    rules::all(&mut host, &mut seen, deadline)?;
    seen.named.extend(names());
    Ok(seen)
}

/// Makes the changes in their order. A refusal stops none of the others; it comes back with the place of its act. What is there
/// already, or gone already, is as wanted.
pub fn apply(acts: &[Act], deadline: Instant) -> Result<Vec<(usize, Refusal)>, ConversationError> {
    let requests: Vec<Request> = acts.iter().map(request).collect();
    if requests.is_empty() {
        return Ok(Vec::new());
    }
    let answers = Conversation::open()?.batch(&requests, deadline)?;
    let serious = |(at, refusal): &(usize, Refusal)| match acts.get(*at) {
        Some(Act::AddRule(_)) => refusal.errno != Errno::EXIST,
        Some(Act::DeleteRule(_)) => refusal.errno != Errno::NOENT,
        Some(Act::Route { change: Change::Delete { .. }, .. }) => refusal.errno != Errno::SRCH,
        Some(Act::Route { .. }) | None => true,
    };
    Ok(answers.refused.into_iter().filter(serious).collect())
}

fn request(act: &Act) -> Request {
    let new = NLM_F_CREATE | NLM_F_EXCL;
    let (flags, message) = match act {
        Act::Route { table, change: Change::Add { to, hops } } => {
            (new, RouteNetlinkMessage::NewRoute(rows::message(*table, *to, hops)))
        }
        Act::Route { table, change: Change::Replace { to, hops } } => {
            (NLM_F_CREATE | NLM_F_REPLACE, RouteNetlinkMessage::NewRoute(rows::message(*table, *to, hops)))
        }
        Act::Route { table, change: Change::Delete { to } } => {
            (0, RouteNetlinkMessage::DelRoute(rows::message(*table, *to, &BTreeSet::new())))
        }
        Act::AddRule(rule) => (new, RouteNetlinkMessage::NewRule(rules::message(*rule))),
        Act::DeleteRule(rule) => (0, RouteNetlinkMessage::DelRule(rules::message(*rule))),
    };
    Request { flags, message }
}

/// Numbers in files of lines like `100 blue`.
fn names() -> BTreeSet<u32> {
    let folder = fs::read_dir(NAMES_FOLDER).into_iter().flatten().flatten().map(|entry| entry.path());
    let files = NAMES.iter().map(|file| Path::new(file).to_owned()).chain(folder);
    let texts: Vec<String> = files.filter_map(|file| fs::read_to_string(file).ok()).collect();
    let number = |line: &str| {
        let word = line.split_whitespace().next()?;
        word.strip_prefix("0x").map_or_else(|| word.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok())
    };
    texts.iter().flat_map(|text| text.lines()).filter_map(number).collect()
}

/// Of the family of `like`, all bits zero.
fn zero(like: netlink_packet_route::AddressFamily) -> Option<IpAddr> {
    match like {
        netlink_packet_route::AddressFamily::Inet => Some(IpAddr::from([0; 4])),
        netlink_packet_route::AddressFamily::Inet6 => Some(IpAddr::from([0; 16])),
        _ => None,
    }
}
