//! The real binary, executed as a runtime would, against a daemon of a few lines that speaks the real frame over a real socket.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot be set up fails")]

mod absent;
mod delivered;
mod refused;

use std::{
    fs::File,
    io::{IoSliceMut, Read, Write},
    mem::MaybeUninit,
    os::{
        fd::OwnedFd,
        unix::{
            fs::MetadataExt,
            net::{UnixListener, UnixStream},
        },
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use nicety_cni::frame::{Call, HEADER, Header, Kind, Reply};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde_json::Value;

/// A run directory with a socket path in it.
struct Run {
    directory: tempfile::TempDir,
}

/// What the daemon got from one shim.
struct Received {
    call: Call,
    /// Device and inode of the descriptor.
    netns: Option<(u64, u64)>,
}

/// How a shim ended.
struct Ended {
    exit: i32,
    stdout: String,
    stderr: String,
    took: Duration,
}

impl Run {
    fn new() -> Run {
        Run { directory: tempfile::tempdir().unwrap() }
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("cni.sock")
    }

    fn tombstones(&self) -> PathBuf {
        self.directory.path().join("tombstones")
    }

    fn listen(&self) -> UnixListener {
        UnixListener::bind(self.socket()).unwrap()
    }

    fn netconf(&self) -> String {
        let socket = self.socket();
        let socket = socket.display();
        format!(r#"{{"cniVersion":"1.1.0","name":"net","type":"nicety","network":"default","socket":"{socket}"}}"#)
    }

    fn call(&self, verb: &str) -> Ended {
        shim(&[("CNI_COMMAND", verb)], &self.netconf())
    }
}

impl Ended {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {} {}", self.stdout, self.stderr))
    }

    /// The code of an error that is printed as the specification wants it.
    fn code(&self) -> u64 {
        assert_eq!((self.exit, self.stderr.as_str()), (1, ""), "{}", self.stdout);
        self.json()["code"].as_u64().unwrap()
    }
}

/// Executes the shim for `c1`/`eth0` in this process's own network namespace; `changed` sets variables otherwise.
fn shim(changed: &[(&str, &str)], stdin: &str) -> Ended {
    let started = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_nicety-shim"));
    command.env_clear().env("RUNTIME_SECRET", "x").env("CNI_CONTAINERID", "c1").env("CNI_IFNAME", "eth0");
    command.env("CNI_NETNS", "/proc/self/ns/net").envs(changed.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A shim that refuses early does not read.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended {
        exit: output.status.code().unwrap(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
        took: started.elapsed(),
    }
}

/// Serves as many calls as there are replies; an absent reply ends the connection without one.
fn serve(listener: UnixListener, replies: Vec<Option<Reply>>) -> JoinHandle<Vec<Received>> {
    std::thread::spawn(move || {
        let one = |reply: Option<Reply>| {
            let mut stream = listener.accept().unwrap().0;
            let received = receive(&mut stream);
            if let Some(reply) = reply {
                stream.write_all(&reply.encode().unwrap()).unwrap();
            }
            received
        };
        replies.into_iter().map(one).collect()
    })
}

fn receive(stream: &mut UnixStream) -> Received {
    let mut header = [0; HEADER];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let parts = &mut [IoSliceMut::new(&mut header)];
    let got = recvmsg(&*stream, parts, &mut control, RecvFlags::CMSG_CLOEXEC).unwrap().bytes;
    assert_eq!(got, HEADER);
    let mut descriptors: Vec<OwnedFd> = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    let header = Header::decode(&header).unwrap();
    let mut body = vec![0; header.length];
    stream.read_exact(&mut body).unwrap();
    let netns = descriptors.pop().map(|descriptor| identity(&File::from(descriptor).metadata().unwrap()));
    assert!(descriptors.is_empty());
    assert_eq!(header.kind, if netns.is_some() { Kind::RequestWithNetns } else { Kind::Request });
    Received { call: Call::decode(&body).unwrap(), netns }
}

fn identity(metadata: &std::fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

fn identity_of(path: impl AsRef<Path>) -> (u64, u64) {
    identity(&std::fs::metadata(path).unwrap())
}
