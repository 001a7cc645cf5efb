//! Where mail goes: the relay's address, how to reach it, and the conversation up to the first
//! MAIL.

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

use crate::line::{Line, Lost, Wire};
use crate::reply::Reply;

/// Reason for which there is no session with a relay, for people. Nothing of a message was sent.
#[derive(Debug)]
pub struct ConnectError {
    host: String,
    /// What the server does not do: `cannot be reached`.
    problem: Cow<'static, str>,
    cause: Option<Cause>,
}

/// Cause of a [`ConnectError`].
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The network.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The connection ended.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// The reply, as it was said.
    #[error("{0}")]
    Reply(Box<Reply>),
    /// A time limit passed.
    #[error("it took too long")]
    TooLong,
    /// Bytes came where none may, as an attacker in between would put them there.
    #[error("it said more than it may")]
    TooMuch,
    /// The host is no name that a certificate can have.
    #[error(transparent)]
    Name(#[from] rustls::pki_types::InvalidDnsNameError),
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

/// An SMTP server to hand messages to.
pub struct Relay {
    pub(crate) host: String,
    port: u16,
    pub(crate) security: Security,
    pub(crate) login: Option<(String, String)>,
    pub(crate) limits: Timeouts,
    tls: OnceLock<Result<Arc<ClientConfig>, TlsError>>,
    pub(crate) roots: Vec<rustls::pki_types::CertificateDer<'static>>,
    /// The fewest bytes that the server refused as too many for it; `usize::MAX` if it never did.
    refused_size: AtomicUsize,
}

/// When the line becomes secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// From the first byte: `smtps://`.
    Implicit,
    /// By STARTTLS, or not at all.
    Required,
    /// By STARTTLS if it is offered: `?tls=opportunistic`. A password is not sent otherwise.
    Opportunistic,
    /// Never: `?tls=off`.
    Off,
}

/// A connection ready for MAIL, and what the server can do.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) line: Line,
    pub(crate) can: Extensions,
    /// What the server calls itself.
    pub(crate) name: String,
}

