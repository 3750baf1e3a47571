//! Executes a plan's steps: links from the host's namespace in one batch, all the rest of the pod in a second one, and what remains
//! on the host last. Within each of the three the order is the plan's.
//!
//! The first refusal ends the work; what was done until then, the plan's undo takes back.

use std::{collections::BTreeMap, io, time::Instant};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{LinkFlags, LinkMessage},
};
use nicety_core::{
    ids::IfName,
    plan::{HostNic, Step},
};
use rustix::io::Errno;

use crate::{
    addresses, carrying,
    conversation::{Conversation, ConversationError, Request},
    link::{self, New, host_device, host_device::Was, ipvlan, macvlan, port, veth},
    links,
    netns::Netns,
    refusal::Refusal,
    routes, sysctl, wording,
};

#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// `number` counts from 1.
    #[error("cannot {what} (step {number} of {of}): {refusal}{hint}")]
    Refused { what: String, number: usize, of: usize, refusal: Refusal, hint: String },
    #[error("cannot {what} (step {number} of {of}): there is no link `{link}`")]
    NoLink { what: String, number: usize, of: usize, link: String },
    #[error("cannot talk to the kernel on the host")]
    Host(#[source] ConversationError),
    #[error("cannot talk to the kernel in the pod's network namespace")]
    Pod(#[source] ConversationError),
}

/// A step with its position in the plan.
type Numbered<'a> = (usize, &'a Step);

/// Names of links to their indices.
type Indices = BTreeMap<IfName, u32>;

/// Links are created, addressed and routed as the steps say. On an error some steps are done and some are not.
pub fn apply(netns: &Netns, steps: &[Step], deadline: Instant) -> Result<(), ApplyError> {
    let mut host = Conversation::open().map_err(ApplyError::Host)?;
    let of = steps.len();
    let indices = create(&mut host, netns, steps, deadline)?;
    in_pod(netns, steps, indices, deadline)?;
    let left: Vec<Numbered<'_>> = steps.iter().enumerate().filter(|(_, step)| is_host(step)).collect();
    if !left.is_empty() {
        on_host(&mut host, &left, of, deadline)?;
    }
    carry(&mut host, netns, steps, deadline)
}

/// Both ends of each veth, and the bridge, which has no carrier without a port: the kernel sees to each by itself.
fn carry(host: &mut Conversation, netns: &Netns, steps: &[Step], deadline: Instant) -> Result<(), ApplyError> {
    let ends = steps.iter().filter_map(|step| match step {
        Step::CreateVeth { ifname, host, .. } => Some((ifname.as_str(), host.as_str())),
        _ => None,
    });
    let (inside, mut outside): (Vec<&str>, Vec<&str>) = ends.unzip();
    if inside.is_empty() {
        return Ok(());
    }
    outside.extend(steps.iter().filter_map(bridge_of).map(IfName::as_str));
    carrying::wait(host, &outside, deadline).map_err(ApplyError::Host)?;
    carrying::wait(&mut netns.conversation(), &inside, deadline).map_err(ApplyError::Pod)
}

/// The first batch. Returns the indices of the links that were created.
fn create(host: &mut Conversation, netns: &Netns, steps: &[Step], deadline: Instant) -> Result<Indices, ApplyError> {
    let mut indices = Indices::new();
    let mut requests = Vec::new();
    let mut owners = Vec::new();
    let mut number = 0;
    let up = were_up(host, steps, deadline)?;
    for (position, step) in steps.iter().enumerate() {
        let mut new = |ifname, mtu, group| {
            let index = link::index(group, number);
            number += 1;
            indices.insert(IfName::clone(ifname), index);
            New { netns: netns.raw_fd(), index, ifname, mtu, group }
        };
        let message = match step {
            Step::CreateMacvlan { ifname, master, mode, mac, mtu, group } => {
                macvlan::create(&new(ifname, *mtu, *group), master.index, *mode, *mac)
            }
            Step::CreateIpvlan { ifname, master, mode, mtu, group } => {
                ipvlan::create(&new(ifname, *mtu, *group), master.index, *mode)
            }
            Step::CreateVeth { ifname, mac, host, host_mac, mtu, group } => {
                veth::create(&new(ifname, *mtu, *group), *mac, host, *host_mac)
            }
            Step::MoveIn { nic, ifname, mac, mtu } => {
                let alias = host_device::alias(&nic.name, up.get(&nic.name).copied().unwrap_or(Was::Down));
                requests.push(change(host_device::remember(nic.index, alias)));
                requests.push(change(host_device::transfer(nic.index, netns.raw_fd(), ifname.as_str(), *mac, *mtu)));
                owners.extend([(position, step); 2]);
                continue;
            }
            Step::AddAddress { .. }
            | Step::SetUp { .. }
            | Step::AddNeighbor { .. }
            | Step::AddRoute { .. }
            | Step::HostSetUp { .. }
            | Step::HostJoin { .. }
            | Step::HostPort { .. }
            | Step::HostSysctl { .. }
            | Step::HostAddNeighbor { .. }
            | Step::HostAddRoute { .. } => continue,
        };
        requests.push(Request { flags: NLM_F_CREATE | NLM_F_EXCL, message: RouteNetlinkMessage::NewLink(message) });
        owners.push((position, step));
    }
    let answers = host.batch(&requests, deadline).map_err(ApplyError::Host)?;
    first_refusal(answers.refused, &owners, steps.len())?;
    Ok(indices)
}

