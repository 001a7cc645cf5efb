//! A connection to an SMTP server: lines out, replies in, each within its time.
//!
//! lettre's own connection is not used: it panics on an EHLO line of spaces, keeps what came in
//! clear before STARTTLS, and shows neither SIZE nor PIPELINING (0.11.23). Its commands, addresses
//! and builder are.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf,
};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use crate::reply::{Reply, ReplyLine};

/// The bytes of a connection, in clear or not.
#[derive(Debug)]
pub(crate) enum Wire {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection and what was read from it in advance.
#[derive(Debug)]
pub(crate) struct Line(BufReader<Wire>);

/// A connection that can be used no more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// By the server.
    #[error("the server closed the connection")]
    Closed,
    /// By the network.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// No answer within this time.
    #[error("the server did not answer within {} s", .0.as_secs())]
    Slow(Duration),
    /// What came is no reply of SMTP.
    #[error("the server's answer cannot be read")]
    Garbled,
}

/// The longest line and the most lines of a reply (RFC 5321 §4.5.3.1.5 asks for 512 bytes; some
/// send more).
const MAX_LINE: u64 = 4096;
const MAX_LINES: usize = 128;

/// How much is written at once, each within the time of a data block.
const BLOCK: usize = 64 << 10;

impl Line {
    pub(crate) fn new(wire: Wire) -> Self {
        Self(BufReader::with_capacity(4096, wire))
    }

    /// The reply to what was written.
    pub(crate) async fn reply(&mut self, limit: Duration) -> Result<Reply, Lost> {
        let reply = timeout(limit, self.read()).await.unwrap_or(Err(Lost::Slow(limit)));
        telemetry::record_smtp_reply(reply.as_ref().ok().map(|reply| reply.code));
        reply
    }

    async fn read(&mut self) -> Result<Reply, Lost> {
        let mut reply: Option<Reply> = None;
        let mut buffer = Vec::new();
        for _ in 0..MAX_LINES {
            buffer.clear();
            let read = (&mut self.0).take(MAX_LINE).read_until(b'\n', &mut buffer).await;
            match read {
                Ok(0) => return Err(Lost::Closed),
                Ok(_) if !buffer.ends_with(b"\n") => {
                    return Err(if buffer.len() < 4096 { Lost::Closed } else { Lost::Garbled });
                }
                Ok(_) => {}
                Err(error) => return Err(Lost::Broken(error.to_string())),
            }
            let line = ReplyLine::read(&buffer).ok_or(Lost::Garbled)?;
            let so_far = reply.get_or_insert_with(|| Reply { code: line.code, lines: Vec::new() });
            if so_far.code != line.code {
                return Err(Lost::Garbled);
            }
            so_far.lines.push(line.text);
            if line.is_last {
                return reply.ok_or(Lost::Garbled);
            }
        }
        Err(Lost::Garbled)
    }

    /// Writes commands.
    pub(crate) async fn write(&mut self, bytes: &[u8], limit: Duration) -> Result<(), Lost> {
        self.write_all(bytes, limit).await.map_err(|(lost, _)| lost)
    }

    /// Writes all, or says how much at the end was certainly never on its way.
    pub(crate) async fn write_all(&mut self, bytes: &[u8], limit: Duration) -> Result<(), (Lost, usize)> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let block = &rest[..rest.len().min(BLOCK)];
            match timeout(limit, self.0.get_mut().write(block)).await {
                Ok(Ok(0)) => return Err((Lost::Closed, rest.len())),
                Ok(Ok(written)) => rest = &rest[written..],
                Ok(Err(error)) => return Err((Lost::Broken(error.to_string()), rest.len())),
                Err(_) => return Err((Lost::Slow(limit), rest.len())),
            }
        }
        match timeout(limit, self.0.get_mut().flush()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err((Lost::Broken(error.to_string()), 0)),
            Err(_) => Err((Lost::Slow(limit), 0)),
        }
    }

    /// The bytes below.
    pub(crate) fn wire(&self) -> &Wire {
        self.0.get_ref()
    }

    /// Whether the server said something that nobody asked for.
    pub(crate) fn has_unread(&self) -> bool {
        !self.0.buffer().is_empty()
    }

    /// Whether the connection stands and nothing is waiting on it: the next reply answers the next
    /// command.
    pub(crate) async fn is_quiet(&mut self) -> bool {
        // Looks once: a timer, even of no time, would cost a millisecond.
        let look = |context: &mut Context<'_>| {
            Poll::Ready(Pin::new(&mut self.0).poll_fill_buf(context).is_pending())
        };
        std::future::poll_fn(look).await
    }

    /// The bytes below, if nothing was read from them in advance.
    pub(crate) fn into_clear(self) -> Result<TcpStream, Lost> {
        match self.0.buffer().is_empty().then(|| self.0.into_inner()) {
            Some(Wire::Clear(stream)) => Ok(stream),
            _ => Err(Lost::Garbled),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