/// What EHLO told.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Extensions {
    pub(crate) pipelining: bool,
    pub(crate) eight_bit: bool,
    /// `Some(0)`: any size, but it likes to be told.
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
    /// Reads `smtp://user:password@host:port?tls=off` or `smtps://…`. The error never shows the
    /// URL: it holds a password.
    pub fn new(
        url: &str,
        roots: Vec<rustls::pki_types::CertificateDer<'static>>,
        limits: Timeouts,
    ) -> Result<Self, SenderError> {
        let url = Url::parse(url).map_err(|error| SenderError(format!("its url is not one: {error}")))?;
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

    /// A message of so many bytes would be refused again.
    pub(crate) fn refused_size(&self) -> usize {
        self.refused_size.load(Ordering::Relaxed)
    }

    /// The server refused a message of so many bytes as too big for every recipient.
    pub(crate) fn refuse_size(&self, size: usize) {
        self.refused_size.fetch_min(size, Ordering::Relaxed);
    }

    /// Connects, and says who we are. The error is what to tell people; nothing of a message was
    /// sent.
    pub(crate) async fn connect(&self) -> Result<Ready, ConnectError> {
        let connecting = timeout(self.limits.connect, TcpStream::connect((self.host.as_str(), self.port)));
        let stream = match connecting.await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(self.failed("cannot be reached", error)),
            Err(_) => return Err(self.failed("cannot be reached", Cause::TooLong)),
        };
        // Without this a message waits for the delayed acknowledgement of the last: 40 ms each.
        stream.set_nodelay(true).map_err(|error| self.failed("cannot be reached", error))?;
        let address = stream.local_addr().map_err(|error| self.failed("cannot be reached", error))?;
        let hello = Ehlo::new(client_id(address.ip())).to_string();
        let wire = if self.security == Security::Implicit {
            self.secure(stream).await?
        } else {
            Wire::Clear(stream)
        };
        let mut line = Line::new(wire);
        let greeting =
            line.reply(self.limits.greeting).await.map_err(|lost| self.failed("did not greet", lost))?;
        self.expect(&greeting, 220, "does not want us")?;
        let (mut can, mut name) = self.hello(&mut line, &hello).await?;
        let mut is_secret = self.security == Security::Implicit;
        if can.starttls && matches!(self.security, Security::Required | Security::Opportunistic) {
            line = self.start_tls(line).await?;
            // RFC 3207 §4.2: what was said in clear does not count.
            (can, name) = self.hello(&mut line, &hello).await?;
            is_secret = true;
        }
        if !is_secret && self.security == Security::Required {
            let problem = "does not offer STARTTLS; nothing was sent in clear (add ?tls=off to allow it)";
            return Err(self.lacks(problem));
        }
        self.log_in(&mut line, &can, is_secret).await?;
        Ok(Ready { line, can, name })
    }

    async fn hello(&self, line: &mut Line, hello: &str) -> Result<(Extensions, String), ConnectError> {
        let reply = self.ask(line, hello, "EHLO").await?;
        self.expect(&reply, 250, "does not speak ESMTP")?;
        let name = reply.lines.first().and_then(|line| line.split(' ').next()).unwrap_or_default();
        Ok((Extensions::read(&reply), name.to_owned()))
    }

    async fn start_tls(&self, mut line: Line) -> Result<Line, ConnectError> {
        let reply = self.ask(&mut line, &Starttls.to_string(), "STARTTLS").await?;
        self.expect(&reply, 220, "cannot start TLS")?;
        // Bytes after the 220 were put there by an attacker in between.
        let stream = line.into_clear().map_err(|_| self.failed("cannot start TLS", Cause::TooMuch))?;
        Ok(Line::new(self.secure(stream).await?))
    }

    async fn secure(&self, stream: TcpStream) -> Result<Wire, ConnectError> {
        let config = self.tls.get_or_init(|| tls(&self.roots).map(Arc::new)).clone();
        let config = config.map_err(|error| self.failed("cannot start TLS", error))?;
        let name =
            ServerName::try_from(self.host.clone()).map_err(|error| self.failed("has a bad name", error))?;
        match timeout(self.limits.connect, TlsConnector::from(config).connect(name, stream)).await {
            Ok(Ok(stream)) => Ok(Wire::Tls(Box::new(stream))),
            Ok(Err(error)) => Err(self.failed("cannot be trusted", error)),
            Err(_) => Err(self.failed("cannot start TLS", Cause::TooLong)),
        }
    }

    /// AUTH PLAIN (RFC 4616), or LOGIN where that is all there is.
    async fn log_in(&self, line: &mut Line, can: &Extensions, is_secret: bool) -> Result<(), ConnectError> {
        let Some((user, password)) = &self.login else { return Ok(()) };
        if !is_secret && self.security != Security::Off {
            return Err(self.lacks("offers no TLS, and the password is not sent in clear"));
        }
        let mut reply = if can.plain {
            let secret = STANDARD.encode(format!("\0{user}\0{password}"));
            self.ask(line, &format!("AUTH PLAIN {secret}\r\n"), "AUTH").await?
        } else if can.login {
            self.ask(line, "AUTH LOGIN\r\n", "AUTH").await?
        } else {
            return Err(self.lacks("offers neither AUTH PLAIN nor LOGIN"));
        };
        for secret in [user, password] {
            if reply.code == 334 {
                reply = self.ask(line, &format!("{}\r\n", STANDARD.encode(secret)), "AUTH").await?;
            }
        }
        self.expect(&reply, 235, "does not accept the user and password")
    }

    async fn ask(&self, line: &mut Line, command: &str, what: &str) -> Result<Reply, ConnectError> {
        let limit = self.limits.command;
        line.write(command.as_bytes(), limit)
            .await
            .map_err(|lost| self.failed(format!("did not take {what}"), lost))?;
        line.reply(limit).await.map_err(|lost| self.failed(format!("did not answer {what}"), lost))
    }

    fn expect(&self, reply: &Reply, code: u16, what: &str) -> Result<(), ConnectError> {
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

    fn lacks(&self, problem: &'static str) -> ConnectError {
        ConnectError { host: self.host.clone(), problem: problem.into(), cause: None }
    }
}

impl Extensions {
    fn read(reply: &Reply) -> Self {
        let mut can = Self::default();
        for line in reply.lines.iter().skip(1) {
            let line = line.to_ascii_uppercase();
            let mut words = line.split([' ', '=']).filter(|word| !word.is_empty());
            match words.next() {
                Some("PIPELINING") => can.pipelining = true,
                Some("8BITMIME") => can.eight_bit = true,
                Some("STARTTLS") => can.starttls = true,
                Some("SIZE") => can.size = Some(words.next().and_then(|size| size.parse().ok()).unwrap_or(0)),
                Some("AUTH") => {
                    let words: Vec<_> = words.collect();
                    can.plain |= words.contains(&"PLAIN");
                    can.login |= words.contains(&"LOGIN");
                }
                _ => {}
            }
        }
        can
    }
}

/// The machine's name, if it is a whole one; else its address on this connection (RFC 5321 §4.1.4).
fn client_id(address: IpAddr) -> ClientId {
    let fits = |name: &str| {
        name.contains('.')
            && name.len() < 250
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
    };
    match ClientId::default() {
        ClientId::Domain(name) if fits(&name) => ClientId::Domain(name),
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
    fn says_what_is_wrong_and_no_secret() {
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
    fn reads_what_the_server_can_do() {
        let reply = Reply::read(
            "250-mail.example\n250-PIPELINING\n250-SIZE 1000\n250-   \n250-AUTH=LOGIN plain\n250 8bitmime",
        );
        let can = Extensions::read(&reply);
        let expected = Extensions {
            pipelining: true,
            eight_bit: true,
            size: Some(1000),
            plain: true,
            login: true,
            starttls: false,
        };
        assert_eq!(can, expected);
    }
}
