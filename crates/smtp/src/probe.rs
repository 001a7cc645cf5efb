//! The probe of a mail server: its name, TLS and extensions, without a message.

use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use lettre::transport::smtp::commands::Quit;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use crate::connection::Stream;
use crate::relay::{ConnectError, ReadyConnection, Relay, Security};

/// The properties of a mail server, as a probe found them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayProbe {
    /// The server's name in its reply to EHLO.
    pub name: String,
    /// The address of the connection.
    pub address: SocketAddr,
    /// The encryption that the relay's URL asks for.
    pub security: Security,
    /// The encryption in use; `None` for a connection in clear.
    pub tls: Option<Tls>,
    /// True if the relay has a user, who was logged in.
    pub logged_in: bool,
    /// True if the server accepts several commands in one write.
    pub pipelining: bool,
    /// The largest message in bytes; 0 for any size, `None` if the server does not report it.
    pub size: Option<usize>,
}

/// The encryption of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The protocol version, such as `TLS 1.3`.
    pub version: &'static str,
    /// The number of days from now for which the certificate is valid: 0 to 365.
    pub days: u32,
}

/// The number of days up to which the certificate's validity is checked.
const MAX_DAYS: u32 = 365;

impl Relay {
    /// Connects as for a message, reads the server's properties, and quits.
    ///
    /// # Errors
    /// As for a connection for a message.
    pub async fn probe(&self, now: Timestamp) -> Result<RelayProbe, ConnectError> {
        let ReadyConnection { mut connection, extensions, name } = self.connect().await?;
        let (stream, session) = match connection.stream() {
            Stream::Plaintext(stream) => (stream, None),
            Stream::Tls(stream) => (stream.get_ref().0, Some(stream.get_ref().1)),
        };
        let address = stream.peer_addr().map_err(|error| self.failed("is gone", error))?;
        let tls = session.map(|session| Tls {
            version: match session.protocol_version() {
                Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
                Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
                _ => "an unknown TLS",
            },
            days: self.days_valid(session.peer_certificates().unwrap_or_default(), now),
        });
        // The reply does not matter: no message was handed over.
        let _ = connection.write(Quit.to_string().as_bytes(), Duration::from_secs(1)).await;
        Ok(RelayProbe {
            name,
            address,
            security: self.security,
            tls,
            logged_in: self.login.is_some(),
            pipelining: extensions.pipelining,
            size: extensions.size,
        })
    }

    /// Returns the last day from `now` on which this machine would still trust the certificates.
    fn days_valid(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> u32 {
        let Some((own, intermediates)) = chain.split_first() else { return 0 };
        let (Ok(verifier), Ok(name)) =
            (egress::verifier(&self.roots), ServerName::try_from(self.host.as_str()))
        else {
            return 0;
        };
        let start = u64::try_from(now.as_second()).unwrap_or_default();
        let is_valid = |day: u32| {
            let time = Duration::from_secs(start + u64::from(day) * 86_400);
            let time = UnixTime::since_unix_epoch(time);
            verifier.verify_server_cert(own, intermediates, &name, &[], time).is_ok()
        };
        let days: Vec<u32> = (1..=MAX_DAYS).collect();
        u32::try_from(days.partition_point(|day| is_valid(*day))).unwrap_or(MAX_DAYS)
    }
}
