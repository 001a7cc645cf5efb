//! What can be seen of a mail server without giving it a message.

use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use lettre::transport::smtp::commands::Quit;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use crate::line::Wire;
use crate::relay::{ConnectError, Ready, Relay, Security};

/// A server as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// What it calls itself.
    pub name: String,
    /// Where it was found.
    pub address: SocketAddr,
    /// What was asked of the line.
    pub security: Security,
    /// What became of that; `None` where all is in clear.
    pub tls: Option<Tls>,
    /// True if the URL names a user and the server let that user in.
    pub logged_in: bool,
    /// Set if several commands may go in one write.
    pub pipelining: bool,
    /// The largest message in bytes; 0 for any.
    pub size: Option<usize>,
}

/// A secret line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// `TLS 1.3`
    pub version: &'static str,
    /// How many days from now its certificate is still good for: 0 to 365.
    pub days: u32,
}

/// How far ahead a certificate is looked at.
const YEAR: u32 = 365;

impl Relay {
    /// Connects as for a message, looks around, and leaves. The error is what to tell people.
    pub async fn examine(&self, now: Timestamp) -> Result<Examined, ConnectError> {
        let Ready { mut line, can, name } = self.connect().await?;
        let (stream, session) = match line.wire() {
            Wire::Clear(stream) => (stream, None),
            Wire::Tls(stream) => (stream.get_ref().0, Some(stream.get_ref().1)),
        };
        let address = stream.peer_addr().map_err(|error| self.failed("is gone", error))?;
        let tls = session.map(|session| Tls {
            version: match session.protocol_version() {
                Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
                Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
                _ => "an unknown TLS",
            },
            days: self.good_for(session.peer_certificates().unwrap_or_default(), now),
        });
        // It may go as it likes: nothing was left with it.
        let _ = line.write(Quit.to_string().as_bytes(), Duration::from_secs(1)).await;
        Ok(Examined {
            name,
            address,
            security: self.security,
            tls,
            logged_in: self.login.is_some(),
            pipelining: can.pipelining,
            size: can.size,
        })
    }

    /// The last day from `now` on which the machine would still trust these certificates.
    fn good_for(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> u32 {
        let Some((own, others)) = chain.split_first() else { return 0 };
        let (Ok(verifier), Ok(name)) =
            (egress::verifier(&self.roots), ServerName::try_from(self.host.as_str()))
        else {
            return 0;
        };
        let start = u64::try_from(now.as_second()).unwrap_or_default();
        let good = |day: u32| {
            let time = Duration::from_secs(start + u64::from(day) * 86_400);
            let time = UnixTime::since_unix_epoch(time);
            verifier.verify_server_cert(own, others, &name, &[], time).is_ok()
        };
        let days: Vec<u32> = (1..=YEAR).collect();
        u32::try_from(days.partition_point(|day| good(*day))).unwrap_or(YEAR)
    }
}
