//! Everything that is measured here, as one JSON document. All times are in microseconds.

use std::{env, error::Error, fs, path::PathBuf, thread, time::Duration};

use nicety_core::{evaluate::Evaluator, facts::Facts};
use nicety_engine::{Engine, EngineConfig, Limits, Policy};
use serde_json::{Map, Value, json};

use crate::{decisions, facts, loading, times::Times};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

const SELECTION: &str = "spread";
/// The simplest one, and the one that ranks all gateways for each endpoint: by name, policy, and weight of a gateway by its index.
const DISTRIBUTIONS: [(&str, &str, fn(u32) -> u32); 3] = [
    ("round-robin", "round-robin", |_| 1),
    ("rendezvous", "rendezvous", |_| 1),
    ("rendezvous by weight", "rendezvous", |index| 1 + index % 4),
];
/// The built-in that comes closest to 64 KiB.
const LOADED: &str = "networks-annotation";
const CALLERS: usize = 16;
const RELOADS: usize = 1_000;

/// Components in other languages to measure as well: `--python FILE --javascript FILE`, in that order or the other.
#[derive(Debug, Default)]
pub struct Arguments {
    others: Vec<(&'static str, PathBuf)>,
}

impl Arguments {
    pub fn from_environment() -> Result<Arguments> {
        let mut arguments = Arguments::default();
        let mut words = env::args().skip(1);
        while let Some(word) = words.next() {
            let language = match word.as_str() {
                "--python" => "python",
                "--javascript" => "javascript",
                _ => return Err(format!("unknown argument `{word}`").into()),
            };
            let file = words.next().ok_or_else(|| format!("`{word}` needs a file"))?;
            arguments.others.push((language, file.into()));
        }
        Ok(arguments)
    }
}

pub fn measure(arguments: &Arguments) -> Result<Value> {
    let folder = env::temp_dir().join(format!("nicety-decisions-{}", std::process::id()));
    let measured = measure_in(&folder, arguments);
    // What is left behind is small, and its folder is for such things.
    let _ = fs::remove_dir_all(&folder);
    measured
}

fn measure_in(folder: &std::path::Path, arguments: &Arguments) -> Result<Value> {
    let engine = Engine::new(EngineConfig::default())?;
    let caching = loading::caching(folder)?;
    let mut report = Map::new();
    let mut add = |name: &str, value: Value| report.insert(name.to_owned(), value);
    // Memory first: what comes later leaves an allocator that knows better.
    let builtins: Vec<&[u8]> = nicety_builtins::ALL.iter().map(|(_, component)| *component).collect();
    let growth = loading::growth(&caching, &builtins, RELOADS)?;
    add("reloads", json!({ "times": RELOADS, "growth_bytes": growth }));
    let module = builtin(LOADED)?;
    add("cold load", percentiles(&loading::cold(&engine, module, 20)?));
    add("cached load", percentiles(&loading::cached(&caching, module, 500)?));

    let (eight, selection) = (facts::eight_nics(), engine.load(builtin(SELECTION)?)?);
    let native = nicety_native::get(SELECTION).ok_or("no native twin")?;
    add("sandboxed", decision(&selection, &eight, 20_000)?);
    add("native", decision(&*native, &eight, 20_000)?);
    add("callers", callers(&selection, &*native, &eight)?);
    let engine_of_many = Engine::new(EngineConfig::for_distributions())?;
    for (name, policy, weight) in DISTRIBUTIONS {
        let many = facts::endpoints(100_000, 64, weight);
        let native = nicety_native::get(policy).ok_or("no native twin")?;
        let sandboxed = engine_of_many.load(builtin(policy)?)?;
        let (sandboxed, native) = side_by_side(&sandboxed, &*native, &many, 40)?;
        add(name, sandboxed);
        add(&format!("native {name}"), native);
    }
    for (language, file) in &arguments.others {
        let module = fs::read(file).map_err(|error| format!("cannot read `{}`: {error}", file.display()))?;
        add(language, other(&caching, &module, &eight)?);
    }
    Ok(Value::Object(report))
}

fn builtin(name: &str) -> Result<&'static [u8]> {
    Ok(nicety_builtins::get(name).ok_or_else(|| format!("there is no built-in policy `{name}`"))?)
}

fn percentiles(times: &Times) -> Value {
    json!({ "p50": times.percentile(50), "p99": times.percentile(99) })
}

fn decision(policy: &dyn Evaluator, facts: &Facts, decisions: usize) -> Result<Value> {
    let mut value = percentiles(&decisions::measure(policy, "{}", facts, decisions)?);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("fuel".to_owned(), policy.evaluate("{}", facts).fuel.into());
    }
    Ok(value)
}

/// In turns, so that whatever else the machine does hits each alike.
fn side_by_side(one: &dyn Evaluator, other: &dyn Evaluator, facts: &Facts, decisions: usize) -> Result<(Value, Value)> {
    let mut times = [Times::default(), Times::default()];
    for _ in 0..decisions {
        for (times, policy) in times.iter_mut().zip([one, other]) {
            times.append(decisions::measure(policy, "{}", facts, 1)?);
        }
    }
    let [of_one, of_other] = times.map(|times| percentiles(&times));
    let with_fuel = |mut value: Value, policy: &dyn Evaluator| {
        if let Some(fields) = value.as_object_mut() {
            fields.insert("fuel".to_owned(), policy.evaluate("{}", facts).fuel.into());
        }
        value
    };
    Ok((with_fuel(of_one, one), with_fuel(of_other, other)))
}

/// Throughput of many callers against that of one; and the same of the native policy, which shares nothing and says what the machine
/// has to give.
fn callers(policy: &Policy, native: &dyn Evaluator, facts: &Facts) -> Result<Value> {
    let second = Duration::from_secs(1);
    // Fuel ends a loop here; on a machine that has other work the clock would end decisions.
    let patient = policy.clone().limited(Limits { milliseconds: 60_000, ..*policy.limits() }).waiting(60 * second);
    let mut decisions = [0.0; 4];
    // In turns, so that whatever else the machine does hits each alike.
    for _ in 0..3 {
        for (sum, (policy, callers)) in decisions.iter_mut().zip([
            (&patient as &dyn Evaluator, 1),
            (&patient, CALLERS),
            (native, 1),
            (native, CALLERS),
        ]) {
            *sum += decisions::throughput(policy, facts, callers, second)? / 3.0;
        }
    }
    let [one, all, native_one, native_all] = decisions;
    let cores = thread::available_parallelism()?.get();
    let (scaling, native) = (all / one, native_all / native_one);
    Ok(
        json!({ "callers": CALLERS, "cores": cores, "one": one, "all": all, "scaling": scaling, "native scaling": native }),
    )
}

fn other(engine: &Engine, module: &[u8], facts: &Facts) -> Result<Value> {
    let cold = percentiles(&loading::cold(engine, module, 1)?);
    let policy = engine.load(module)?;
    let mut value = decision(&policy, facts, 1_000)?;
    if let Some(fields) = value.as_object_mut() {
        fields.insert("cold load".to_owned(), cold);
        fields.insert("cached load".to_owned(), percentiles(&loading::cached(engine, module, 5)?));
    }
    Ok(value)
}
