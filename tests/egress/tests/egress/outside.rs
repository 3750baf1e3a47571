//! The server outside. Whoever connects is told from where; whoever sends a datagram as well. It logs all of them.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use crate::{
    cluster::{FAR, OTHER, SERVER},
    lab::Pod,
};

pub const PORT: u16 = 8080;
const PATIENCE: Duration = Duration::from_secs(3);

/// Sources, with the number of packets or connections from each.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<BTreeSet<IpAddr>>>);

impl Log {
    fn see(&self, peer: SocketAddr) {
        self.0.lock().unwrap().insert(peer.ip().to_canonical());
    }

    pub fn sources(&self) -> BTreeSet<IpAddr> {
        self.0.lock().unwrap().clone()
    }
}

/// Serves until the process ends; sockets stay in the namespace where they were born.
pub fn serve(server: &Pod) -> Log {
    let log = Log::default();
    // One per address: an answer comes from where the question went.
    let bind = |address: &str| UdpSocket::bind((address.parse::<IpAddr>().unwrap(), PORT)).expect("a socket");
    let (tcp, udp): (TcpListener, Vec<UdpSocket>) = server.inside(|| {
        let tcp = TcpListener::bind(("::", PORT)).expect("a listener");
        (tcp, [SERVER, FAR, OTHER].iter().flatten().map(|address| bind(address)).collect())
    });
    let seen = log.clone();
    thread::spawn(move || {
        for stream in tcp.incoming().map_while(Result::ok) {
            let seen = seen.clone();
            thread::spawn(move || answer(stream, &seen));
        }
    });
    for socket in udp {
        let seen = log.clone();
        thread::spawn(move || {
            let mut buffer = [0; 2048];
            while let Ok((_, peer)) = socket.recv_from(&mut buffer) {
                seen.see(peer);
                drop(socket.send_to(peer.ip().to_canonical().to_string().as_bytes(), peer));
            }
        });
    }
    log
}

/// One line: from where. Then everything comes back.
fn answer(mut stream: TcpStream, log: &Log) {
    let Ok(peer) = stream.peer_addr() else { return };
    log.see(peer);
    let mut buffer = [0; 65536];
    if writeln!(stream, "{}", peer.ip().to_canonical()).is_err() {
        return;
    }
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

/// A connection that goes on.
pub struct Talk {
    reader: BufReader<TcpStream>,
    pub from: String,
}

impl Talk {
    pub fn begin(pod: &Pod, to: &str) -> Option<Talk> {
        Talk::to(pod, SocketAddr::new(to.parse().unwrap(), PORT))
    }

    pub fn to(pod: &Pod, to: SocketAddr) -> Option<Talk> {
        let stream = pod.inside(|| TcpStream::connect_timeout(&to, PATIENCE)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        Some(Talk { reader, from: line.trim().to_owned() })
    }

    /// Whether a word comes back.
    pub fn goes_on(&mut self) -> bool {
        let mut line = String::new();
        self.reader.get_mut().write_all(b"still there?\n").is_ok()
            && self.reader.read_line(&mut line).is_ok()
            && line == "still there?\n"
    }

    /// Sends so much and reads it back.
    pub fn carries(&mut self, bytes: usize) -> bool {
        let mut writer = self.reader.get_ref().try_clone().unwrap();
        let sent: Vec<u8> = (0..bytes).map(|at| (at % 251) as u8).collect();
        let copy = sent.clone();
        let writing = thread::spawn(move || writer.write_all(&copy).is_ok());
        let mut back = vec![0; bytes];
        let read = self.reader.read_exact(&mut back).is_ok();
        writing.join().unwrap() && read && back == sent
    }
}

/// From where a new connection comes; None: it does not come.
pub fn tcp(pod: &Pod, to: &str) -> Option<String> {
    Talk::begin(pod, to).map(|talk| talk.from)
}

/// From where a datagram comes, and whether its answer comes back. None: it does not.
pub fn udp(pod: &Pod, to: &str) -> Option<String> {
    let to = SocketAddr::new(to.parse().unwrap(), PORT);
    let any: SocketAddr = if to.is_ipv4() { "0.0.0.0:0".parse().unwrap() } else { "[::]:0".parse().unwrap() };
    let socket = pod.inside(|| UdpSocket::bind(any)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    for _ in 0..3 {
        socket.send_to(b"?", to).ok()?;
        let mut buffer = [0; 64];
        if let Ok((length, _)) = socket.recv_from(&mut buffer) {
            return Some(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
    }
    None
}
