//! The examination of a channel before it is used: its server, its DNS records, its signature. It
//! sends no message.

mod dkim;
mod dmarc;
mod dns;
mod finding;
mod mail;
mod network;
mod relay;
mod spf;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use campaign::{Channel, ChannelKind, Mailbox, Secret};
use egress::{Proxy, Settings};
use jiff::Timestamp;
use message::{Email, SenderError, Timeouts};
use rustls::pki_types::CertificateDer;
use smtp::{DkimSigner, Relay};
use tokio::time::{Instant, timeout_at};
use url::Url;

pub use dns::{Dns, DnsError, Zone};
pub use finding::{CheckVerdict, Finding};

/// An examiner of channels with one deadline for all of them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Doctor {
    dns: Arc<Dns>,
    now: Timestamp,
    until: Instant,
    roots: Vec<CertificateDer<'static>>,
    proxy: Option<Proxy>,
}

impl Doctor {
    /// Returns a doctor whose examinations end within `timeout`. The expiry of certificates is
    /// computed from `now`.
    #[must_use]
    pub fn new(dns: Dns, now: Timestamp, timeout: Duration) -> Self {
        Self { dns: Arc::new(dns), now, until: Instant::now() + timeout, roots: Vec::new(), proxy: None }
    }

    /// Trusts these certificate authorities (DER) in addition to the machine's own.
    #[must_use]
    pub fn with_roots(self, roots: Vec<CertificateDer<'static>>) -> Self {
        Self { roots, ..self }
    }

    /// Makes HTTP requests through a proxy if there is one.
    #[must_use]
    pub fn with_proxy(self, proxy: Option<Proxy>) -> Self {
        Self { proxy, ..self }
    }

    /// Examines a channel. `sample` is an e-mail of the channel to sign; without it a made-up one
    /// is used.
    pub async fn examine_channel(&self, channel: &Channel, sample: Option<Email>) -> Vec<Finding> {
        let findings = match &channel.kind {
            ChannelKind::Outbox { .. } => {
                vec![Finding::pass("outbox", "keeps messages; nothing leaves this machine")]
            }
            ChannelKind::Smtp { url, from, .. } => {
                Box::pin(self.examine_mail(channel, url, from, sample)).await
            }
            ChannelKind::Network(account) => {
                let examined = network::examine(&self.dns, account, self.now, self.settings());
                self.bounded_all("address", examined).await
            }
        };
        let about = format!("channel {}", channel.id);
        let table = format!("[channels.{}.", channel.id);
        let own = |finding: Finding| {
            let fix = finding.fix.as_ref().map(|fix| fix.replace("[channels.NAME.", &table));
            Finding { fix, ..finding.about(about.as_str()) }
        };
        findings.into_iter().map(own).collect()
    }

    /// Checks that the host of tracked links has an address in the DNS.
    pub async fn examine_public_url(&self, url: &Url) -> Finding {
        let Some(host) = url.domain() else { return Finding::pass("host", "links name an address") };
        let addresses = async {
            match self.dns.addresses(host).await {
                Ok(found) if found.is_empty() => Finding::fail_outside(
                    "host",
                    format!("{host} has no address, so links lead nowhere"),
                    format!("Publish {host} A <the address of this server>."),
                ),
                Ok(_) => Finding::pass("host", format!("{host} has an address")),
                Err(error) => Finding::unanswered("host", &error),
            }
        };
        self.bounded("host", addresses).await
    }

    async fn examine_mail(
        &self,
        channel: &Channel,
        url: &Secret,
        from: &Mailbox,
        sample: Option<Email>,
    ) -> Vec<Finding> {
        let (dns, domain) = (&*self.dns, from.address.domain());
        let signer = DkimSigner::of(channel);
        let signed = signer.as_ref().ok().and_then(Option::as_ref).map(DkimSigner::domain);
        let (relay, dkim, dmarc, spf, sender, bounces) = tokio::join!(
            self.examine_relay(url),
            self.examine_dkim(&signer, sample),
            self.bounded_all("dmarc", dmarc::examine(dns, domain, signed)),
            self.bounded("spf", spf::examine(dns, domain)),
            self.bounded("sender", mail::examine_sender(dns, domain)),
            self.bounded("bounces", mail::examine_bounces(dns, domain)),
        );
        [relay, vec![spf], dkim, dmarc, vec![sender, bounces]].concat()
    }

    async fn examine_relay(&self, url: &Secret) -> Vec<Finding> {
        match url.expose() {
            Ok(url) => {
                let relay = Relay::new(url, self.roots.clone(), short_timeouts());
                self.bounded_all("relay", relay::examine(&self.dns, relay, self.now)).await
            }
            Err(missing) => vec![not_set("relay", &missing)],
        }
    }

    async fn examine_dkim(
        &self,
        signer: &Result<Option<DkimSigner>, SenderError>,
        sample: Option<Email>,
    ) -> Vec<Finding> {
        match signer {
            Ok(Some(signer)) => {
                let sample = sample.unwrap_or_else(|| sample_email(signer.domain()));
                self.bounded_all("dkim", dkim::examine(&self.dns, signer, sample)).await
            }
            Ok(None) => vec![dkim::not_configured()],
            Err(error) => {
                let fix = "Set or fix `key` in [channels.NAME.dkim].";
                vec![Finding::fail_here("dkim", format!("cannot {error}"), fix)]
            }
        }
    }

    fn settings(&self) -> Settings {
        Settings { roots: self.roots.clone(), timeout: short_timeouts().request, proxy: self.proxy.clone() }
    }

    async fn bounded(&self, check: &'static str, work: impl Future<Output = Finding>) -> Finding {
        timeout_at(self.until, work).await.unwrap_or_else(|_| timed_out(check))
    }

    async fn bounded_all(
        &self,
        check: &'static str,
        work: impl Future<Output = Vec<Finding>>,
    ) -> Vec<Finding> {
        timeout_at(self.until, work).await.unwrap_or_else(|_| vec![timed_out(check)])
    }
}

fn timed_out(check: &'static str) -> Finding {
    Finding::fail_outside(check, "no answer in time", "Try again; if it stays, ask who runs the other side.")
}

fn not_set(check: &'static str, missing: &dyn std::fmt::Display) -> Finding {
    Finding::fail_here(check, missing.to_string(), "Set it where Chorus runs.")
}

/// Returns shorter timeouts than those of sending: a person waits for the result.
fn short_timeouts() -> Timeouts {
    let seconds = Duration::from_secs;
    Timeouts { connect: seconds(3), greeting: seconds(8), command: seconds(8), ..Timeouts::default() }
}

/// Returns an e-mail to sign for a channel that no campaign uses yet.
fn sample_email(domain: &str) -> Email {
    let raw = format!(
        "From: news@{domain}\r\nTo: reader@{domain}\r\nSubject: A sample\r\nMessage-ID: <sample@{domain}>\r\n\
         Date: Thu, 01 Jan 1970 00:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nA sample\r\n"
    );
    Email {
        envelope_from: format!("news@{domain}"),
        envelope_to: format!("reader@{domain}"),
        subject: "A sample".to_owned(),
        html: String::new(),
        text: "A sample".to_owned(),
        raw: raw.into_bytes(),
    }
}
