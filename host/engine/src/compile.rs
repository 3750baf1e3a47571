//! Compiling in a child process. A valid module of 250 KiB can take minutes and gigabytes to compile, so it happens where both have
//! a limit: the same binary, executed again, with nothing but three pipes.

mod child;

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Resource, Rlimit, pidfd_open, prlimit},
};

pub use child::child_main;

/// What of the child's complaint is kept, in bytes.
const MESSAGE_BYTES: u64 = 16 << 10;

/// How to start the child: a program whose `main` calls `child_main` for these arguments.
#[derive(Debug, Clone)]
pub struct CompileCommand {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
}

impl CompileCommand {
    /// This very binary, as `engine compile`; also when its file has been replaced since.
    pub fn this_binary() -> CompileCommand {
        CompileCommand { program: "/proc/self/exe".into(), arguments: vec!["engine".into(), "compile".into()] }
    }
}

/// What one compilation may use. It grows with the module, because a large one is no bomb for being large: what is made to be slow
/// is slow for its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Of the module.
    pub input_bytes: u64,
    /// Of the code.
    pub output_bytes: u64,
    /// Of all threads together.
    pub cpu_seconds: u64,
    /// Address space of the child, in bytes.
    pub memory_bytes: u64,
    pub wall: Duration,
    /// What each whole MiB of the module adds.
    pub per_mib: Growth,
}

/// What a whole MiB of a module adds to the limits of its compilation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    pub output_bytes: u64,
    pub cpu_seconds: u64,
    pub memory_bytes: u64,
    pub wall: Duration,
}

impl Default for CompileLimits {
    /// Policies of Rust are below 64 KiB and take 0.1 s, 25,000 small functions 1 s; JavaScript's are 1.6 MiB, and Python's 18 MiB
    /// that take 6 s. On a machine that shares its cores each second counts twice.
    fn default() -> CompileLimits {
        CompileLimits {
            input_bytes: 64 << 20,
            output_bytes: 64 << 20,
            cpu_seconds: 4,
            memory_bytes: 1 << 30,
            wall: Duration::from_secs(20),
            per_mib: Growth {
                output_bytes: 8 << 20,
                cpu_seconds: 2,
                memory_bytes: 64 << 20,
                wall: Duration::from_secs(4),
            },
        }
    }
}

impl CompileLimits {
    /// Those of a module of `bytes`.
    pub(crate) fn of(&self, bytes: u64) -> CompileLimits {
        let mib = bytes >> 20;
        let Growth { output_bytes, cpu_seconds, memory_bytes, wall } = self.per_mib;
        let grown = |base: u64, each: u64| base.saturating_add(each.saturating_mul(mib));
        CompileLimits {
            output_bytes: grown(self.output_bytes, output_bytes),
            cpu_seconds: grown(self.cpu_seconds, cpu_seconds),
            memory_bytes: grown(self.memory_bytes, memory_bytes),
            wall: self.wall.saturating_add(wall.saturating_mul(u32::try_from(mib).unwrap_or(u32::MAX))),
            ..*self
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    #[error("the module has {bytes} bytes and may have {limit}")]
    Input { bytes: u64, limit: u64 },
    #[error("cannot start the compiler `{}`", program.display())]
    Start { program: PathBuf, source: io::Error },
    #[error("cannot limit the compiler")]
    Limit(#[source] io::Error),
    #[error("the module is not valid: {message}")]
    Invalid { message: String },
    #[error("the module takes more than {seconds} s of CPU time to compile; hint: it is too large, or made to be slow")]
    Cpu { seconds: u64 },
    #[error("the module takes more than {bytes} bytes of memory to compile; hint: it is too large, or made to be")]
    Memory { bytes: u64 },
    #[error("compiling did not end within {seconds} s")]
    Deadline { seconds: u64 },
    #[error("the compiled code is larger than {limit} bytes")]
    Output { limit: u64 },
    #[error("the compiler ended with {status}: {message}")]
    Crashed { status: ExitStatus, message: String },
}

/// Compiles a component in a child; the answer is code for an engine with this crate's settings. Blocks for as long as it takes, at
/// most the wall time that `limits` give a module of this size.
pub fn in_child(command: &CompileCommand, module: &[u8], limits: &CompileLimits) -> Result<Vec<u8>, CompileError> {
    let bytes = module.len() as u64;
    if bytes > limits.input_bytes {
        return Err(CompileError::Input { bytes, limit: limits.input_bytes });
    }
    let limits = &limits.of(bytes);
    let mut child = Command::new(&command.program)
        .args(&command.arguments)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| CompileError::Start { program: command.program.clone(), source })?;
    // The child waits for its input, so nothing is compiled before its limits stand.
    let ended = match limit(&child, limits) {
        Ok(()) => converse(&mut child, module, limits),
        Err(error) => Err(CompileError::Limit(error)),
    };
    if ended.is_err() {
        // It may have ended by itself just now, and then there is nothing left to kill.
        let _ = child.kill();
        let _ = child.wait();
    }
    let Ended { status, code, message } = ended?;
    judge(status, code, message, limits)
}

struct Ended {
    status: ExitStatus,
    /// None: more than the limit.
    code: Option<Vec<u8>>,
    message: String,
}

fn limit(child: &Child, limits: &CompileLimits) -> io::Result<()> {
    let pid = pid(child)?;
    let at = |soft: u64, hard: u64| Rlimit { current: Some(soft), maximum: Some(hard) };
    // At the soft limit the kernel says SIGXCPU, which tells us why; at the hard one it kills.
    prlimit(Some(pid), Resource::Cpu, at(limits.cpu_seconds, limits.cpu_seconds.saturating_add(1)))?;
    prlimit(Some(pid), Resource::As, at(limits.memory_bytes, limits.memory_bytes))?;
    prlimit(Some(pid), Resource::Fsize, at(0, 0))?;
    prlimit(Some(pid), Resource::Core, at(0, 0))?;
    Ok(())
}

fn pid(child: &Child) -> io::Result<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or_else(|| io::Error::other("not a process id"))
}

/// Feeds the child and listens to it, until it has ended or its time is over.
fn converse(child: &mut Child, module: &[u8], limits: &CompileLimits) -> Result<Ended, CompileError> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        // A child that ends early closes its pipes; its status says why.
        scope.spawn(move || stdin.map(|mut pipe| pipe.write_all(module)));
        let code = scope.spawn(move || read(stdout, limits.output_bytes));
        let message = scope.spawn(move || read(stderr, MESSAGE_BYTES));
        let status = wait(child, limits.wall);
        if status.is_err() {
            let _ = child.kill();
        }
        let join = |thread: thread::ScopedJoinHandle<'_, Vec<u8>>| thread.join().unwrap_or_default();
        let (code, message) = (join(code), join(message));
        Ok(Ended {
            status: status?,
            code: (code.len() as u64 <= limits.output_bytes).then_some(code),
            message: String::from_utf8_lossy(&message).trim().to_owned(),
        })
    })
}

