//! A fault-injecting TCP proxy on loopback: it forwards everything, until a rule
//! suppresses certain HTTP requests or the responses to them.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};

/// A fault that [`FaultProxy`] injects into an HTTP exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyFault {
    /// Drops the request: the server never receives it.
    HoldRequest,
    /// Drops the response and keeps the connection open: the server has processed the request, and
    /// the client waits.
    HoldResponse,
    /// Drops the response and closes the connection: the client knows that no response will come.
    CloseConnection,
    /// Replaces the response by 502 Bad Gateway, as from a reverse proxy that lost its backend.
    BadGateway,
}

/// A running proxy in front of one server. Dropping it stops new connections.
#[derive(Debug)]
pub struct FaultProxy {
    /// The port of 127.0.0.1 on which the proxy listens.
    pub port: u16,
    rule: Arc<Mutex<FaultRule>>,
    shut: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct FaultRule {
    /// A text in the head of the affected requests, and the fault for them.
    fault: Option<(String, ProxyFault)>,
    /// The number of requests or responses suppressed since the rule was set.
    count: usize,
}

const BAD_GATEWAY: &[u8] = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// The faults that are active on one connection.
#[derive(Debug, Default)]
struct ActiveFaults {
    suppress_requests: AtomicBool,
    suppress_responses: AtomicBool,
    /// True if the client's connection is closed after a suppressed response.
    close: AtomicBool,
    /// True if the client gets a 502 response first.
    bad_gateway: AtomicBool,
}

impl FaultProxy {
    /// Starts a proxy for the server at `port`, without any fault.
    ///
    /// # Errors
    /// Fails when the system has no free port.
    pub fn start(port: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot listen")?;
        let own = listener.local_addr()?.port();
        let (rule, shut) = (Arc::<Mutex<FaultRule>>::default(), Arc::<AtomicBool>::default());
        let (rule_too, shut_too) = (Arc::clone(&rule), Arc::clone(&shut));
        let listening = thread::Builder::new().spawn(move || {
            for client in listener.incoming().take_while(|_| !shut_too.load(Ordering::Relaxed)).flatten() {
                let rule = Arc::clone(&rule_too);
                thread::spawn(move || forward(client, port, &rule));
            }
        })?;
        Ok(Self { port: own, rule, shut, listening: Some(listening) })
    }

    /// Injects a fault into every request from now on whose head contains `text`, and into
    /// everything that follows on its connection.
    pub fn inject(&self, text: &str, fault: ProxyFault) {
        *lock(&self.rule) = FaultRule { fault: Some((text.to_owned(), fault)), count: 0 };
    }

    /// The number of requests or responses suppressed since [`FaultProxy::inject`].
    #[must_use]
    pub fn triggered(&self) -> usize {
        lock(&self.rule).count
    }

    /// Stops injecting faults into new connections. Suppressed exchanges stay suppressed.
    pub fn clear(&self) {
        lock(&self.rule).fault = None;
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shut.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], self.port)));
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

fn lock(rule: &Mutex<FaultRule>) -> std::sync::MutexGuard<'_, FaultRule> {
    rule.lock().unwrap_or_else(PoisonError::into_inner)
}

fn forward(client: TcpStream, port: u16, rule: &Arc<Mutex<FaultRule>>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (Ok(client_too), Ok(server_too)) = (client.try_clone(), server.try_clone()) else { return };
    let (faults, rule_too) = (Arc::<ActiveFaults>::default(), Arc::clone(rule));
    let both = Arc::clone(&faults);
    let back = thread::spawn(move || forward_responses(server_too, client_too, &both, &rule_too));
    forward_requests(client, server, &faults, rule);
    let _ = back.join();
}

