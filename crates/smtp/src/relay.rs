//! The relay that mail is handed to: its URL, and the SMTP conversation up to the first MAIL.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use egress::{TlsError, tls};
use lettre::transport::smtp::commands::{Ehlo, Starttls};
use lettre::transport::smtp::extension::ClientId;
use message::{SenderError, Timeouts};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use crate::connection::{Connection, ConnectionLost, Stream};
use crate::reply::Reply;

/// The reason for which there is no session with a relay, for the user. Nothing of a message was
/// sent.
#[derive(Debug)]
pub struct ConnectError {
    host: String,
    /// The failure of the server, such as `cannot be reached`.
    problem: Cow<'static, str>,
    cause: Option<Cause>,
}

/// The cause of a [`ConnectError`].
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// A network operation failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The connection ended during the conversation.
    #[error(transparent)]
    Lost(#[from] ConnectionLost),
    /// The server replied with another code than expected.
    #[error("{0}")]
    Reply(Box<Reply>),
    /// A time limit passed.
    #[error("it took too long")]
    TimedOut,
    /// The server's data went on where TLS had to begin: someone in between may have injected it.
    #[error("it sent more than TLS allows")]
    UnexpectedData,
    /// The host is not a name that a certificate can have.
    #[error(transparent)]
    InvalidName(#[from] rustls::pki_types::InvalidDnsNameError),
    /// TLS cannot be set up on this machine.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl std::fmt::Display for ConnectError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the server {} {}", self.host, self.problem)?;
        self.cause.as_ref().map_or(Ok(()), |cause| write!(f, ": {cause}"))
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().and_then(std::error::Error::source)
    }
}

/// An SMTP server that messages are handed to.
pub struct Relay {
    pub(crate) host: String,
    port: u16,
    pub(crate) security: Security,
    pub(crate) login: Option<(String, String)>,
    pub(crate) limits: Timeouts,
    tls: OnceLock<Result<Arc<ClientConfig>, TlsError>>,
    pub(crate) roots: Vec<rustls::pki_types::CertificateDer<'static>>,
    /// The size in bytes of the smallest message that the server refused as too big; `usize::MAX`
    /// if none.
    refused_size: AtomicUsize,
}

/// The point at which the connection becomes encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// From the first byte: `smtps://`.
    Implicit,
    /// By STARTTLS, without which nothing is sent.
    Required,
    /// By STARTTLS if the server offers it: `?tls=opportunistic`. Without it no password is sent.
    Opportunistic,
    /// Never, with everything in clear: `?tls=off`.
    Off,
}

/// A connection that is ready for MAIL, with the extensions of the server.
#[derive(Debug)]
pub(crate) struct ReadyConnection {
    pub(crate) connection: Connection,
    pub(crate) extensions: Extensions,
    /// The server's name in its reply to EHLO.
    pub(crate) name: String,
}

/// The extensions in the server's reply to EHLO.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Extensions {
    pub(crate) pipelining: bool,
    pub(crate) eight_bit: bool,
    /// The largest message in bytes; `Some(0)` if the server limits no size but accepts the SIZE
    /// parameter.
    pub(crate) size: Option<usize>,
    starttls: bool,
    plain: bool,
    login: bool,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

