//! ADD: decide, lease and record in one commit, apply, commit. What fails before the lease has changed nothing; what fails after it
//! is undone by the record.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use nicety_cni::{Attachment, CniError, Code};
use nicety_core::{
    cluster::underlay::Underlay,
    ids::AttachmentKey,
    ipam::Lease,
    plan::{Bound, Plan},
    record::{Attached, Delegated, Record, State, Timings},
};
use nicety_kernel::Netns;
use nicety_store::{AcquireError, Wanted};
use tracing::{info, warn};

use crate::{
    after::{After, Occasion},
    answer,
    cluster::told,
    decide::{self, Decided, Reason, Trace},
    del, delegate,
    egress::{hold, known},
    intend::Intent,
    node::{Node, now},
    pod::{self, Known},
};
use nicety_deciding::chain;

/// Left of the deadline for the undo of an ADD that took too long.
const FOR_UNDO: Duration = Duration::from_secs(5);

pub fn add(
    node: &Node,
    attachment: &Attachment,
    netns: &Netns,
    known: &Known,
    deadline: Instant,
    after: &mut After,
) -> Result<String, CniError> {
    let mut intent = Intent::of(attachment, netns.id().clone())?;
    if let Some(record) = before(node, &intent, netns, deadline)? {
        info!("repeated ADD answered from its record");
        after.told = told::attached(&record);
        return Ok(answer::of(attachment, &record));
    }
    if let Some(unready) = node.world().unready.clone().or_else(|| known::unready(node)) {
        return Err(CniError::new(Code::TryAgainLater, unready).with_details("nothing was changed"));
    }
    match known {
        Known::Nothing => {}
        Known::Facts(facts) => {
            intent.pod = pod::learned(intent.pod, facts);
            let names = facts.attachments.iter();
            intent.aliases = names.filter_map(|(name, network)| Some((name.clone(), network.parse().ok()?))).collect();
        }
        Known::Unseen(error) => return Err(error.clone()),
    }
    let delegate = delegate::intend(node, attachment)?;
    let (plan, times) = reserve(node, &intent, delegate, after)?;
    let held = |record: &Record| {
        hold::new_pod(node, attachment, record).map_err(|error| undone(node, &intent.key, netns, deadline, error))
    };
    // Before there is a link that it could send by.
    if let Some(record) = node.store.get(&intent.key) {
        held(&record)?;
    }
    let record = apply(node, attachment, &intent.key, netns, &plan, times, deadline)?;
    // With the addresses that delegates gave it, and as one that may have its gateway.
    held(&record)?;
    info!(interfaces = record.interfaces.len(), pod = %format!("{}/{}", record.pod.namespace, record.pod.name), "attached");
    after.told = told::attached(&record);
    Ok(answer::of(attachment, &record))
}

/// The record of the same request and namespace answers it. One that is unfinished is taken back first; one of another request is
/// in the way.
fn before(node: &Node, intent: &Intent, netns: &Netns, deadline: Instant) -> Result<Option<Arc<Record>>, CniError> {
    let Some(record) = node.store.get(&intent.key) else { return Ok(None) };
    let same_netns = (record.netns.device, record.netns.inode) == (intent.netns.device, intent.netns.inode);
    match record.state {
        State::Attached if same_netns && record.request == intent.request => Ok(Some(record)),
        State::Attached => {
            let what = if same_netns { "another request" } else { "another network namespace" };
            let message = format!("attachment `{}` exists already, made for {what}; hint: DEL it first", intent.key);
            Err(CniError::new(Code::PlanRefused, message))
        }
        State::Applying | State::Detaching => {
            let inside = same_netns.then_some(netns);
            del::take_back(&node.store, &intent.key, inside, deadline).map_err(|errors| {
                let message = format!("attachment `{}` is left over from before and cannot be taken back", intent.key);
                CniError::new(Code::TryAgainLater, message).with_details(errors.join("; "))
            })?;
            Ok(None)
        }
    }
}

/// From gather to lease under the ledger's lock: the record is `Applying` when this returns.
fn reserve(
    node: &Node,
    intent: &Intent,
    delegate: Option<Delegated>,
    after: &mut After,
) -> Result<(Plan<Bound>, Timings), CniError> {
    let start = Instant::now();
    let id = node.store.next_decision();
    let mut trace = Trace::default();
    let _ledger = node.ledger();
    let (snapshot, records) = (node.snapshot(), node.store.records());
    let decided = decide::decide(&snapshot, intent, &records, &mut trace);
    let occasion =
        Occasion { id, generation: snapshot.world.generation, key: intent.key.clone(), pod: intent.pod_ref() };
    let runs = (0u32..).zip(trace.runs);
    after.records = runs.map(|(step, (asked, run))| occasion.record(step, asked, run)).collect();
    after.shadows = trace.shadows;
    node.store.remember(&after.records);
    after.records.iter().for_each(|record| node.metrics.count_record(record));
    let Decided { plan, reasons } = decided?;
    let decide_us = micros(start);
    let leasing = Instant::now();
    let unbound = plan.clone();
    let wanted = Wanted::of(&unbound);
    let mut bound = None;
    let make = |leases: &[Vec<Lease>]| {
        let plan = plan.bind(leases.to_vec())?;
        let record = drawn_up(&plan, &reasons, intent, delegate, id);
        bound = Some(plan);
        Ok(record)
    };
    let acquired = node.store.acquire(&intent.key, &wanted, now(), make);
    acquired.map_err(|error: AcquireError<nicety_core::plan::BindError>| no_addresses(&error))?;
    let bound = bound.ok_or_else(|| CniError::new(Code::Internal, "the store leased without making a record"))?;
    Ok((bound, Timings { decide_us, lease_us: micros(leasing), apply_us: 0 }))
}

