//! The shim: reads one CNI call, hands it to the daemon with the pod's network namespace, and prints the answer. It decides nothing
//! and keeps nothing, except that a DEL which no daemon hears becomes a tombstone. No async, no logging: a runtime waits for it.

mod answer;
mod exchange;
mod undelivered;

use std::{
    ffi::OsString,
    io::{Read, Write},
    time::Instant,
};

/// One call from start to end; the exit code is zero or one. What cannot be read or served is answered with a CNI error object on
/// `stdout`.
pub fn run(variables: impl IntoIterator<Item = (OsString, OsString)>, stdin: impl Read, mut stdout: impl Write) -> u8 {
    let reply = answer::answer(variables, stdin, Instant::now());
    match stdout.write_all(&reply.stdout).and_then(|()| stdout.flush()) {
        Ok(()) => reply.exit,
        // Nobody reads, so nobody can be told but by the exit code.
        Err(_) => 1,
    }
}
