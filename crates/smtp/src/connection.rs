//! A connection to an SMTP server: commands are written and replies read, each within a time limit.
//!
//! lettre's own connection is not used: it panics on an EHLO line of spaces, keeps what came in
//! clear before STARTTLS, and shows neither SIZE nor PIPELINING (0.11.23). Its commands, addresses
//! and builder are used.

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

/// The byte stream of a connection, encrypted or not.
#[derive(Debug)]
pub(crate) enum Stream {
    Plaintext(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection with the bytes that were read ahead.
#[derive(Debug)]
pub(crate) struct Connection(BufReader<Stream>);

/// The reason for which a connection can no longer be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionLost {
    /// The server closed the connection.
    #[error("the server closed the connection")]
    Closed,
    /// The network failed, for this reason.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The server did not answer within this time.
    #[error("the server did not answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The received bytes are not an SMTP reply.
    #[error("the server's answer cannot be read")]
    InvalidReply,
}

/// The longest line of a reply in bytes, and the largest number of lines (RFC 5321 §4.5.3.1.5 asks
/// for 512 bytes; some servers send more).
const MAX_LINE: u64 = 4096;
const MAX_LINES: usize = 128;

/// The number of bytes in one write, each of which has the time limit of a data block.
const WRITE_BLOCK: usize = 64 << 10;

impl Connection {
    pub(crate) fn new(stream: Stream) -> Self {
        Self(BufReader::with_capacity(4096, stream))
    }

    /// Reads one reply, within `limit`.
    pub(crate) async fn reply(&mut self, limit: Duration) -> Result<Reply, ConnectionLost> {
        let reply = timeout(limit, self.read()).await.unwrap_or(Err(ConnectionLost::TimedOut(limit)));
        telemetry::record_smtp_reply(reply.as_ref().ok().map(|reply| reply.code));
        reply
    }

    async fn read(&mut self) -> Result<Reply, ConnectionLost> {
        let mut reply: Option<Reply> = None;
        let mut buffer = Vec::new();
        for _ in 0..MAX_LINES {
            buffer.clear();
            let read = (&mut self.0).take(MAX_LINE).read_until(b'\n', &mut buffer).await;
            match read {
                Ok(0) => return Err(ConnectionLost::Closed),
                Ok(_) if !buffer.ends_with(b"\n") => {
                    let is_closed = buffer.len() < 4096;
                    return Err(if is_closed {
                        ConnectionLost::Closed
                    } else {
                        ConnectionLost::InvalidReply
                    });
                }
                Ok(_) => {}
                Err(error) => return Err(ConnectionLost::Broken(error.to_string())),
            }
            let line = ReplyLine::read(&buffer).ok_or(ConnectionLost::InvalidReply)?;
            let so_far = reply.get_or_insert_with(|| Reply { code: line.code, lines: Vec::new() });
            if so_far.code != line.code {
                return Err(ConnectionLost::InvalidReply);
            }
            so_far.lines.push(line.text);
            if line.is_last {
                return reply.ok_or(ConnectionLost::InvalidReply);
            }
        }
        Err(ConnectionLost::InvalidReply)
    }

    /// Writes commands, within `limit` for each block.
    pub(crate) async fn write(&mut self, bytes: &[u8], limit: Duration) -> Result<(), ConnectionLost> {
        self.write_all(bytes, limit).await.map_err(|(error, _)| error)
    }

    /// Writes all bytes.
    ///
    /// # Errors
    /// The reason, and the number of bytes at the end that were certainly not sent.
    pub(crate) async fn write_all(
        &mut self,
        bytes: &[u8],
        limit: Duration,
    ) -> Result<(), (ConnectionLost, usize)> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let block = &rest[..rest.len().min(WRITE_BLOCK)];
            match timeout(limit, self.0.get_mut().write(block)).await {
                Ok(Ok(0)) => return Err((ConnectionLost::Closed, rest.len())),
                Ok(Ok(written)) => rest = &rest[written..],
                Ok(Err(error)) => return Err((ConnectionLost::Broken(error.to_string()), rest.len())),
                Err(_) => return Err((ConnectionLost::TimedOut(limit), rest.len())),
            }
        }
        match timeout(limit, self.0.get_mut().flush()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err((ConnectionLost::Broken(error.to_string()), 0)),
            Err(_) => Err((ConnectionLost::TimedOut(limit), 0)),
        }
    }

    /// Returns the stream below.
    pub(crate) fn stream(&self) -> &Stream {
        self.0.get_ref()
    }

    /// Returns true if the server sent bytes that no command asked for.
    pub(crate) fn has_unread(&self) -> bool {
        !self.0.buffer().is_empty()
    }

    /// Returns true if the connection is open and no bytes are waiting: the next reply will answer
    /// the next command.
    pub(crate) async fn is_idle(&mut self) -> bool {
        // Polls once: a timer, even of zero duration, would cost a millisecond.
        let poll_once = |context: &mut Context<'_>| {
            Poll::Ready(Pin::new(&mut self.0).poll_fill_buf(context).is_pending())
        };
        std::future::poll_fn(poll_once).await
    }

    /// Returns the unencrypted stream, if nothing was read ahead from it.
    pub(crate) fn into_plaintext(self) -> Result<TcpStream, ConnectionLost> {
        match self.0.buffer().is_empty().then(|| self.0.into_inner()) {
            Some(Stream::Plaintext(stream)) => Ok(stream),
            _ => Err(ConnectionLost::InvalidReply),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plaintext(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Self::Plaintext(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plaintext(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plaintext(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
