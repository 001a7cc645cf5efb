//! A minimal HTTP/1.1 client that returns responses unmodified: it follows no redirects and keeps
//! no cookies.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// The timeout of a request: longer than any page may take, shorter than the limit of a stuck test.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A client of one server on this machine.
#[derive(Debug, Clone, Copy)]
pub struct HttpClient {
    address: SocketAddr,
}

/// An HTTP response, with a chunked body already decoded.
#[derive(Debug, Clone)]
pub struct HttpResponse {
    /// The HTTP status code.
    pub status: u16,
    /// Header names in lower case, with their values, in the order received.
    pub headers: Vec<(String, String)>,
    /// The body bytes as they were received.
    pub body: Vec<u8>,
}

impl HttpClient {
    /// Creates a client of the server at a port of 127.0.0.1.
    #[must_use]
    pub fn local(port: u16) -> Self {
        Self { address: SocketAddr::from(([127, 0, 0, 1], port)) }
    }

    /// Sends a GET request with the user agent of Firefox.
    ///
    /// # Errors
    /// Fails when the server cannot be reached or does not speak HTTP.
    pub fn get(&self, path: &str) -> Result<HttpResponse> {
        self.get_as(path, "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
    }

    /// Sends a GET request with the given user agent.
    ///
    /// # Errors
    /// As [`HttpClient::get`].
    pub fn get_as(&self, path: &str, user_agent: &str) -> Result<HttpResponse> {
        self.request(&format!("GET {path} HTTP/1.1\r\nUser-Agent: {user_agent}\r\n"), b"")
    }

    /// Sends a POST request with a body.
    ///
    /// # Errors
    /// As [`HttpClient::get`].
    pub fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Result<HttpResponse> {
        let length = body.len();
        let head =
            format!("POST {path} HTTP/1.1\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n");
        self.request(&head, body)
    }

    /// Sends a DELETE request.
    ///
    /// # Errors
    /// As [`HttpClient::get`].
    pub fn delete(&self, path: &str) -> Result<HttpResponse> {
        self.request(&format!("DELETE {path} HTTP/1.1\r\n"), b"")
    }

    /// Sends a request of any method; `headers` are sent besides those that every request has.
    ///
    /// # Errors
    /// As [`HttpClient::get`].
    pub fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<HttpResponse> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in headers {
            ensure!(!value.contains(['\r', '\n']), "the header {name} has more than one line");
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        self.request(&head, body)
    }

    fn request(&self, head: &str, body: &[u8]) -> Result<HttpResponse> {
        let mut stream = TcpStream::connect_timeout(&self.address, TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        let head = format!("{head}Host: {}\r\nAccept: */*\r\nConnection: close\r\n\r\n", self.address);
        stream.write_all(&[head.as_bytes(), body].concat())?;
        HttpResponse::parse(&read(&mut stream)?)
    }
}

/// Reads one response: as many bytes as its Content-Length says, or to the end of the stream. Not
/// every server closes the connection when asked to.
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

/// Returns the length of the whole response in bytes, once its headers are complete and state one.
fn length(raw: &[u8]) -> Option<usize> {
    let answer = HttpResponse::parse(raw).ok()?;
    let body: usize = answer.header("content-length")?.parse().ok()?;
    Some(raw.len() - answer.body.len() + body)
}

impl HttpResponse {
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

    /// Returns the value of a header; `name` is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the body as text, with invalid UTF-8 replaced.
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
    fn a_chunked_response_is_decoded() {
        let raw =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\n";
        let answer = HttpResponse::parse(raw).unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (200, "Wikipedia"));
    }

    #[test]
    fn a_truncated_response_is_an_error() {
        assert!(
            HttpResponse::parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nWiki").is_err()
        );
        assert!(HttpResponse::parse(b"HTTP/1.1 200 OK\r\n").is_err());
    }
}
