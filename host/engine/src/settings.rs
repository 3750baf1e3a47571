//! wasmtime's settings: one set for the process that compiles and the one that runs, or the code does not load.

use wasmtime::{Config, Enabled, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

/// Address space in front of each memory's end, so that no access needs a check of its bounds. A setting of the code.
const MEMORY_RESERVATION: u64 = 4 << 30;
/// Memory of a slot that stays mapped between two decisions and is cleared by hand: a policy of ours has 256 KiB.
const KEEP_RESIDENT: usize = 512 << 10;
/// Modules that wit-component makes of one policy, with room.
const MODULES_PER_POLICY: u32 = 8;
/// Stack of a policy, inside that of the thread which runs it.
const STACK: usize = 512 << 10;

/// What shapes the code. Deterministic: canonical NaNs, relaxed SIMD in its deterministic form, one thread.
fn shared() -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .concurrency_support(false)
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false)
        .max_wasm_stack(STACK)
        .memory_reservation(MEMORY_RESERVATION)
        .memory_may_move(false);
    config
}

/// For the child: compiles, and never runs anything.
pub(crate) fn compiling() -> Config {
    let mut config = shared();
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    config
}

/// For the process that decides: runs, and cannot compile.
pub(crate) fn running(sandboxes: u32, memory: usize) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(sandboxes)
        .total_core_instances(sandboxes.saturating_mul(MODULES_PER_POLICY))
        .total_memories(sandboxes)
        .total_tables(sandboxes.saturating_mul(MODULES_PER_POLICY))
        .max_core_instances_per_component(MODULES_PER_POLICY)
        .max_memories_per_component(1)
        .max_tables_per_component(MODULES_PER_POLICY)
        .max_memory_size(memory)
        .max_unused_warm_slots(sandboxes)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(KEEP_RESIDENT)
        .pagemap_scan(Enabled::Auto);
    let mut config = shared();
    config.enable_compiler(false).allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}
