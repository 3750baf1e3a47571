//! What it takes to load a component: compiled in a child, from the cache, and again and again.

use std::{path::Path, time::Instant};

use nicety_engine::{Cache, Engine, EngineConfig, LoadError};

use crate::{memory::resident, times::Times};

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

const CACHE_BYTES: u64 = 1 << 30;
/// Reloads before memory is looked at first: the allocator's own and the pool's are in it by then.
const WARM_UP: usize = 50;

pub fn cold(engine: &Engine, component: &[u8], rounds: usize) -> Result<Times, LoadError> {
    let mut times = Times::default();
    for _ in 0..rounds {
        let started = Instant::now();
        engine.load(component)?;
        times.push(started.elapsed());
    }
    Ok(times)
}

/// An engine with a cache in a folder.
pub fn caching(folder: &Path) -> Result<Engine> {
    let cache = Some(Cache::open(folder, CACHE_BYTES)?);
    Ok(Engine::new(EngineConfig { cache, ..EngineConfig::default() })?)
}

/// Loads that need no compiler; an error when one did.
pub fn cached(engine: &Engine, component: &[u8], rounds: usize) -> Result<Times> {
    engine.load(component)?;
    let before = engine.cache_stats();
    let times = cold(engine, component, rounds)?;
    let hits = engine.cache_stats().hits - before.hits;
    if hits != rounds as u64 {
        return Err(format!("{hits} of {rounds} loads came from the cache").into());
    }
    Ok(times)
}

/// Bytes of resident memory that as many reloads from the cache add, each with the old policy dropped.
pub fn growth(engine: &Engine, components: &[&[u8]], reloads: usize) -> Result<i64> {
    let reload =
        |times: usize| components.iter().cycle().take(times).try_for_each(|module| engine.load(module).map(drop));
    reload(WARM_UP.max(components.len()))?;
    let before = resident()?;
    reload(reloads)?;
    Ok(i64::try_from(resident()?)? - i64::try_from(before)?)
}