/// Forwards from the client to the server. The text to look for may span two reads.
fn forward_requests(mut from: TcpStream, mut to: TcpStream, faults: &ActiveFaults, rule: &Mutex<FaultRule>) {
    let mut part = vec![0; 64 * 1024];
    let mut tail = Vec::new();
    while let Some(read) = read_some(&mut from, &mut part) {
        tail.extend_from_slice(read);
        activate_fault(&tail, faults, rule);
        tail.drain(..tail.len().saturating_sub(256));
        if !faults.suppress_requests.load(Ordering::SeqCst) && to.write_all(read).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// Activates the fault on this connection if `read` contains the text of the rule.
fn activate_fault(read: &[u8], faults: &ActiveFaults, rule: &Mutex<FaultRule>) {
    let mut rule = lock(rule);
    let Some((text, fault)) = &rule.fault else { return };
    if !read.windows(text.len().max(1)).any(|window| window == text.as_bytes()) {
        return;
    }
    match fault {
        ProxyFault::HoldResponse | ProxyFault::CloseConnection | ProxyFault::BadGateway => {
            faults.close.store(*fault != ProxyFault::HoldResponse, Ordering::SeqCst);
            faults.bad_gateway.store(*fault == ProxyFault::BadGateway, Ordering::SeqCst);
            faults.suppress_responses.store(true, Ordering::SeqCst);
        }
        ProxyFault::HoldRequest => {
            if !faults.suppress_requests.swap(true, Ordering::SeqCst) {
                rule.count += 1;
            }
        }
    }
}

/// Forwards from the server to the client. Once a response is suppressed the client receives
/// nothing more, and an end of connection only where the fault closes it.
fn forward_responses(mut from: TcpStream, mut to: TcpStream, faults: &ActiveFaults, rule: &Mutex<FaultRule>) {
    let mut part = vec![0; 64 * 1024];
    let mut counted = false;
    while let Some(read) = read_some(&mut from, &mut part) {
        if faults.suppress_responses.load(Ordering::SeqCst) {
            lock(rule).count += usize::from(!std::mem::replace(&mut counted, true));
            if faults.bad_gateway.load(Ordering::SeqCst) {
                let _ = to.write_all(BAD_GATEWAY);
            }
            if faults.close.load(Ordering::SeqCst) {
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

/// Reads the next bytes; `None` at the end of the stream.
fn read_some<'a>(from: &mut TcpStream, part: &'a mut [u8]) -> Option<&'a [u8]> {
    let count = from.read(part).ok().filter(|count| *count > 0)?;
    part.get(..count)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{HttpClient, until};

    /// A server that answers with the number of connections before.
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
    fn a_closed_connection_has_no_response() {
        let proxy = FaultProxy::start(server()).unwrap();
        proxy.inject("/cut", ProxyFault::CloseConnection);
        assert!(HttpClient::local(proxy.port).get("/cut").is_err());
        assert_eq!(proxy.triggered(), 1);
        proxy.inject("/trouble", ProxyFault::BadGateway);
        assert_eq!(HttpClient::local(proxy.port).get("/trouble").unwrap().status, 502);
        assert_eq!(HttpClient::local(proxy.port).get("/other").unwrap().status, 200);
    }

    #[test]
    fn only_matching_requests_are_suppressed() {
        let proxy = FaultProxy::start(server()).unwrap();
        let http = HttpClient::local(proxy.port);
        assert_eq!(http.get("/").unwrap().text(), "0");
        for (fault, path) in
            [(ProxyFault::HoldResponse, "/held-answer"), (ProxyFault::HoldRequest, "/held-request")]
        {
            proxy.inject(path, fault);
            assert!(http.get("/other").is_ok());
            assert_eq!(proxy.triggered(), 0);
            let mut client = TcpStream::connect(("127.0.0.1", proxy.port)).unwrap();
            write!(client, "GET {path} HTTP/1.1\r\n\r\n").unwrap();
            until("it to be held", Duration::from_secs(10), || Ok((proxy.triggered() == 1).then_some(())))
                .unwrap();
            client.set_nonblocking(true).unwrap();
            assert_eq!(client.read(&mut [0; 1]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
            proxy.clear();
            drop(client);
            assert!(http.get(path).is_ok());
        }
    }
}