/// Which of the NICs to move are up now.
fn were_up(host: &mut Conversation, steps: &[Step], deadline: Instant) -> Result<BTreeMap<IfName, Was>, ApplyError> {
    let nics: Vec<&HostNic> =
        steps.iter().filter_map(|step| if let Step::MoveIn { nic, .. } = step { Some(nic) } else { None }).collect();
    let names: Vec<&str> = nics.iter().map(|nic| nic.name.as_str()).collect();
    let rows = links::by_name(host, &names, deadline).map_err(ApplyError::Host)?;
    let was = |up| if up { Was::Up } else { Was::Down };
    Ok(nics.iter().zip(rows).filter_map(|(nic, row)| Some((nic.name.clone(), was(row?.up)))).collect())
}

/// The second batch.
fn in_pod(netns: &Netns, steps: &[Step], mut indices: Indices, deadline: Instant) -> Result<(), ApplyError> {
    let mut pod = netns.conversation();
    let owners: Vec<Numbered<'_>> = steps.iter().enumerate().filter(|(_, step)| pod_link(step).is_some()).collect();
    let unknown: Vec<&IfName> =
        owners.iter().filter_map(|(_, step)| pod_link(step)).filter(|ifname| !indices.contains_key(ifname)).collect();
    look_up(&mut pod, &unknown, &mut indices, deadline).map_err(ApplyError::Pod)?;
    let mut requests = Vec::with_capacity(owners.len());
    for (position, step) in &owners {
        let index = pod_link(step).map(|ifname| known(&indices, ifname, (*position, step), steps.len())).transpose()?;
        requests.extend(index.and_then(|index| request(step, index)));
    }
    let answers = pod.batch(&requests, deadline).map_err(ApplyError::Pod)?;
    first_refusal(answers.refused, &owners, steps.len())
}

