//! A client of a few lines that shows exactly what a server answered: no redirects followed, no cookies.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// Longer than any page may take, shorter than a stuck test.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server on this machine.
#[derive(Debug, Clone, Copy)]
pub struct Http {
    address: SocketAddr,
}

/// What it answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Header names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub body: Vec<u8>,
}

impl Http {
    /// The server at a port of 127.0.0.1.
    #[must_use]
    pub fn local(port: u16) -> Self {
        Self { address: SocketAddr::from(([127, 0, 0, 1], port)) }
    }

    /// GETs a path.
    ///
    /// # Errors
    /// When the server cannot be reached or does not speak HTTP.
    pub fn get(&self, path: &str) -> Result<Answer> {
        self.get_as(path, "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
    }

    /// GETs a path as the given user agent.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub fn get_as(&self, path: &str, user_agent: &str) -> Result<Answer> {
        self.ask(&format!("GET {path} HTTP/1.1\r\nUser-Agent: {user_agent}\r\n"), b"")
    }

    /// POSTs a body.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Result<Answer> {
        let length = body.len();
        let head =
            format!("POST {path} HTTP/1.1\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n");
        self.ask(&head, body)
    }

    /// DELETEs a path.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub fn delete(&self, path: &str) -> Result<Answer> {
        self.ask(&format!("DELETE {path} HTTP/1.1\r\n"), b"")
    }

    /// Asks for anything: `headers` besides those that every request has.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in headers {
            ensure!(!value.contains(['\r', '\n']), "the header {name} has more than one line");
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        self.ask(&head, body)
    }

    fn ask(&self, head: &str, body: &[u8]) -> Result<Answer> {
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let head = format!("{head}Host: {}\r\nAccept: */*\r\nConnection: close\r\n\r\n", self.address);
        stream.write_all(&[head.as_bytes(), body].concat())?;
        Answer::parse(&read(&mut stream)?)
    }
}

/// Reads one answer: as long as it says it is, or to the end. Not every server closes when asked to.
fn read(stream: &mut TcpStream) -> Result<Vec<u8>> {
    let mut raw = Vec::new();
    let mut part = [0; 16 * 1024];
    loop {
        let count = stream.read(&mut part)?;
        raw.extend_from_slice(&part[..count]);
        if count == 0 || length(&raw).is_some_and(|length| raw.len() >= length) {
            return Ok(raw);
        }
    }
}

/// The length of the whole answer, once its headers are there, if they tell.
fn length(raw: &[u8]) -> Option<usize> {
    let answer = Answer::parse(raw).ok()?;
    let body: usize = answer.header("content-length")?.parse().ok()?;
    Some(raw.len() - answer.body.len() + body)
}

impl Answer {
    fn parse(raw: &[u8]) -> Result<Self> {
        let end =
            raw.windows(4).position(|w| w == b"\r\n\r\n").context("the answer has no end of headers")?;
        let head = std::str::from_utf8(&raw[..end])?;
        let mut lines = head.split("\r\n");
        let status =
            lines.next().and_then(|line| line.split(' ').nth(1)).context("no status line")?.parse()?;
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut answer = Self { status, headers, body: raw[end + 4..].to_vec() };
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = unchunk(&answer.body)?;
        }
        Ok(answer)
    }

    /// The value of a header, named in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn unchunk(mut rest: &[u8]) -> Result<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = rest.windows(2).position(|w| w == b"\r\n").context("a chunk has no length")?;
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end])?.trim(), 16)?;
        rest = &rest[end + 2..];
        if length == 0 {
            return Ok(whole);
        }
        ensure!(rest.len() >= length + 2, "a chunk is cut off");
        whole.extend_from_slice(&rest[..length]);
        rest = &rest[length + 2..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunked_answer_is_put_together() {
        let raw =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\n";
        let answer = Answer::parse(raw).unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (200, "Wikipedia"));
    }

    #[test]
    fn a_cut_answer_is_an_error() {
        assert!(Answer::parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nWiki").is_err());
        assert!(Answer::parse(b"HTTP/1.1 200 OK\r\n").is_err());
    }
}
