//! A long way between a client and a server of this machine: everything arrives later, nothing is lost, and as
//! much as ever fits through.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// A running proxy.
#[derive(Debug)]
pub struct Proxy {
    /// On 127.0.0.1.
    pub port: u16,
    shut: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

/// Something that was sent, and when.
type Parcel = (Instant, Vec<u8>);

/// How many parcels are on the way at once before the sender has to wait: 64 MiB each way.
const ON_THE_WAY: usize = 1024;

impl Proxy {
    /// Stands before the server at `port`, each way taking half of `round_trip`.
    ///
    /// # Errors
    /// When the system has no port to give.
    pub fn start(port: u16, round_trip: Duration) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot listen")?;
        let own = listener.local_addr()?.port();
        let shut = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&shut);
        let listening = thread::Builder::new().spawn(move || {
            for client in listener.incoming().take_while(|_| !told.load(Ordering::Relaxed)).flatten() {
                thread::spawn(move || carry(client, port, round_trip / 2));
            }
        })?;
        Ok(Self { port: own, shut, listening: Some(listening) })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shut.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], self.port)));
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

fn carry(client: TcpStream, port: u16, way: Duration) {
    // The handshake goes there, back and there before the server says anything.
    sleep(way * 3);
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (Ok(client_too), Ok(server_too)) = (client.try_clone(), server.try_clone()) else { return };
    thread::spawn(move || one_way(server_too, client_too, way));
    one_way(client, server, way);
}

fn one_way(from: TcpStream, to: TcpStream, way: Duration) {
    let (send, arrive) = sync_channel(ON_THE_WAY);
    thread::spawn(move || deliver(&arrive, to, way));
    collect(from, &send);
}

fn collect(mut from: TcpStream, send: &SyncSender<Parcel>) {
    let mut part = vec![0; 64 * 1024];
    while let Ok(count) = from.read(&mut part) {
        if send.send((Instant::now(), part[..count].to_vec())).is_err() || count == 0 {
            return;
        }
    }
}

/// Hands over each parcel when its time has come; an empty one is the end.
fn deliver(arrive: &Receiver<Parcel>, mut to: TcpStream, way: Duration) {
    for (sent, part) in arrive {
        sleep((sent + way).saturating_duration_since(Instant::now()));
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
    fn everything_arrives_in_order_and_not_before_its_time() {
        let server = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let trip = Duration::from_millis(40);
        let proxy = Proxy::start(server.local_addr().unwrap().port(), trip).unwrap();
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
