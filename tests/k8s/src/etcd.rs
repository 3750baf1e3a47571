//! One etcd, in memory where the machine has room there, so that no test waits for a disk.

use std::net::TcpListener;
use std::path::Path;

use anyhow::Context;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use crate::folder::program;
use crate::process::Process;
use crate::wait::answers;

#[derive(Debug)]
pub(crate) struct Etcd {
    _process: Process,
    port: u16,
    _data: tempfile::TempDir,
}

impl Etcd {
    pub async fn start(folder: &Path) -> anyhow::Result<Self> {
        let port = free_port()?;
        let memory = Path::new("/dev/shm");
        let data = if roomy(memory) { tempfile::tempdir_in(memory)? } else { tempfile::tempdir_in(folder)? };
        let client = format!("http://127.0.0.1:{port}");
        // A member alone dials no peer: where it says that it listens need not be true.
        let peer = "http://127.0.0.1:1";
        let arguments = [
            format!("--data-dir={}", data.path().display()),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            "--listen-peer-urls=http://127.0.0.1:0".to_owned(),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
            "--logger=zap".to_owned(),
            "--log-level=warn".to_owned(),
            "--snapshot-count=1000000".to_owned(),
        ];
        let mut process = Process::start(&program("etcd")?, arguments, [], &folder.join("etcd.log"))?;
        answers(&mut process, "etcd answers", async || Ok(revision(port).await.is_ok())).await?;
        Ok(Self { _process: process, port, _data: data })
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Forgets all history before now.
    pub async fn compact(&self) -> anyhow::Result<()> {
        let revision = revision(self.port).await?;
        call(self.port, "/v3/kv/compaction", &json!({"revision": revision, "physical": true})).await?;
        Ok(())
    }
}

async fn revision(port: u16) -> anyhow::Result<String> {
    let answer = call(port, "/v3/kv/range", &json!({"key": "Lw==", "count_only": true})).await?;
    Ok(answer.pointer("/header/revision").and_then(Value::as_str).context("no revision")?.to_owned())
}

async fn call(port: u16, path: &str, body: &Value) -> anyhow::Result<Value> {
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::builder().method(Method::POST).uri(path).header("host", "etcd");
    let body = Full::new(hyper::body::Bytes::from(serde_json::to_vec(body)?));
    let answer = sender.send_request(request.body(body)?).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    connection.abort();
    anyhow::ensure!(status.is_success(), "etcd: {status}: {}", String::from_utf8_lossy(&body));
    Ok(serde_json::from_slice(&body)?)
}

/// A port that nobody has now. Somebody may take it before we do, which then fails where it is used.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Whether a folder has 2 GiB for us: etcd writes its log in steps of 64 MiB.
fn roomy(folder: &Path) -> bool {
    rustix::fs::statvfs(folder).is_ok_and(|found| found.f_bavail.saturating_mul(found.f_frsize) > 2 << 30)
}