impl Relay {
    /// Reads `smtp://user:password@host:port?tls=off` or `smtps://…`.
    ///
    /// # Errors
    /// The URL cannot be used. The error never contains the URL, which holds a password.
    pub fn new(
        url: &str,
        roots: Vec<rustls::pki_types::CertificateDer<'static>>,
        limits: Timeouts,
    ) -> Result<Self, SenderError> {
        let url = Url::parse(url).map_err(|error| SenderError(format!("its url is not a URL: {error}")))?;
        let tls = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value.into_owned());
        let security = match (url.scheme(), tls.as_deref()) {
            ("smtps", None | Some("required")) => Security::Implicit,
            ("smtp", None | Some("required")) => Security::Required,
            ("smtp", Some("opportunistic")) => Security::Opportunistic,
            ("smtp", Some("off")) => Security::Off,
            ("smtp" | "smtps", Some(other)) => {
                return Err(SenderError(format!(
                    "`tls={other}` is not `required`, `opportunistic` or `off`"
                )));
            }
            _ => return Err(SenderError("its url does not start with smtp:// or smtps://".to_owned())),
        };
        let port = url.port().unwrap_or(match security {
            Security::Implicit => 465,
            Security::Required => 587,
            Security::Opportunistic | Security::Off => 25,
        });
        let host = host(&url).ok_or_else(|| SenderError("its url names no host".to_owned()))?;
        let login = (!url.username().is_empty())
            .then(|| (decoded(url.username()), decoded(url.password().unwrap_or_default())));
        Ok(Self {
            host,
            port,
            security,
            login,
            limits,
            tls: OnceLock::new(),
            roots,
            refused_size: AtomicUsize::new(usize::MAX),
        })
    }

    /// Returns the size from which messages are refused, as far as the server has shown.
    pub(crate) fn refused_size(&self) -> usize {
        self.refused_size.load(Ordering::Relaxed)
    }

    /// Records that the server refused a message of `size` bytes for any recipient.
    pub(crate) fn refuse_size(&self, size: usize) {
        self.refused_size.fetch_min(size, Ordering::Relaxed);
    }

    /// Connects, negotiates TLS and logs in.
    ///
    /// # Errors
    /// The session cannot be opened; nothing of a message was sent.
    pub(crate) async fn connect(&self) -> Result<ReadyConnection, ConnectError> {
        let connecting = timeout(self.limits.connect, TcpStream::connect((self.host.as_str(), self.port)));
        let stream = match connecting.await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(self.failed("cannot be reached", error)),
            Err(_) => return Err(self.failed("cannot be reached", Cause::TimedOut)),
        };
        // Without this a message waits up to 40 ms for the delayed acknowledgement of the last one.
        stream.set_nodelay(true).map_err(|error| self.failed("cannot be reached", error))?;
        let address = stream.local_addr().map_err(|error| self.failed("cannot be reached", error))?;
        let hello = Ehlo::new(client_id(address.ip())).to_string();
        let stream = if self.security == Security::Implicit {
            self.secure(stream).await?
        } else {
            Stream::Plaintext(stream)
        };
        let mut connection = Connection::new(stream);
        let greeting = connection
            .reply(self.limits.greeting)
            .await
            .map_err(|error| self.failed("did not greet", error))?;
        self.expect_code(&greeting, 220, "refuses the connection")?;
        let (mut extensions, mut name) = self.hello(&mut connection, &hello).await?;
        let mut is_secret = self.security == Security::Implicit;
        if extensions.starttls && matches!(self.security, Security::Required | Security::Opportunistic) {
            connection = self.start_tls(connection).await?;
            // RFC 3207 §4.2: what the server sent before TLS must be discarded.
            (extensions, name) = self.hello(&mut connection, &hello).await?;
            is_secret = true;
        }
        if !is_secret && self.security == Security::Required {
            let problem = "does not offer STARTTLS; nothing was sent in clear (add ?tls=off to allow it)";
            return Err(self.unsupported(problem));
        }
        self.log_in(&mut connection, &extensions, is_secret).await?;
        Ok(ReadyConnection { connection, extensions, name })
    }

    async fn hello(
        &self,
        connection: &mut Connection,
        hello: &str,
    ) -> Result<(Extensions, String), ConnectError> {
        let reply = self.command(connection, hello, "EHLO").await?;
        self.expect_code(&reply, 250, "does not speak ESMTP")?;
        let name = reply.lines.first().and_then(|line| line.split(' ').next()).unwrap_or_default();
        Ok((Extensions::read(&reply), name.to_owned()))
    }

    async fn start_tls(&self, mut connection: Connection) -> Result<Connection, ConnectError> {
        let reply = self.command(&mut connection, &Starttls.to_string(), "STARTTLS").await?;
        self.expect_code(&reply, 220, "cannot start TLS")?;
        // Data after the 220 was injected by someone in between.
        let stream = connection
            .into_plaintext()
            .map_err(|_| self.failed("cannot start TLS", Cause::UnexpectedData))?;
        Ok(Connection::new(self.secure(stream).await?))
    }

    async fn secure(&self, stream: TcpStream) -> Result<Stream, ConnectError> {
        let config = self.tls.get_or_init(|| tls(&self.roots).map(Arc::new)).clone();
        let config = config.map_err(|error| self.failed("cannot start TLS", error))?;
        let name =
            ServerName::try_from(self.host.clone()).map_err(|error| self.failed("has a bad name", error))?;
        match timeout(self.limits.connect, TlsConnector::from(config).connect(name, stream)).await {
            Ok(Ok(stream)) => Ok(Stream::Tls(Box::new(stream))),
            Ok(Err(error)) => Err(self.failed("cannot be trusted", error)),
            Err(_) => Err(self.failed("cannot start TLS", Cause::TimedOut)),
        }
    }

    /// Logs in by AUTH PLAIN (RFC 4616), or by LOGIN if the server offers nothing else.
    async fn log_in(
        &self,
        connection: &mut Connection,
        extensions: &Extensions,
        is_secret: bool,
    ) -> Result<(), ConnectError> {
        let Some((user, password)) = &self.login else { return Ok(()) };
        if !is_secret && self.security != Security::Off {
            return Err(self.unsupported("offers no TLS, and the password is not sent in clear"));
        }
        let mut reply = if extensions.plain {
            let secret = STANDARD.encode(format!("\0{user}\0{password}"));
            self.command(connection, &format!("AUTH PLAIN {secret}\r\n"), "AUTH").await?
        } else if extensions.login {
            self.command(connection, "AUTH LOGIN\r\n", "AUTH").await?
        } else {
            return Err(self.unsupported("offers neither AUTH PLAIN nor LOGIN"));
        };
        for secret in [user, password] {
            if reply.code == 334 {
                reply = self.command(connection, &format!("{}\r\n", STANDARD.encode(secret)), "AUTH").await?;
            }
        }
        self.expect_code(&reply, 235, "does not accept the user and password")
    }

    async fn command(
        &self,
        connection: &mut Connection,
        command: &str,
        what: &str,
    ) -> Result<Reply, ConnectError> {
        let limit = self.limits.command;
        connection
            .write(command.as_bytes(), limit)
            .await
            .map_err(|error| self.failed(format!("did not accept {what}"), error))?;
        connection.reply(limit).await.map_err(|error| self.failed(format!("did not answer {what}"), error))
    }

    fn expect_code(&self, reply: &Reply, code: u16, what: &str) -> Result<(), ConnectError> {
        if reply.code == code {
            Ok(())
        } else {
            Err(self.failed(what.to_owned(), Cause::Reply(Box::new(reply.clone()))))
        }
    }

    pub(crate) fn failed(
        &self,
        problem: impl Into<Cow<'static, str>>,
        cause: impl Into<Cause>,
    ) -> ConnectError {
        ConnectError { host: self.host.clone(), problem: problem.into(), cause: Some(cause.into()) }
    }

    fn unsupported(&self, problem: &'static str) -> ConnectError {
        ConnectError { host: self.host.clone(), problem: problem.into(), cause: None }
    }
}