/// The third: requests between two sysctls go in one batch.
fn on_host(host: &mut Conversation, steps: &[Numbered<'_>], of: usize, deadline: Instant) -> Result<(), ApplyError> {
    let mut indices = Indices::new();
    let mut names: Vec<&IfName> = steps.iter().filter_map(|(_, step)| host_link(step)).collect();
    names.extend(steps.iter().filter_map(|(_, step)| bridge_of(step)));
    names.sort();
    names.dedup();
    look_up(host, &names, &mut indices, deadline).map_err(ApplyError::Host)?;
    for run in steps.chunk_by(|(_, a), (_, b)| is_sysctl(a) == is_sysctl(b)) {
        let mut requests = Vec::new();
        for numbered in run {
            if let (_, Step::HostSysctl { host, family, key, value }) = numbered {
                sysctl::write(host, *family, *key, *value).map_err(|error| unwritable(&error, *numbered, of))?;
            } else if let (_, Step::HostJoin { host, bridge }) = numbered {
                let (port, bridge) = (known(&indices, host, *numbered, of)?, known(&indices, bridge, *numbered, of)?);
                requests.push(change(port::join(port, bridge)));
            } else if let Some(link) = host_link(numbered.1) {
                requests.extend(request(numbered.1, known(&indices, link, *numbered, of)?));
            }
        }
        let answers = host.batch(&requests, deadline).map_err(ApplyError::Host)?;
        first_refusal(answers.refused, run, of)?;
    }
    Ok(())
}

fn request(step: &Step, index: u32) -> Option<Request> {
    let new = |message| Some(Request { flags: NLM_F_CREATE | NLM_F_EXCL, message });
    match step {
        Step::AddAddress { ifname: _, address } => {
            new(RouteNetlinkMessage::NewAddress(addresses::add(index, *address)))
        }
        Step::AddRoute { ifname: _, to, via } => new(RouteNetlinkMessage::NewRoute(routes::add(index, *to, *via))),
        Step::HostAddRoute { host: _, to } => new(RouteNetlinkMessage::NewRoute(routes::add(index, *to, None))),
        // The kernel may have learned the neighbour by itself; ours replaces it.
        Step::AddNeighbor { ifname: _, address, mac } | Step::HostAddNeighbor { host: _, address, mac } => {
            Some(Request {
                flags: NLM_F_CREATE | NLM_F_REPLACE,
                message: RouteNetlinkMessage::NewNeighbour(addresses::permanent_neighbor(index, *address, *mac)),
            })
        }
        Step::SetUp { ifname: _ } | Step::HostSetUp { host: _ } => {
            let mut message = LinkMessage::default();
            message.header.index = index;
            message.header.flags = LinkFlags::Up;
            message.header.change_mask = LinkFlags::Up;
            Some(change(message))
        }
        // The kernel takes a port's settings by RTM_NEWLINK alone.
        Step::HostPort { host: _, port } => {
            Some(Request { flags: 0, message: RouteNetlinkMessage::NewLink(port::set(index, *port)) })
        }
        Step::CreateMacvlan { .. }
        | Step::CreateIpvlan { .. }
        | Step::CreateVeth { .. }
        | Step::MoveIn { .. }
        | Step::HostJoin { .. }
        | Step::HostSysctl { .. } => None,
    }
}

fn change(message: LinkMessage) -> Request {
    Request { flags: 0, message: RouteNetlinkMessage::SetLink(message) }
}

fn pod_link(step: &Step) -> Option<&IfName> {
    match step {
        Step::AddAddress { ifname, .. }
        | Step::SetUp { ifname }
        | Step::AddNeighbor { ifname, .. }
        | Step::AddRoute { ifname, .. } => Some(ifname),
        _ => None,
    }
}

fn host_link(step: &Step) -> Option<&IfName> {
    match step {
        Step::HostSetUp { host }
        | Step::HostJoin { host, .. }
        | Step::HostPort { host, .. }
        | Step::HostAddNeighbor { host, .. }
        | Step::HostAddRoute { host, .. } => Some(host),
        _ => None,
    }
}

fn bridge_of(step: &Step) -> Option<&IfName> {
    if let Step::HostJoin { bridge, .. } = step { Some(bridge) } else { None }
}

fn is_sysctl(step: &Step) -> bool {
    matches!(step, Step::HostSysctl { .. })
}

fn is_host(step: &Step) -> bool {
    is_sysctl(step) || host_link(step).is_some()
}

fn look_up(
    conversation: &mut Conversation,
    names: &[&IfName],
    indices: &mut Indices,
    deadline: Instant,
) -> Result<(), ConversationError> {
    let texts: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    let rows = links::by_name(conversation, &texts, deadline)?;
    indices.extend(names.iter().zip(rows).filter_map(|(name, row)| Some(((*name).clone(), row?.index))));
    Ok(())
}

fn known(indices: &Indices, link: &IfName, (position, step): Numbered<'_>, of: usize) -> Result<u32, ApplyError> {
    indices.get(link).copied().ok_or_else(|| ApplyError::NoLink {
        what: wording::step(step),
        number: position + 1,
        of,
        link: link.to_string(),
    })
}

fn first_refusal(refused: Vec<(usize, Refusal)>, owners: &[Numbered<'_>], of: usize) -> Result<(), ApplyError> {
    let Some((at, refusal)) = refused.into_iter().min_by_key(|(at, _)| *at) else { return Ok(()) };
    match owners.get(at) {
        Some(owner) => Err(refuse(refusal, *owner, of)),
        None => Ok(()),
    }
}

fn unwritable(error: &io::Error, numbered: Numbered<'_>, of: usize) -> ApplyError {
    let errno = Errno::from_io_error(error).unwrap_or(Errno::IO);
    refuse(Refusal { errno, message: None }, numbered, of)
}

fn refuse(refusal: Refusal, (position, step): Numbered<'_>, of: usize) -> ApplyError {
    let hint = wording::hint(step, refusal.errno);
    ApplyError::Refused { what: wording::step(step), number: position + 1, of, refusal, hint }
}
