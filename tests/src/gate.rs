//! A gate between a client and a server of this machine: everything goes through at once, until one request, or the
//! answer to it, is to be held back.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};

/// What is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// The request: the server never hears of it.
    Request,
    /// The answer: the server has done it, and the client never hears of that.
    Answer,
    /// The answer, for which the connection ends: the client knows that it will not come.
    Cut,
    /// The answer, for which there is the page of a server in front that has lost its own: 502.
    Trouble,
}

/// A running gate.
#[derive(Debug)]
pub struct Gate {
    /// On 127.0.0.1.
    pub port: u16,
    watch: Arc<Mutex<Watch>>,
    shut: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Watch {
    /// Words of a request's head, and what of it is held.
    order: Option<(String, Hold)>,
    /// How many were held.
    held: usize,
}

const TROUBLE: &[u8] = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// What is held back on one connection.
#[derive(Debug, Default)]
struct Held {
    requests: AtomicBool,
    answers: AtomicBool,
    /// Whether the client hears of the end.
    cut: AtomicBool,
    /// Whether it hears of trouble before.
    trouble: AtomicBool,
}

impl Gate {
    /// Stands before the server at `port`, open.
    ///
    /// # Errors
    /// When the system has no port to give.
    pub fn start(port: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot listen")?;
        let own = listener.local_addr()?.port();
        let (watch, shut) = (Arc::<Mutex<Watch>>::default(), Arc::<AtomicBool>::default());
        let (seen, told) = (Arc::clone(&watch), Arc::clone(&shut));
        let listening = thread::Builder::new().spawn(move || {
            for client in listener.incoming().take_while(|_| !told.load(Ordering::Relaxed)).flatten() {
                let watch = Arc::clone(&seen);
                thread::spawn(move || carry(client, port, &watch));
            }
        })?;
        Ok(Self { port: own, watch, shut, listening: Some(listening) })
    }

    /// Holds back what belongs to every request from now on that says `words` in its head, and all that follows on its
    /// connection.
    pub fn hold(&self, words: &str, what: Hold) {
        *lock(&self.watch) = Watch { order: Some((words.to_owned(), what)), held: 0 };
    }

    /// How much is held back since [`Gate::hold`]: requests that did not go on, or answers that the server gave.
    #[must_use]
    pub fn held(&self) -> usize {
        lock(&self.watch).held
    }

    /// Lets new connections through. What is held stays so.
    pub fn open(&self) {
        lock(&self.watch).order = None;
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.shut.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], self.port)));
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

fn lock(watch: &Mutex<Watch>) -> std::sync::MutexGuard<'_, Watch> {
    watch.lock().unwrap_or_else(PoisonError::into_inner)
}

fn carry(client: TcpStream, port: u16, watch: &Arc<Mutex<Watch>>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (Ok(client_too), Ok(server_too)) = (client.try_clone(), server.try_clone()) else { return };
    let (held, watched) = (Arc::<Held>::default(), Arc::clone(watch));
    let both = Arc::clone(&held);
    let back = thread::spawn(move || answers(server_too, client_too, &both, &watched));
    requests(client, server, &held, watch);
    let _ = back.join();
}

/// From the client to the server. The words may lie over the edge of two reads.
fn requests(mut from: TcpStream, mut to: TcpStream, held: &Held, watch: &Mutex<Watch>) {
    let mut part = vec![0; 64 * 1024];
    let mut tail = Vec::new();
    while let Some(read) = more(&mut from, &mut part) {
        tail.extend_from_slice(read);
        decide(&tail, held, watch);
        tail.drain(..tail.len().saturating_sub(256));
        if !held.requests.load(Ordering::SeqCst) && to.write_all(read).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// Whether what was read is to be held back, or what will be answered to it.
fn decide(read: &[u8], held: &Held, watch: &Mutex<Watch>) {
    let mut watch = lock(watch);
    let Some((words, what)) = &watch.order else { return };
    if !read.windows(words.len().max(1)).any(|window| window == words.as_bytes()) {
        return;
    }
    match what {
        Hold::Answer | Hold::Cut | Hold::Trouble => {
            held.cut.store(*what != Hold::Answer, Ordering::SeqCst);
            held.trouble.store(*what == Hold::Trouble, Ordering::SeqCst);
            held.answers.store(true, Ordering::SeqCst);
        }
        Hold::Request => {
            if !held.requests.swap(true, Ordering::SeqCst) {
                watch.held += 1;
            }
        }
    }
}

/// From the server to the client, which hears nothing at all once answers are held, an end only if it is cut.
fn answers(mut from: TcpStream, mut to: TcpStream, held: &Held, watch: &Mutex<Watch>) {
    let mut part = vec![0; 64 * 1024];
    let mut counted = false;
    while let Some(read) = more(&mut from, &mut part) {
        if held.answers.load(Ordering::SeqCst) {
            lock(watch).held += usize::from(!std::mem::replace(&mut counted, true));
            if held.trouble.load(Ordering::SeqCst) {
                let _ = to.write_all(TROUBLE);
            }
            if held.cut.load(Ordering::SeqCst) {
                let _ = to.shutdown(Shutdown::Both);
                return;
            }
        } else if to.write_all(read).is_err() {
            break;
        }
    }
    if !counted {
        let _ = to.shutdown(Shutdown::Write);
    }
}

/// What comes next; none at the end.
fn more<'a>(from: &mut TcpStream, part: &'a mut [u8]) -> Option<&'a [u8]> {
    let count = from.read(part).ok().filter(|count| *count > 0)?;
    part.get(..count)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Http, until};

    /// A server that says how many requests it has had.
    fn server() -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                let mut part = [0; 4096];
                if stream.read(&mut part).unwrap() == 0 {
                    continue;
                }
                let body = format!("{number}");
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                stream.write_all((head + &body).as_bytes()).unwrap();
            }
        });
        port
    }

    #[test]
    fn a_cut_answer_never_comes() {
        let gate = Gate::start(server()).unwrap();
        gate.hold("/cut", Hold::Cut);
        assert!(Http::local(gate.port).get("/cut").is_err());
        assert_eq!(gate.held(), 1);
        gate.hold("/trouble", Hold::Trouble);
        assert_eq!(Http::local(gate.port).get("/trouble").unwrap().status, 502);
        assert_eq!(Http::local(gate.port).get("/other").unwrap().status, 200);
    }

    #[test]
    fn only_what_was_named_is_held() {
        let gate = Gate::start(server()).unwrap();
        let http = Http::local(gate.port);
        assert_eq!(http.get("/").unwrap().text(), "0");
        for (what, path) in [(Hold::Answer, "/held-answer"), (Hold::Request, "/held-request")] {
            gate.hold(path, what);
            assert!(http.get("/other").is_ok());
            assert_eq!(gate.held(), 0);
            let mut client = TcpStream::connect(("127.0.0.1", gate.port)).unwrap();
            write!(client, "GET {path} HTTP/1.1\r\n\r\n").unwrap();
            until("it to be held", Duration::from_secs(10), || Ok((gate.held() == 1).then_some(()))).unwrap();
            client.set_nonblocking(true).unwrap();
            assert_eq!(client.read(&mut [0; 1]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
            gate.open();
            drop(client);
            assert!(http.get(path).is_ok());
        }
    }
}
