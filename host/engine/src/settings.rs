//! wasmtime's settings: one set for the process that compiles and the one that runs, or the code does not load. wasmtime notices
//! most differences when it loads code and not all, so the cache of compiled code tells settings apart by their fingerprint.

use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

/// Of a slot's table so much stays mapped between two decisions and is cleared by hand.
const KEEP_RESIDENT: usize = 512 << 10;
/// Core modules of one policy. One of Rust has 3, one of JavaScript 11, and one of Python, which is linked of libraries, 38.
pub(crate) const MODULES_PER_POLICY: u32 = 64;
/// Elements of one table. CPython's has 5,700.
pub(crate) const TABLE_ELEMENTS: usize = 32 << 10;
pub(crate) const TABLES_PER_POLICY: u32 = 4;
/// A policy that is composed of components has a memory in each: JavaScript's three. Their sum is limited.
pub(crate) const MEMORIES_PER_POLICY: u32 = 4;
/// What the runtime keeps of one instance, in bytes: a library of CPython has many imports.
const INSTANCE_BYTES: usize = 4 << 20;

/// What shapes the code. Whatever is set here is applied and is part of the fingerprint: the two read the same value.
#[derive(Debug, Clone, Copy)]
struct Settings {
    fuel: bool,
    epoch: bool,
    optimisation: OptLevel,
    /// Deterministic: a NaN that a policy computes has the same bits on every machine, and relaxed SIMD one meaning.
    canonical_nans: bool,
    deterministic_simd: bool,
    memory64: bool,
    /// For the calls between the components that a policy is composed of: without it wasmtime's own glue does not compile.
    multi_memory: bool,
    concurrency: bool,
    backtraces: bool,
    address_map: bool,
    /// Stack of a policy, inside that of the thread which runs it.
    stack: usize,
    /// Address space in front of each memory's end, so that no access needs a check of its bounds.
    memory_reservation: u64,
    memory_may_move: bool,
}

const SETTINGS: Settings = Settings {
    fuel: true,
    epoch: true,
    optimisation: OptLevel::Speed,
    canonical_nans: true,
    deterministic_simd: true,
    memory64: false,
    multi_memory: true,
    concurrency: false,
    backtraces: false,
    address_map: false,
    stack: 512 << 10,
    memory_reservation: 4 << 30,
    memory_may_move: false,
};

impl Settings {
    fn config(self) -> Config {
        // Taken apart, so that a field which is not applied does not compile.
        let Settings {
            fuel,
            epoch,
            optimisation,
            canonical_nans,
            deterministic_simd,
            memory64,
            multi_memory,
            concurrency,
            backtraces,
            address_map,
            stack,
            memory_reservation,
            memory_may_move,
        } = self;
        let mut config = Config::new();
        config
            .consume_fuel(fuel)
            .epoch_interruption(epoch)
            .cranelift_opt_level(optimisation)
            .cranelift_nan_canonicalization(canonical_nans)
            .relaxed_simd_deterministic(deterministic_simd)
            .wasm_memory64(memory64)
            .wasm_multi_memory(multi_memory)
            .concurrency_support(concurrency)
            .generate_address_map(address_map)
            .max_wasm_stack(stack)
            .memory_reservation(memory_reservation)
            .memory_may_move(memory_may_move);
        if !backtraces {
            config.wasm_backtrace_max_frames(None);
        }
        config
    }
}

/// For the child: compiles, and never runs anything.
pub(crate) fn compiling() -> Config {
    let mut config = SETTINGS.config();
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    config
}

/// For the process that decides: runs, and cannot compile.
pub(crate) fn running(sandboxes: u32, memory: usize, resident: usize) -> Config {
    // The pool never runs dry before the semaphore in front of it; what is not used of it costs address space at most.
    let of_all = |each: u32| sandboxes.saturating_mul(each);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(sandboxes)
        .total_core_instances(of_all(MODULES_PER_POLICY))
        .total_memories(of_all(MEMORIES_PER_POLICY))
        .total_tables(of_all(TABLES_PER_POLICY))
        .max_core_instances_per_component(MODULES_PER_POLICY)
        .max_memories_per_component(MEMORIES_PER_POLICY)
        .max_tables_per_component(TABLES_PER_POLICY)
        .max_core_instance_size(INSTANCE_BYTES)
        .max_component_instance_size(INSTANCE_BYTES)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(memory)
        .max_unused_warm_slots(sandboxes)
        .linear_memory_keep_resident(resident)
        .table_keep_resident(KEEP_RESIDENT)
        .pagemap_scan(Enabled::Auto);
    let mut config = SETTINGS.config();
    config.enable_compiler(false).allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

/// SHA-256 of all that decides whether code compiled earlier is what would be compiled now: these settings, wasmtime's version and
/// own view of them, the processor's features, and the layout of the cache's files.
pub(crate) fn fingerprint(engine: &wasmtime::Engine) -> [u8; 32] {
    fingerprint_of(SETTINGS, engine, &processor())
}

fn fingerprint_of(settings: Settings, engine: &wasmtime::Engine, processor: &str) -> [u8; 32] {
    let mut hasher = Fingerprint(Sha256::new());
    format!("{settings:?}").hash(&mut hasher);
    engine.precompile_compatibility_hash().hash(&mut hasher);
    processor.hash(&mut hasher);
    hasher.0.finalize().into()
}

/// The features of the first processor as the kernel lists them. Unknown is empty: wasmtime itself refuses code for features that
/// the processor does not have.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let features = text.lines().find(|line| line.starts_with("flags") || line.starts_with("Features"));
    features.unwrap_or_default().to_owned()
}

/// Feeds what is hashed to SHA-256: two fingerprints that are equal by chance would run the wrong code.
struct Fingerprint(Sha256);

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Nobody asks: the digest is taken whole.
    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_or_a_processor_more_is_another_fingerprint() {
        let engine = wasmtime::Engine::new(&compiling()).unwrap();
        let now = fingerprint_of(SETTINGS, &engine, "sse4 avx");
        assert_eq!(now, fingerprint_of(SETTINGS, &engine, "sse4 avx"));
        // The one that wasmtime does not notice by itself.
        let without = Settings { canonical_nans: false, ..SETTINGS };
        assert_ne!(now, fingerprint_of(without, &engine, "sse4 avx"));
        assert_ne!(now, fingerprint_of(SETTINGS, &engine, "sse4"));
    }

    #[test]
    fn wasmtimes_own_settings_are_in_the_fingerprint() {
        let other = wasmtime::Engine::new(compiling().epoch_interruption(false)).unwrap();
        let engine = wasmtime::Engine::new(&compiling()).unwrap();
        assert_ne!(fingerprint_of(SETTINGS, &engine, ""), fingerprint_of(SETTINGS, &other, ""));
    }
}
