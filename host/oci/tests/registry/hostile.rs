//! Registries that are away, silent, slow, endless or want tokens: servers of our own that answer as we like.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use nicety_oci::{Credentials, Digest, Options, Reference, pull, push};

use crate::lab::{Registry, free_address, module, options, says};

/// Answers each connection by `answer`, given the request's path and head, as long as the test's process lives.
fn serve(answer: impl Fn(TcpStream, &str, &str) + Send + Sync + Clone + 'static) -> Reference {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer) = (stream.expect("a connection"), answer.clone());
            thread::spawn(move || {
                let (mut request, mut byte) = (Vec::new(), [0]);
                while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
                    request.push(byte[0]);
                }
                let request = String::from_utf8_lossy(&request).into_owned();
                answer(stream, request.split(' ').nth(1).unwrap_or_default(), &request);
            });
        }
    });
    let digest = Digest::of(b"whatever");
    format!("oci://{address}/a@{digest}").parse().expect("a reference")
}

/// Whoever is not read any more ends.
fn send(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    stream.write_all(bytes).is_ok()
}

fn empty(mut stream: TcpStream) {
    send(&mut stream, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}");
}

fn within(deadline: Duration) -> Options {
    Options { deadline, ..options() }
}

pub fn an_unreachable_registry_is_named_at_once() {
    let address = free_address();
    let at: Reference = format!("oci://{address}/a:v1").parse().expect("a reference");
    let begun = Instant::now();
    says(pull(&at, &options()), &format!("cannot reach registry `{address}`"));
    says(push(&at, &module("a"), &options()), &format!("cannot reach registry `{address}`"));
    let nowhere = "oci://registry.invalid/a:v1".parse().expect("a reference");
    says(pull(&nowhere, &within(Duration::from_secs(10))), "registry `registry.invalid`");
    assert!(begun.elapsed() < Duration::from_secs(15));
}

pub fn a_silent_registry_is_left_at_the_deadline() {
    let at = serve(|stream, _, _| {
        thread::sleep(Duration::from_secs(60));
        drop(stream);
    });
    let begun = Instant::now();
    says(pull(&at, &within(Duration::from_millis(500))), "did not answer in full within 0.5 s; hint: is it reachable");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

pub fn a_registry_that_drips_is_left_at_the_deadline() {
    let at = serve(|mut stream, path, _| {
        if !path.contains("/manifests/") {
            return empty(stream);
        }
        let mut alive = send(&mut stream, b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n");
        while alive {
            alive = send(&mut stream, b"x");
            thread::sleep(Duration::from_millis(50));
        }
    });
    let begun = Instant::now();
    says(pull(&at, &within(Duration::from_secs(1))), "did not answer in full within 1 s");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

/// Chunks without end, of which nobody knows the length beforehand.
fn endless(mut stream: TcpStream) {
    let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
    let mut alive = send(&mut stream, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    while alive {
        alive = send(&mut stream, &chunk);
    }
}

pub fn an_endless_manifest_is_not_read() {
    let at = serve(|stream, path, _| if path.contains("/manifests/") { endless(stream) } else { empty(stream) });
    says(pull(&at, &options()), "is larger than 1048576 bytes, the limit");
    let long = serve(|mut stream, path, _| {
        if !path.contains("/manifests/") {
            return empty(stream);
        }
        send(&mut stream, b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n");
        thread::sleep(Duration::from_secs(60));
    });
    says(pull(&long, &options()), "is larger than 1048576 bytes, the limit");
}

pub fn an_endless_module_is_not_read() {
    let descriptor =
        |kind: &str| format!(r#"{{"mediaType": "{kind}", "digest": "{}", "size": 1000}}"#, Digest::of(b"x"));
    let manifest = format!(
        r#"{{"schemaVersion": 2, "config": {}, "layers": [{}]}}"#,
        descriptor("application/vnd.wasm.config.v0+json"),
        descriptor("application/wasm")
    );
    let digest = Digest::of(manifest.as_bytes());
    let at = serve(move |mut stream, path, _| match path {
        path if path.contains("/manifests/") => {
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{manifest}", manifest.len());
            send(&mut stream, head.as_bytes());
        }
        path if path.contains("/blobs/") => endless(stream),
        _ => empty(stream),
    });
    says(pull(&at.pinned(&digest), &options()), "its manifest says 1000");
}

/// As the large public registries do it: who wants a manifest is sent to get a token for it.
pub fn a_token_is_asked_for_with_the_credentials_and_then_used() {
    let ours = module("behind a token");
    let manifest = format!(
        r#"{{"schemaVersion": 2, "config": {{"mediaType": "x", "digest": "x", "size": 1}}, "layers": [{{"mediaType": "application/wasm", "digest": "{}", "size": {}}}]}}"#,
        Digest::of(&ours),
        ours.len()
    );
    let digest = Digest::of(manifest.as_bytes());
    let at = serve(move |mut stream, path, head| {
        let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
        // alice:wonderland
        let alice = head.contains("authorization: Basic YWxpY2U6d29uZGVybGFuZA==");
        let asked =
            path.starts_with("/token?") && path.contains("scope=repository%3Aa%3Apull") && path.contains("service=s");
        let (status, body) = match path {
            _ if asked && alice => ("200 OK", br#"{"token": "rabbit"}"#.to_vec()),
            _ if asked => {
                ("401 Unauthorized", br#"{"errors": [{"code": "UNAUTHORIZED", "message": "who are you"}]}"#.to_vec())
            }
            _ if !head.contains("authorization: Bearer rabbit") => ("401 Unauthorized", Vec::new()),
            path if path.contains("/manifests/") => ("200 OK", manifest.clone().into_bytes()),
            _ => ("200 OK", ours.clone()),
        };
        let challenge = format!("www-authenticate: Bearer realm=\"http://{host}/token\",service=\"s\"");
        let head =
            format!("HTTP/1.1 {status}\r\n{challenge}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        send(&mut stream, &[head.as_bytes(), &body].concat());
    })
    .pinned(&digest);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.json");
    std::fs::write(&file, format!(r#"{{"auths": {{"{}": {{"auth": "YWxpY2U6d29uZGVybGFuZA=="}}}}}}"#, at.registry()))
        .expect("a file");
    let alice = Options { credentials: Credentials::File(file), ..Options::default() };
    assert_eq!(pull(&at, &alice).expect("pulled by alice").module, module("behind a token"));
    says(pull(&at, &options()), "refuses `a`: `UNAUTHORIZED who are you`; hint: `docker login");
}

pub fn a_call_from_an_async_runtime_works() {
    let registry = Registry::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let digest = runtime.block_on(async { push(&registry.at("a:v1"), &module("a"), &options()) });
    let pulled = runtime.block_on(async { pull(&registry.at("a").pinned(&digest.expect("pushed")), &options()) });
    assert_eq!(pulled.expect("pulled").module, module("a"));
}
