//! One run of a plugin: a process with CNI variables and nothing else of ours, its configuration on standard input, an answer within
//! the deadline and of bounded length.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde::Deserialize;
use tracing::warn;

use super::trust::{self, Untrusted};

/// As much as we read ourselves.
const ANSWER_MAX: u64 = 1 << 20;
const COMPLAINT_MAX: u64 = 4 << 10;
/// Between two looks whether the process has ended. Plugins take some tens of milliseconds.
const LOOK: Duration = Duration::from_millis(2);
/// Where plugins find `iptables` and `nft`.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    #[error("cannot start it")]
    Start(#[source] io::Error),
    #[error("cannot talk to it")]
    Talk(#[source] io::Error),
    #[error("it did not end in time")]
    Late,
    /// In its own words.
    #[error("{msg} (code {code}){}", if details.is_empty() { String::new() } else { format!(": {details}") })]
    Refused { code: u32, msg: String, details: String },
    #[error("it ended with {status} and said: {said}")]
    Failed { status: ExitStatus, said: String },
}

#[derive(Deserialize)]
struct Refusal {
    code: u32,
    msg: String,
    #[serde(default)]
    details: String,
}

pub struct Call<'a> {
    directory: &'a Path,
    kind: &'a str,
    config: String,
    variables: BTreeMap<&'static str, String>,
}

impl<'a> Call<'a> {
    pub fn new(verb: &str, directory: &'a Path, kind: &'a str, config: &str) -> Call<'a> {
        let variables = BTreeMap::from([
            ("CNI_COMMAND", verb.to_owned()),
            ("CNI_PATH", directory.display().to_string()),
            ("PATH", PATH.to_owned()),
        ]);
        Call { directory, kind, config: config.to_owned(), variables }
    }

    pub fn with(mut self, variable: &'static str, value: &str) -> Call<'a> {
        self.variables.insert(variable, value.to_owned());
        self
    }

    /// What it printed. A process that is late is killed.
    pub fn run(self, deadline: Instant) -> Result<String, CallError> {
        let file: PathBuf = trust::file(self.directory, self.kind)?;
        let mut command = Command::new(file);
        command.env_clear().envs(&self.variables).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(CallError::Start)?;
        let told = tell(child.stdin.take(), self.config);
        let answer = hear(child.stdout.take(), ANSWER_MAX);
        let complaint = hear(child.stderr.take(), COMPLAINT_MAX);
        let ended = wait(&mut child, deadline);
        if ended.is_err() {
            // What it started may hold the pipes open; nobody waits for that.
            let _ = child.kill().and_then(|()| child.wait());
            return ended.map(|_| String::new());
        }
        let status = ended?;
        // A plugin that ends without reading is judged by what it says.
        let _ = told.join();
        let (answer, complaint) = (joined(answer)?, joined(complaint)?);
        if !complaint.trim().is_empty() {
            warn!(plugin = self.kind, said = complaint.trim(), "a delegate wrote to its standard error");
        }
        match (status.success(), serde_json::from_str::<Refusal>(&answer)) {
            (true, _) => Ok(answer),
            (false, Ok(Refusal { code, msg, details })) => Err(CallError::Refused { code, msg, details }),
            (false, Err(_)) => {
                let said = if answer.trim().is_empty() { complaint } else { answer };
                Err(CallError::Failed { status, said: said.trim().to_owned() })
            }
        }
    }
}

fn tell(to: Option<impl Write + Send + 'static>, text: String) -> JoinHandle<io::Result<()>> {
    thread::spawn(move || to.map_or(Ok(()), |mut to| to.write_all(text.as_bytes())))
}

fn hear(from: Option<impl Read + Send + 'static>, most: u64) -> JoinHandle<io::Result<Vec<u8>>> {
    thread::spawn(move || {
        let mut heard = Vec::new();
        let Some(mut from) = from else { return Ok(heard) };
        from.by_ref().take(most).read_to_end(&mut heard)?;
        // The rest is thrown away, so that a process with much to say can end.
        io::copy(&mut from, &mut io::sink())?;
        Ok(heard)
    })
}

fn joined(thread: JoinHandle<io::Result<Vec<u8>>>) -> Result<String, CallError> {
    let heard = thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread panicked")));
    heard.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).map_err(CallError::Talk)
}

fn wait(child: &mut Child, deadline: Instant) -> Result<ExitStatus, CallError> {
    loop {
        match child.try_wait().map_err(CallError::Talk)? {
            Some(status) => return Ok(status),
            None if Instant::now() >= deadline => return Err(CallError::Late),
            None => thread::sleep(LOOK),
        }
    }
}
