//! A day of a large cluster: pods come and go, are rolled out anew, nodes and gateways are lost and come back. The same day for each strategy,
//! through the assembly that the controller uses and the policies' own modules; what is counted is what moved, how even it is and how
//! much is written to the API.

pub mod arguments;
pub mod chart;
pub mod day;
pub mod random;
pub mod strategy;
pub mod world;

use std::{error::Error, fs, sync::Arc};

use nicety_core::evaluate::Evaluator;
use serde_json::{Value, json};

use arguments::{Arguments, Size};
use day::Day;

pub type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

pub const STRATEGIES: [&str; 7] =
    ["round-robin", "hash-mod", "jump", "rendezvous", "least-loaded", "sticky-identity", "zone"];

pub fn run(arguments: &Arguments) -> Result<Value> {
    let Arguments { size, strategies, charts, native, jobs } = arguments;
    let source = Source::new(*native)?;
    let sets = strategies.iter().map(|name| Ok((name, strategy::set(name, &|policy| source.load(policy))?)));
    let sets = sets.collect::<Result<Vec<_>>>()?;
    let mut days: Vec<(String, Day)> = Vec::new();
    for together in sets.chunks((*jobs).max(1)) {
        let lived = std::thread::scope(|scope| {
            // What memory a day takes is known of the first alone: it finds none that another left.
            let alone = days.is_empty() && together.len() == 1;
            let living: Vec<_> =
                together.iter().map(|(_, set)| scope.spawn(move || day::live(size, set, alone))).collect();
            living.into_iter().map(|day| day.join().map_err(|_| "a day came to no end")).collect::<Result<Vec<_>, _>>()
        })?;
        days.extend(together.iter().map(|(name, _)| (*name).clone()).zip(lived));
    }
    if let Some(folder) = charts {
        fs::create_dir_all(folder)?;
        for (file, chart) in chart::all(size, &days) {
            fs::write(folder.join(file), chart)?;
        }
    }
    let Size { nodes, endpoints, gateways, seed, hours } = size;
    let figures = days.iter().map(|(name, day)| (name.clone(), day.figures()));
    Ok(json!({
        "nodes": nodes,
        "endpoints": endpoints,
        "gateways": gateways,
        "seed": seed,
        "hours": hours,
        "policies": if source.is_sandboxed() { "modules" } else { "in process" },
        "strategies": figures.collect::<serde_json::Map<_, _>>(),
    }))
}

/// Where policies come from.
enum Source {
    Native,
    #[cfg(feature = "modules")]
    Modules(nicety_engine::Engine),
}

impl Source {
    fn new(native: bool) -> Result<Source> {
        #[cfg(feature = "modules")]
        if !native {
            return Ok(Source::Modules(nicety_engine::Engine::new(nicety_engine::EngineConfig::for_distributions())?));
        }
        let _ = native;
        Ok(Source::Native)
    }

    fn is_sandboxed(&self) -> bool {
        !matches!(self, Source::Native)
    }

    fn load(&self, name: &str) -> Result<Arc<dyn Evaluator>, String> {
        let missing = || format!("there is no built-in policy `{name}`");
        match self {
            Source::Native => nicety_native::get(name).map(Arc::from).ok_or_else(missing),
            #[cfg(feature = "modules")]
            Source::Modules(engine) => {
                let module = nicety_builtins::get(name).ok_or_else(missing)?;
                engine
                    .load(module)
                    .map(|policy| Arc::new(policy) as Arc<dyn Evaluator>)
                    .map_err(|error| error.to_string())
            }
        }
    }
}
