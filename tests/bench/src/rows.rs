//! What is measured, in which order, and what it is held to.

mod engine;
mod sidecar;

use std::time::Duration;

use crate::{
    arguments::{Arguments, Result},
    contender::{Batch, Contender, Nicety, Plugins},
    lab,
    measure::Samples,
    report::{self, Peer, Row, Target},
};

/// Rounds that warm caches and are thrown away.
const WARM_UP: usize = 3;
const ATTACHMENTS_HELD: usize = 100;
const MEBIBYTE: f64 = 1024.0 * 1024.0;

pub fn measure_all(arguments: &Arguments) -> Result<()> {
    lab::lay()?;
    let mut rows = Vec::new();
    let mut nicety = match (&arguments.nicety, &arguments.shim) {
        (Some(nicety), Some(shim)) => Some(Nicety::start(nicety, shim, &arguments.manifests)?),
        _ => None,
    };
    for interfaces in [1, 4] {
        rows.extend(compare(nicety.as_mut(), interfaces, arguments.rounds)?);
    }
    if let Some(nicety) = &mut nicety {
        rows.push(plugin_start(nicety, arguments.rounds)?);
        rows.push(resident_memory(nicety)?);
    }
    if let Some(program) = &arguments.decisions {
        rows.extend(engine::rows(program, &arguments.languages)?);
    }
    if let Some(nicety) = &arguments.nicety {
        rows.extend(sidecar::answers(nicety)?);
    }
    report::print_table(&rows)?;
    report::write_json(&rows, &arguments.output)
}

/// ADD and DEL of one number of interfaces, all contenders in turn, so that whatever else the machine does hits each alike.
fn compare(nicety: Option<&mut Nicety>, interfaces: usize, rounds: usize) -> Result<Vec<Row>> {
    let (mut plugins, mut batch) = (Plugins::new()?, Batch::new()?);
    let mut contenders: Vec<&mut dyn Contender> = Vec::new();
    contenders.extend(nicety.map(|nicety| nicety as &mut dyn Contender));
    contenders.push(&mut plugins);
    contenders.push(&mut batch);
    let mut measured: Vec<(&'static str, Samples, Samples)> =
        contenders.iter().map(|contender| (contender.name(), Samples::default(), Samples::default())).collect();

    for round in 0..rounds + WARM_UP {
        for (contender, (name, adds, dels)) in contenders.iter_mut().zip(&mut measured) {
            let add = contender.add(interfaces)?;
            holds(name, interfaces)?;
            let del = contender.del(interfaces)?;
            holds(name, 0)?;
            if round >= WARM_UP {
                adds.push(add);
                dels.push(del);
            }
        }
    }
    Ok(rows_of(&measured, interfaces))
}

/// The first contender against each of the others; alone (without Nicety) the peers' own figures.
fn rows_of(measured: &[(&'static str, Samples, Samples)], interfaces: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let Some(((first, adds, dels), peers)) = measured.split_first() else { return rows };
    for (verb, ours, faster_than_plugins) in [("ADD", adds, 6.0), ("DEL", dels, 10.0)] {
        for (peer, peer_adds, peer_dels) in peers {
            let theirs = if verb == "ADD" { peer_adds } else { peer_dels };
            let target = match (*first, *peer, verb, interfaces) {
                ("nicety", "reference plugins", _, 4) => Target::FasterThanPeer(faster_than_plugins),
                ("nicety", "ip -batch", "ADD", 4) => Target::TimesPeer(1.2),
                _ => Target::None,
            };
            rows.push(Row {
                name: format!("{verb} of {interfaces} macvlan ({first})"),
                unit: "ms",
                p50: milliseconds(ours.percentile(0.5)),
                p95: Some(milliseconds(ours.percentile(0.95))),
                peer: Some(Peer { name: peer, p50: milliseconds(theirs.percentile(0.5)) }),
                target,
            });
        }
    }
    rows
}

/// A contender that does nothing would win: the pod has exactly the links that were asked for.
fn holds(contender: &str, interfaces: usize) -> Result<()> {
    let links = lab::links_in_pod()?;
    if links.len() == interfaces {
        return Ok(());
    }
    Err(format!("{contender}: the pod has {links:?} instead of {interfaces} links").into())
}

fn plugin_start(nicety: &Nicety, rounds: usize) -> Result<Row> {
    let mut samples = Samples::default();
    for _ in 0..rounds {
        samples.push(nicety.version()?);
    }
    Ok(Row {
        name: "plugin binary: start, VERSION, end".to_owned(),
        unit: "ms",
        p50: milliseconds(samples.percentile(0.5)),
        p95: Some(milliseconds(samples.percentile(0.95))),
        peer: None,
        target: Target::None,
    })
}

fn resident_memory(nicety: &mut Nicety) -> Result<Row> {
    for number in 0..ATTACHMENTS_HELD {
        nicety.hold(&format!("held{number}"))?;
    }
    Ok(Row {
        name: format!("daemon's memory with {ATTACHMENTS_HELD} attachments"),
        unit: "MiB",
        p50: nicety.resident_bytes()? as f64 / MEBIBYTE,
        p95: None,
        peer: None,
        target: Target::AtMost(32.0),
    })
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