fn apply(
    node: &Node,
    attachment: &Attachment,
    key: &AttachmentKey,
    netns: &Netns,
    plan: &Plan<Bound>,
    times: Timings,
    deadline: Instant,
) -> Result<Arc<Record>, CniError> {
    let start = Instant::now();
    let apply_by = deadline.checked_sub(FOR_UNDO).unwrap_or(deadline);
    let applied = made(node, key, netns, plan, apply_by);
    let committed = applied.and_then(|result| {
        let timings = Timings { apply_us: micros(start), ..times };
        let commit = node.store.commit(key, |record| {
            record.timings = timings;
            if let Some(delegate) = &mut record.delegate {
                delegate.result = result;
            }
            record.told = node.source.cluster().and_then(|_| told::text(attachment, record));
        });
        commit.map_err(|error| CniError::new(Code::StoreFailed, chain(&error)))
    });
    committed.map_err(|error| undone(node, key, netns, deadline, error))
}

fn undone(node: &Node, key: &AttachmentKey, netns: &Netns, deadline: Instant, error: CniError) -> CniError {
    let taken_back = del::take_back(&node.store, key, Some(netns), deadline);
    hold::gone(node);
    let Err(errors) = taken_back else { return error };
    warn!(errors = %errors.join("; "), "an ADD that failed could not be undone; its record says what is left");
    CniError { details: format!("{}, but not all of it: {}", error.details, errors.join("; ")), ..error }
}

/// CNI_IFNAME by the delegates, then the bridges that the plan is on, then the plan. Returns the delegates' result.
fn made(
    node: &Node,
    key: &AttachmentKey,
    netns: &Netns,
    plan: &Plan<Bound>,
    deadline: Instant,
) -> Result<Option<String>, CniError> {
    let undone = "what was done before it is undone";
    let refused = |error: &dyn std::error::Error| CniError::new(Code::KernelRefused, chain(error)).with_details(undone);
    let record = node.store.get(key).ok_or_else(|| CniError::new(Code::Internal, "the record of an ADD is gone"))?;
    let result = delegate::add(&record, netns, deadline)?;
    for interface in &plan.interfaces {
        if let Some(bridge) = &interface.bridge {
            let keep = |underlay: &mut Underlay| {
                underlay.bridges.insert(bridge.name.clone(), interface.network.clone());
            };
            node.store.keep_underlay(keep).map_err(|error| CniError::new(Code::StoreFailed, chain(&error)))?;
            nicety_kernel::bridges::ensure(&interface.network, bridge, deadline).map_err(|error| refused(&error))?;
        }
    }
    nicety_kernel::apply(netns, &plan.state.steps, deadline).map_err(|error| refused(&error))?;
    Ok(result)
}

fn no_addresses(error: &AcquireError<nicety_core::plan::BindError>) -> CniError {
    let code = match error {
        AcquireError::Exhausted { .. } | AcquireError::Held { .. } | AcquireError::Outside { .. } => {
            Code::AddressesExhausted
        }
        AcquireError::Known { .. } => Code::TryAgainLater,
        AcquireError::Make(_) => Code::Internal,
        AcquireError::Write(_) => Code::StoreFailed,
    };
    CniError::new(code, chain(error)).with_details("nothing was changed")
}

fn drawn_up(
    plan: &Plan<Bound>,
    reasons: &[Reason],
    intent: &Intent,
    delegate: Option<Delegated>,
    decision: u64,
) -> Record {
    let each = plan.interfaces.iter().zip(&plan.state.addresses).zip(&plan.state.routes).zip(reasons);
    let interfaces = each.map(|(((interface, addresses), routes), reason)| Attached {
        ifname: interface.ifname.clone(),
        network: interface.network.clone(),
        link: interface.link,
        nic: interface.nic.clone(),
        mac: interface.mac,
        mtu: interface.mtu,
        addresses: addresses.clone(),
        routes: routes.clone(),
        reserved: reason.reserved,
        reason: reason.reason.clone(),
        strategy: reason.strategy.clone(),
    });
    Record {
        key: intent.key.clone(),
        state: State::Applying,
        pod: intent.pod_ref(),
        netns: intent.netns.clone(),
        request: intent.request.clone(),
        interfaces: interfaces.collect(),
        delegate,
        undo: plan.state.undo.clone(),
        decision,
        told: None,
        timings: Timings::default(),
        since: now().0,
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}
