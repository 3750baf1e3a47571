//! Asks the daemon on its admin socket. One request, one answer: HTTP/1.1 with `Connection: close`, so that the end of the stream is
//! the end of the answer.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use anyhow::{Context, bail};
use nicety_daemon::admin::view;
use serde::de::DeserializeOwned;

/// A live strategy over 100,000 endpoints is the longest.
const PATIENCE: Duration = Duration::from_secs(30);
const ANSWER_MAX: u64 = 256 << 20;

pub fn get<T: DeserializeOwned>(socket: &Path, path: &str) -> anyhow::Result<T> {
    ask(socket, &format!("GET {path} HTTP/1.1\r\nHost: nicety\r\nConnection: close\r\n\r\n"), &[])
}

pub fn post<T: DeserializeOwned>(socket: &Path, path: &str, body: &[u8]) -> anyhow::Result<T> {
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: nicety\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    ask(socket, &head, body)
}

fn ask<T: DeserializeOwned>(socket: &Path, head: &str, body: &[u8]) -> anyhow::Result<T> {
    let mut stream = UnixStream::connect(socket).map_err(|error| unreachable(socket, error))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream
        .take(ANSWER_MAX)
        .read_to_end(&mut answer)
        .with_context(|| format!("no whole answer from `{}`", socket.display()))?;
    let text = String::from_utf8(answer).context("the daemon's answer is not UTF-8")?;
    let (head, body) = text.split_once("\r\n\r\n").context("the daemon's answer is not HTTP")?;
    if head.split(' ').nth(1) == Some("200") {
        return serde_json::from_str(body).context("the daemon's answer is of another release");
    }
    match serde_json::from_str::<view::Error>(body) {
        Ok(view::Error { error }) => bail!("{error}"),
        Err(_) => bail!("the daemon answered `{}`", head.lines().next().unwrap_or_default()),
    }
}

fn unreachable(socket: &Path, error: io::Error) -> anyhow::Error {
    let hint = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            "is `nicety daemon` running? `--socket` names another one"
        }
        io::ErrorKind::PermissionDenied => "the socket is for the daemon's own user, which is root as a rule",
        _ => "",
    };
    let hint = if hint.is_empty() { String::new() } else { format!("; hint: {hint}") };
    anyhow::anyhow!("cannot reach the daemon at `{}`: {error}{hint}", socket.display())
}
