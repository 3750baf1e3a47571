//! The engine alone: what a caller waits for a decision over the socket, on a connection that it keeps.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use crate::{
    arguments::Result,
    measure::Samples,
    report::{Row, Target},
};

/// All fields of eight NICs.
const FACTS: &str = include_str!("eight-nics.json");
const STRATEGIES: &str = "nicSelection: {default: spread}\nstrategies: {spread: {policy: \"builtin:spread\"}}\n";
const FOLDER: &str = "/run/nicety-bench-engine";
const STARTS_WITHIN: Duration = Duration::from_secs(30);
const WARM_UP: usize = 500;
const DECISIONS: usize = 5_000;

pub fn answers(nicety: &Path) -> Result<Vec<Row>> {
    fs::create_dir_all(FOLDER)?;
    let (strategies, socket) = (format!("{FOLDER}/strategies.yaml"), format!("{FOLDER}/engine.sock"));
    fs::write(&strategies, STRATEGIES)?;
    let listen = format!("unix:{socket}");
    let started = Command::new(nicety).args(["engine", "--strategies", &strategies, "--listen", &listen]).spawn()?;
    let mut engine = Engine(started);
    let mut caller = Caller::connect(Path::new(&socket), &mut engine)?;
    let mut samples = Samples::default();
    for round in 0..WARM_UP + DECISIONS {
        let sample = caller.ask()?;
        if round >= WARM_UP {
            samples.push(sample);
        }
    }
    let row = |name: &str, share, target| Row {
        name: format!("engine's answer over its socket, 8 NICs{name}"),
        unit: "us",
        p50: samples.percentile(share).as_secs_f64() * 1e6,
        p95: None,
        peer: None,
        target,
    };
    Ok(vec![row("", 0.5, Target::AtMost(200.0)), row(", p99", 0.99, Target::None)])
}

/// Ends with the measurement, however it ends.
struct Engine(Child);

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        let _ = fs::remove_dir_all(FOLDER);
    }
}

struct Caller {
    stream: BufReader<UnixStream>,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Caller {
    /// As soon as the engine listens.
    fn connect(socket: &Path, engine: &mut Engine) -> Result<Caller> {
        let head = "POST /v1/decisions/nic-selection HTTP/1.1\r\nHost: nicety\r\nContent-Type: application/json\r\n";
        let request = format!("{head}Content-Length: {}\r\n\r\n{FACTS}", FACTS.len()).into_bytes();
        let end = Instant::now() + STARTS_WITHIN;
        loop {
            match UnixStream::connect(socket) {
                Ok(stream) => return Ok(Caller { stream: BufReader::new(stream), request, answer: Vec::new() }),
                Err(_) if Instant::now() < end && engine.0.try_wait()?.is_none() => {
                    thread::sleep(Duration::from_millis(20));
                }
                Err(error) => return Err(format!("the engine does not listen: {error}").into()),
            }
        }
    }

    /// From the first byte of the question to the last of the answer. Anything but a decision is an error.
    fn ask(&mut self) -> Result<Duration> {
        let started = Instant::now();
        self.stream.get_mut().write_all(&self.request)?;
        let (mut line, mut length, mut status) = (String::new(), 0, String::new());
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if status.is_empty() {
                line.clone_into(&mut status);
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        self.answer.resize(length, 0);
        self.stream.read_exact(&mut self.answer)?;
        let elapsed = started.elapsed();
        let answer = String::from_utf8_lossy(&self.answer);
        if !status.contains(" 200 ") || !answer.contains("\"outcome\":{\"decided\"") {
            return Err(format!("the engine answered `{status}`: {answer}").into());
        }
        Ok(elapsed)
    }
}
