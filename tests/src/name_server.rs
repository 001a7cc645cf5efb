//! A DNS server for a zone that a test defines: UDP on 127.0.0.1, no recursion, no network.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// A running name server, stopped when this is dropped.
#[derive(Debug)]
pub struct NameServer {
    /// The address on which it answers queries.
    pub address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Record data by name and numeric record type.
type Records = BTreeMap<(String, u16), Vec<Vec<u8>>>;

impl NameServer {
    /// Starts a server with these records, each a name, a type (`A`, `MX`, `PTR` or `TXT`) and a
    /// value in the syntax of zone files. The name of a `PTR` is the address itself.
    ///
    /// # Errors
    /// Fails when a record cannot be parsed, or no socket can be opened.
    pub fn start(zone: &[(String, &str, String)]) -> Result<Self> {
        let records = records(zone)?;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("no socket for a name server")?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let address = socket.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stop_too = Arc::clone(&stop);
        let thread = std::thread::spawn(move || serve(&socket, &records, &stop_too));
        Ok(Self { address, stop, thread: Some(thread) })
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn records(zone: &[(String, &str, String)]) -> Result<Records> {
    let mut records = Records::new();
    for (name, kind, value) in zone {
        let (name, number, data) = match *kind {
            "A" => (name.clone(), 1, value.parse::<Ipv4Addr>()?.octets().to_vec()),
            "PTR" => {
                let octets = name.parse::<Ipv4Addr>()?.octets();
                let reversed: Vec<_> = octets.iter().rev().map(u8::to_string).collect();
                (format!("{}.in-addr.arpa", reversed.join(".")), 12, labels(value)?)
            }
            "MX" => {
                let (preference, server) = value.split_once(' ').context("an MX has a preference")?;
                let preference = preference.parse::<u16>()?.to_be_bytes().to_vec();
                (name.clone(), 15, [preference, labels(server)?].concat())
            }
            "TXT" => (name.clone(), 16, texts(value)?),
            other => bail!("this name server has no {other} records"),
        };
        records.entry((name, number)).or_default().push(data);
    }
    Ok(records)
}

fn labels(name: &str) -> Result<Vec<u8>> {
    let mut data = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        data.push(u8::try_from(label.len()).context("a label is too long")?);
        data.extend_from_slice(label.as_bytes());
    }
    data.push(0);
    Ok(data)
}

/// Encodes a text as character strings of at most 255 bytes each (RFC 1035 §3.3.14).
fn texts(text: &str) -> Result<Vec<u8>> {
    let mut data = Vec::new();
    for piece in text.as_bytes().chunks(255) {
        data.push(u8::try_from(piece.len())?);
        data.extend_from_slice(piece);
    }
    Ok(data)
}

fn serve(socket: &UdpSocket, records: &Records, stop: &AtomicBool) {
    let names: BTreeSet<&str> = records.keys().map(|(name, _)| name.as_str()).collect();
    let mut question = [0; 1500];
    while !stop.load(Ordering::Relaxed) {
        let Ok((length, from)) = socket.recv_from(&mut question) else { continue };
        if let Some(answer) = question.get(..length).and_then(|question| answer(question, records, &names)) {
            let _ = socket.send_to(&answer, from);
        }
    }
}

/// Returns the response to a query (RFC 1035 §4.1); `None` if the packet is no query.
fn answer(question: &[u8], records: &Records, names: &BTreeSet<&str>) -> Option<Vec<u8>> {
    let mut name = Vec::new();
    let mut at = 12;
    loop {
        let length = usize::from(*question.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        name.push(String::from_utf8_lossy(question.get(at..at + length)?).to_ascii_lowercase());
        at += length;
    }
    let name = name.join(".");
    let kind = u16::from_be_bytes([*question.get(at)?, *question.get(at + 1)?]);
    let echoed = question.get(12..at + 4)?;
    let found = records.get(&(name.clone(), kind)).map(Vec::as_slice).unwrap_or_default();
    // A name exists if there are records below it.
    let known = names.iter().any(|other| **other == name || other.ends_with(&format!(".{name}")));
    let mut answer = question.get(..2)?.to_vec();
    answer.extend([0x85, if known { 0x80 } else { 0x83 }]);
    for count in [1, found.len(), 0, 0] {
        answer.extend(u16::try_from(count).ok()?.to_be_bytes());
    }
    answer.extend_from_slice(echoed);
    for data in found {
        answer.extend([0xc0, 12]);
        answer.extend(kind.to_be_bytes());
        answer.extend([0, 1, 0, 0, 0, 60]);
        answer.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
        answer.extend_from_slice(data);
    }
    Some(answer)
}