impl Extensions {
    fn read(reply: &Reply) -> Self {
        let mut extensions = Self::default();
        for line in reply.lines.iter().skip(1) {
            let line = line.to_ascii_uppercase();
            let mut words = line.split([' ', '=']).filter(|word| !word.is_empty());
            match words.next() {
                Some("PIPELINING") => extensions.pipelining = true,
                Some("8BITMIME") => extensions.eight_bit = true,
                Some("STARTTLS") => extensions.starttls = true,
                Some("SIZE") => {
                    let size = words.next().and_then(|size| size.parse().ok());
                    extensions.size = Some(size.unwrap_or(0));
                }
                Some("AUTH") => {
                    let words: Vec<_> = words.collect();
                    extensions.plain |= words.contains(&"PLAIN");
                    extensions.login |= words.contains(&"LOGIN");
                }
                _ => {}
            }
        }
        extensions
    }
}

/// Returns the machine's name if it is fully qualified, else its address on this connection (RFC
/// 5321 §4.1.4).
fn client_id(address: IpAddr) -> ClientId {
    let is_qualified = |name: &str| {
        name.contains('.')
            && name.len() < 250
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
    };
    match ClientId::default() {
        ClientId::Domain(name) if is_qualified(&name) => ClientId::Domain(name),
        _ => match address.to_canonical() {
            IpAddr::V4(address) => ClientId::Ipv4(address),
            IpAddr::V6(address) => ClientId::Ipv6(address),
        },
    }
}

/// The host of a URL that is not http: IPv4 literals are not parsed in those.
fn host(url: &Url) -> Option<String> {
    match url.host()? {
        Host::Domain(name) if !name.is_empty() => Some(decoded(name)),
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(address.to_string()),
        Host::Ipv6(address) => Some(address.to_string()),
    }
}

/// Returns `text` percent-decoded.
fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(url: &str) -> Result<Relay, SenderError> {
        Relay::new(url, Vec::new(), Timeouts::default())
    }

    #[test]
    fn reads_urls() {
        let one = relay("smtps://news%40a.example:p%3Ass%25@mail.example").unwrap();
        assert_eq!((one.host.as_str(), one.port, one.security), ("mail.example", 465, Security::Implicit));
        assert_eq!(one.login, Some(("news@a.example".into(), "p:ss%".into())));
        let port = |url| relay(url).map(|relay| (relay.host, relay.port)).unwrap();
        assert_eq!(port("smtp://mail.example"), ("mail.example".into(), 587));
        assert_eq!(port("smtp://127.0.0.1:2525?tls=off"), ("127.0.0.1".into(), 2525));
        assert_eq!(port("smtp://[::1]?tls=off"), ("::1".into(), 25));
    }

    #[test]
    fn bad_urls_are_reported_without_the_password() {
        for bad in [
            "",
            "mail.example",
            "http://u:secret@mail.example",
            "smtp://u:secret@a?tls=maybe",
            "smtp:u:secret",
        ] {
            let error = relay(bad).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        let shown = format!("{:?}", relay("smtp://u:secret@a.example").unwrap());
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn reads_the_servers_extensions() {
        let reply = Reply::read(
            "250-mail.example\n250-PIPELINING\n250-SIZE 1000\n250-   \n250-AUTH=LOGIN plain\n250 8bitmime",
        );
        let extensions = Extensions::read(&reply);
        let expected = Extensions {
            pipelining: true,
            eight_bit: true,
            size: Some(1000),
            plain: true,
            login: true,
            starttls: false,
        };
        assert_eq!(extensions, expected);
    }
}
