//! A TCP proxy on loopback that adds latency: all bytes arrive later, nothing is lost, and
//! bandwidth is not limited.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// A running proxy in front of one server. Dropping it stops new connections.
#[derive(Debug)]
pub struct LatencyProxy {
    /// The port of 127.0.0.1 on which the proxy listens.
    pub port: u16,
    shut: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

/// The time of a read, and the bytes that were read.
type Chunk = (Instant, Vec<u8>);

/// The number of chunks in flight before the sender has to wait: 64 MiB each delay.
const MAX_CHUNKS_IN_FLIGHT: usize = 1024;

impl LatencyProxy {
    /// Starts a proxy for the server at `port`; each direction takes half of `round_trip`.
    ///
    /// # Errors
    /// Fails when the system has no free port.
    pub fn start(port: u16, round_trip: Duration) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot listen")?;
        let own = listener.local_addr()?.port();
        let shut = Arc::new(AtomicBool::new(false));
        let shut_too = Arc::clone(&shut);
        let listening = thread::Builder::new().spawn(move || {
            for client in listener.incoming().take_while(|_| !shut_too.load(Ordering::Relaxed)).flatten() {
                thread::spawn(move || forward(client, port, round_trip / 2));
            }
        })?;
        Ok(Self { port: own, shut, listening: Some(listening) })
    }
}

impl Drop for LatencyProxy {
    fn drop(&mut self) {
        self.shut.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], self.port)));
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

fn forward(client: TcpStream, port: u16, delay: Duration) {
    // The TCP handshake takes three one-delay trips before the server sends anything.
    sleep(delay * 3);
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (Ok(client_too), Ok(server_too)) = (client.try_clone(), server.try_clone()) else { return };
    thread::spawn(move || forward_one_way(server_too, client_too, delay));
    forward_one_way(client, server, delay);
}

fn forward_one_way(from: TcpStream, to: TcpStream, delay: Duration) {
    let (send, arrive) = sync_channel(MAX_CHUNKS_IN_FLIGHT);
    thread::spawn(move || write_delayed(&arrive, to, delay));
    read_all(from, &send);
}

fn read_all(mut from: TcpStream, send: &SyncSender<Chunk>) {
    let mut part = vec![0; 64 * 1024];
    while let Ok(count) = from.read(&mut part) {
        if send.send((Instant::now(), part[..count].to_vec())).is_err() || count == 0 {
            return;
        }
    }
}

/// Writes each chunk when its delay has passed; an empty chunk marks the end of the stream.
fn write_delayed(arrive: &Receiver<Chunk>, mut to: TcpStream, delay: Duration) {
    for (sent, part) in arrive {
        sleep((sent + delay).saturating_duration_since(Instant::now()));
        if part.is_empty() || to.write_all(&part).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_arrives_in_order_and_delayed() {
        let server = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let trip = Duration::from_millis(40);
        let proxy = LatencyProxy::start(server.local_addr().unwrap().port(), trip).unwrap();
        let echo = thread::spawn(move || {
            let (mut stream, _) = server.accept().unwrap();
            let mut whole = Vec::new();
            stream.read_to_end(&mut whole).unwrap();
            stream.write_all(&whole).unwrap();
        });
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port)).unwrap();
        let start = Instant::now();
        let whole: Vec<u8> = (0..300_000_u32).map(|number| (number % 251) as u8).collect();
        client.write_all(&whole).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut back = Vec::new();
        client.read_to_end(&mut back).unwrap();
        assert!(start.elapsed() >= trip * 2, "{:?}", start.elapsed());
        assert!(back == whole, "{} bytes came back", back.len());
        echo.join().unwrap();
    }
}