/// At most one byte more than `limit`, which is how the caller sees that there was more.
fn read(pipe: Option<impl Read>, limit: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // What was read before an error stays; a child that failed is judged by its status.
        let _ = pipe.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    }
    bytes
}

fn wait(child: &mut Child, wall: Duration) -> Result<ExitStatus, CompileError> {
    let deadline = Instant::now() + wall;
    let ended = pid(child).and_then(|pid| Ok(pidfd_open(pid, PidfdFlags::empty())?)).map_err(CompileError::Limit)?;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(&ended, PollFlags::IN)], Some(&timeout)) {
            Ok(0) => return Err(CompileError::Deadline { seconds: wall.as_secs() }),
            Ok(_) => return child.wait().map_err(CompileError::Limit),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(CompileError::Limit(error.into())),
        }
    }
}

fn judge(
    status: ExitStatus,
    code: Option<Vec<u8>>,
    message: String,
    limits: &CompileLimits,
) -> Result<Vec<u8>, CompileError> {
    let Some(code) = code else { return Err(CompileError::Output { limit: limits.output_bytes }) };
    if status.success() {
        return Ok(code);
    }
    if matches!(status.signal(), Some(libc::SIGXCPU)) {
        return Err(CompileError::Cpu { seconds: limits.cpu_seconds });
    }
    // Rust's own words for a failed allocation, and the kernel's for a failed mapping.
    if message.contains("memory allocation of") || message.contains("Cannot allocate memory") {
        return Err(CompileError::Memory { bytes: limits.memory_bytes });
    }
    if status.code() == Some(child::INVALID) {
        return Err(CompileError::Invalid { message });
    }
    Err(CompileError::Crashed { status, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_of_python_gets_time_and_a_small_bomb_does_not() {
        let limits = CompileLimits::default();
        assert_eq!(limits.of(250 << 10), limits);
        assert_eq!(limits.of((1 << 20) - 1).cpu_seconds, 4);
        let python = limits.of(18 << 20);
        assert_eq!((python.cpu_seconds, python.memory_bytes), (40, (1 << 30) + ((18 * 64) << 20)));
        assert_eq!(python.wall, Duration::from_secs(92));
        assert_eq!(limits.of(u64::MAX).cpu_seconds, 4 + 2 * (u64::MAX >> 20), "which is refused for its size");
    }
}
