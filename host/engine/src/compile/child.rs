//! The child's side: shut itself in, then read a module, compile it, write the code.

use std::{
    collections::BTreeMap,
    error::Error,
    io::{self, Read, Write},
    process::exit,
};

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use wasmtime::Engine;

use crate::settings;

/// The exit code of "this is no valid module", as opposed to a failure of our own.
pub(super) const INVALID: i32 = 3;
const FAILED: i32 = 4;

/// The whole of the process: a module on stdin becomes code on stdout, or a message on stderr. The parent has set the limits on CPU
/// time and memory; `main` calls this before it starts threads or opens files.
pub fn child_main() -> ! {
    let failed = |what: &str, error: &dyn Error| -> ! {
        let chain = std::iter::successors(Some(error), |error: &&dyn Error| (*error).source());
        // Nobody is left to tell when stderr is closed.
        let _ = writeln!(io::stderr(), "{what}{}", chain.map(|error| format!(": {error}")).collect::<String>());
        exit(FAILED)
    };
    close_inherited();
    if let Err(error) = shut_in() {
        failed("cannot shut the compiler in", &error);
    }
    let mut module = Vec::new();
    if let Err(error) = io::stdin().read_to_end(&mut module) {
        failed("cannot read the module", &error);
    }
    let engine = match Engine::new(&settings::compiling()) {
        Ok(engine) => engine,
        Err(error) => failed("cannot set the compiler up", &*error),
    };
    let code = match engine.precompile_component(&module) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error:#}");
            exit(INVALID)
        }
    };
    if let Err(error) = io::stdout().write_all(&code).and_then(|()| io::stdout().flush()) {
        failed("cannot write the code", &error);
    }
    exit(0)
}

/// Whatever a careless part of the parent left open.
#[expect(unsafe_code, reason = "no safe wrapper of close_range exists")]
fn close_inherited() {
    // SAFETY: this process has just been started and nothing in it owns a descriptor above 2.
    // JUSTIFICATION: closing them one by one is as unsafe, and needs a walk through /proc.
    unsafe {
        libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32);
    }
}

#[derive(Debug, thiserror::Error)]
enum ShutInError {
    #[error("cannot give up privileges")]
    Privileges(#[source] rustix::io::Errno),
    #[error("the filter of system calls does not compile")]
    Compile(#[from] seccompiler::BackendError),
    #[error("cannot filter system calls")]
    Filter(#[source] seccompiler::Error),
}

/// Threads, memory and the three open pipes; no files, no network, no other process.
fn shut_in() -> Result<(), ShutInError> {
    rustix::thread::set_no_new_privs(true).map_err(ShutInError::Privileges)?;
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(ShutInError::Privileges)?;
    let argument = |index, operator, value| {
        SeccompRule::new(vec![SeccompCondition::new(index, SeccompCmpArgLen::Dword, operator, value)?])
    };
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    // New threads, not new processes. clone3 hides its flags from a filter: the C library takes clone when it is told that there
    // is none, which is why the answer to everything else is ENOSYS.
    let thread = libc::CLONE_THREAD as u64;
    rules.insert(libc::SYS_clone, vec![argument(0, SeccompCmpOp::MaskedEq(thread), thread)?]);
    // `abort` signals itself, and only itself.
    let own = u64::from(std::process::id());
    rules.insert(libc::SYS_tgkill, vec![argument(0, SeccompCmpOp::Eq, own)?]);
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Errno(libc::ENOSYS as u32),
        SeccompAction::Allow,
        std::env::consts::ARCH.try_into()?,
    )?;
    let program: BpfProgram = filter.try_into()?;
    seccompiler::apply_filter(&program).map_err(ShutInError::Filter)
}

const ALLOWED: &[i64] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_close,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_getrandom,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_clock_gettime,
    // Names of threads; what else it could do, no_new_privs and the limits already forbid.
    libc::SYS_prctl,
];
