//! Can two interfaces of two pods speak? A datagram there and back, from address to address, with nothing but sockets.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use super::space::Space;

/// Long enough for neighbour discovery on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(5);
/// A datagram may be lost while a neighbour is looked up, so it is sent again.
const RESEND: Duration = Duration::from_millis(100);

/// Sends from `from` in one namespace to `to` in the other until an echo comes back.
pub fn echo(client: &Space, from: IpAddr, server: &Space, to: IpAddr) -> anyhow::Result<()> {
    let listener = server.inside(move || Ok(bound(to)?))?;
    let speaker = client.inside(move || Ok(bound(from)?))?;
    let target = listener.local_addr()?;
    let echoing = thread::spawn(move || serve(&listener));
    let answer = ask(&speaker, target);
    // It ends by itself: its deadline is the same.
    drop(echoing.join());
    Ok(answer?)
}

fn bound(address: IpAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(SocketAddr::new(address, 0))?;
    socket.set_read_timeout(Some(RESEND))?;
    Ok(socket)
}

fn serve(socket: &UdpSocket) -> io::Result<()> {
    let end = Instant::now() + DEADLINE;
    let mut buffer = [0; 64];
    while Instant::now() < end {
        match socket.recv_from(&mut buffer) {
            Ok((length, from)) => {
                socket.send_to(buffer.get(..length).unwrap_or_default(), from)?;
                return Ok(());
            }
            Err(error) if is_timeout(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn ask(socket: &UdpSocket, target: SocketAddr) -> io::Result<()> {
    let start = Instant::now();
    let mut buffer = [0; 64];
    while start.elapsed() < DEADLINE {
        socket.send_to(b"nicety", target)?;
        match socket.recv_from(&mut buffer) {
            Ok((_, from)) if from == target => return Ok(()),
            Ok(_) => {}
            Err(error) if is_timeout(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, format!("no echo from {target} within {} s", DEADLINE.as_secs())))
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
